"""Columns that do not arrive as they are: their table is changed before any row comes."""

from __future__ import annotations

import psycopg

from entrepot_core.policy.columns import PSEUDONYM_LENGTH
from entrepot_core.policy.tables import Policy, TableRule
from entrepot_core.postgres.identifiers import TableName, quote
from entrepot_core.warehouse.runs import Record


def adapt(
    connection: psycopg.Connection, table: TableName, policy: Policy, record: Record
) -> None:
    """Make room for NULLs, pseudonyms and numbers in a table that was just made, and is empty.

    Args:
        connection: A session on the warehouse, in autocommit.
        table: The table.
        policy: Which columns change.
        record: Where findings go.
    """
    rule = policy.rule(table)
    if not rule.columns:
        return
    attributes = connection.execute(
        "SELECT attname, attnum, attidentity <> '',"
        " pg_catalog.format_type(atttypid, atttypmod),"
        " CASE WHEN atttypid IN ('varchar'::regtype, 'bpchar'::regtype) THEN atttypmod - 4 END,"
        " atttypid = 'text'::regtype FROM pg_catalog.pg_attribute"
        " WHERE attrelid = %s::regclass AND attname = ANY (%s) AND attinhcount = 0",
        [table.sql, list(rule.columns)],
    ).fetchall()
    _drop_checks(connection, table, record, [row[1] for row in attributes])
    for name, _, identity, type_name, length, is_text in attributes:
        changes = _column_changes(
            rule, name, identity=identity, length=length, is_text=is_text
        )
        connection.execute(
            f"ALTER TABLE {table.sql} "
            + ", ".join(f"ALTER COLUMN {quote(name)} {change}" for change in changes)
        )
        if rule.columns[name] == "text":
            record.finding(f"column {table}.{name}", "is text: the policy asks for it")
        elif any("TYPE" in change for change in changes):
            is_amount = rule.columns[name] == "numeric"
            became = "numeric" if is_amount else "text"
            why = "its unit would be another here" if is_amount else "a pseudonym is"
            record.finding(
                f"column {table}.{name}",
                f"is {became} instead of {type_name}: {why}",
            )


def _drop_checks(
    connection: psycopg.Connection,
    table: TableName,
    record: Record,
    numbers: list[int],
) -> None:
    """Drop the CHECKs that NULLs or pseudonyms would not pass."""
    for (name,) in connection.execute(
        "SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = %s::regclass"
        " AND contype = 'c' AND conkey && %s::int2[]",
        [table.sql, numbers],
    ).fetchall():
        connection.execute(f"ALTER TABLE {table.sql} DROP CONSTRAINT {quote(name)}")
        record.finding(
            f"constraint {name} of table {table}",
            "left out: it checks a changed column",
        )


def _column_changes(
    rule: TableRule, name: str, *, identity: bool, length: int | None, is_text: bool
) -> list[str]:
    changes = ["DROP IDENTITY"] if identity else ["DROP DEFAULT"]
    if rule.columns[name] == "exclude":
        return [*changes, "DROP NOT NULL"]
    if rule.columns[name] == "numeric":
        return [*changes, "TYPE numeric"]
    roomy = is_text or (
        length is not None and (length < 0 or length >= PSEUDONYM_LENGTH)
    )
    return changes if roomy else [*changes, "TYPE text"]
