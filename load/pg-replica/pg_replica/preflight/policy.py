"""What a table policy asks for and cannot have."""

from __future__ import annotations

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres import catalog
from pg_replica.settings import Settings


def policy_problems(
    resolved: Policy, tables: list[catalog.Table], settings: Settings
) -> list[str]:
    """Find what a policy asks for and cannot have.

    Args:
        resolved: The policy.
        tables: The source's tables.
        settings: For the secret.

    Returns:
        One sentence each.
    """
    problems = []
    if resolved.pseudonymises and not settings.pseudonym_secret:
        problems.append(
            "PSEUDONYM_SECRET is missing: the table policy pseudonymises columns; set a random "
            "text of at least 16 characters, and keep it: pseudonyms change with it"
        )
    for table in tables:
        rule = resolved.rule(table.name)
        problems += [
            f"{settings.tables_file}: column {column.name!r} of table {table.name} is part "
            "of its primary key and cannot be left out: pseudonymise it"
            for column in table.columns
            if column.in_key and rule.columns.get(column.name) == "exclude"
        ]
        problems += [
            f"{settings.tables_file}: column {column.name!r} of table {table.name} cannot be "
            "numeric: only columns of type money can, of tables that are copied whole from a live "
            "source"
            for column in table.columns
            if rule.columns.get(column.name) == "numeric"
            and (
                rule.mode != "full"
                or settings.mode == "archive"
                or column.type not in ("money", "numeric")
            )
        ]
    return problems
