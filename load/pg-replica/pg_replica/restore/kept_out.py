"""Tables and columns that stay out of the replica, and what goes with them."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.catalog import Fact
from entrepot_core.postgres.identifiers import TableName, quote
from entrepot_core.warehouse.runs import Record
from pg_replica.dump.items import FOREIGN_KEY, Item
from pg_replica.verify import compare as verify


def drop_kept_out(
    main: psycopg.Connection,
    policy: Policy,
    before: set[Fact],
    after: Callable[[], set[Fact]],
    record: Record,
) -> None:
    """Drop what the policy keeps out, and report what PostgreSQL has dropped with it.

    Args:
        main: A session on the warehouse.
        policy: The table policy.
        before: What the catalogs said of the landing before.
        after: Asks them again.
        record: Where findings go.
    """
    tables = {
        TableName(schema, name)
        for kind, schema, name, _ in before
        if kind == "relation"
    }
    _drop(main, policy, tables)
    if not policy.rules:
        return
    for fact in sorted(before - after()):
        kind, schema, name, detail = fact
        table = TableName(schema, name)
        if table in policy.kept_out or verify.is_changed(fact, policy):
            continue
        subject = " ".join(part for part in (kind, str(table), detail) if part)
        record.finding(subject, "left out with a table or column that stays out")


def foreign_keys_left_out(
    post_data: list[Item], policy: Policy, *, all_of_them: bool
) -> list[Item]:
    """List the foreign keys that the landing lacks with good reason.

    Args:
        post_data: The dump's items.
        policy: Tables that stay out: no key goes to them, or from them.
        all_of_them: Whether none is restored.

    Returns:
        The keys.
    """
    kept_out = set(policy.kept_out)
    return [
        item
        for item in post_data
        if item.kind == FOREIGN_KEY
        and (all_of_them or {item.table, item.referenced_table} & kept_out)
    ]


def _drop(
    connection: psycopg.Connection, policy: Policy, tables: set[TableName]
) -> None:
    """Drop the tables and columns that stay out, and what hangs on them in the landing.

    They were made empty, with all that belongs to them: so PostgreSQL's own record of what
    depends on what decides what goes, never a resemblance of names.
    """
    for table in tables & set(policy.kept_out):
        connection.execute(f"DROP TABLE IF EXISTS {table.sql} CASCADE")
    for table, rule in policy.rules.items():
        if table not in tables or rule.mode != "full":
            continue
        for column in (
            name for name, action in rule.columns.items() if action == "exclude"
        ):
            connection.execute(
                f"ALTER TABLE {table.sql} DROP COLUMN IF EXISTS {quote(column)} CASCADE"
            )
