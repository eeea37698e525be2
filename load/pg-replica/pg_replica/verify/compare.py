"""Verification before publishing: catalog objects and sampled rows compared with the source."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.base.logs import event
from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.catalog import Fact, Table
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import TableName, quote
from pg_replica.dump.items import Item
from pg_replica.dump.without import NOTHING, Lacking

_MANY = 10  # differences that a message lists
# Over UTF-8, whatever the database's encoding; bytes without one are taken as they are.
_HASH = """('x' || pg_catalog.left(
    CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN pg_catalog.md5(t::pg_catalog.text)
    ELSE pg_catalog.md5(pg_catalog.convert_to(t::pg_catalog.text, 'UTF8')) END, 16
))::pg_catalog.bit(64)::pg_catalog.int8"""
_SAMPLE = 50  # rows at each end of a primary key
# Errors of the source's code, which the planner inlines where an index calls it: not of the rows.
_OF_CODE = ("0A", "22", "2F", "38", "39", "3F", "42", "P0")


def expected(
    source: set[Fact],
    policy: Policy,
    left_out: list[Item],
    lacking: Mapping[TableName, Lacking],
) -> set[Fact]:
    """Say what the landing must hold before anything is dropped from it.

    Args:
        source: The source's facts.
        policy: Columns that change; what is said of them is not compared.
        left_out: Items that were left out for a known reason.
        lacking: What tables go without.

    Returns:
        Facts.
    """
    # A tag is the object's name, or its table's and its own: a fact's last two parts.
    tags = {(item.schema or "", item.tag) for item in left_out}
    return {
        (kind, schema, name, detail)
        for kind, schema, name, detail in source
        if not _tags(kind, schema, name, detail) & tags
        and not is_changed((kind, schema, name, detail), policy)
        and not _is_lacking(kind, detail, lacking.get(TableName(schema, name), NOTHING))
    }


def _tags(kind: str, schema: str, name: str, detail: str) -> set[tuple[str, str]]:
    """Give the tags that an item may have which makes what a fact is about."""
    found = {(schema, name), (schema, f"{name} {detail}")}
    if kind == "index":
        index = detail.removesuffix(" unique")
        found |= {(schema, index), (schema, f"{name} {index}")}
    return found


def _is_lacking(kind: str, detail: str, lacking: Lacking) -> bool:
    """Say whether a fact is about what a table goes without."""
    if kind == "constraint c":
        return detail in lacking.constraints
    return kind == "column" and any(
        detail.startswith((f"{column} ", f"{quote(column)} "))
        for column in lacking.bare | lacking.text | lacking.loose
    )


def is_changed(fact: Fact, policy: Policy) -> bool:
    """Say whether a fact is about a column that does not arrive as it is.

    Args:
        fact: A fact of the source.
        policy: The table policy.

    Returns:
        Whether it is.
    """
    kind, schema, name, detail = fact
    rule = policy.rule(TableName(schema, name))
    if kind == "column":
        return any(
            detail.startswith((f"{column} ", f"{quote(column)} "))
            for column in rule.columns
        )
    return kind == "constraint c" and bool(rule.columns)


def compare(wanted: set[Fact], found: set[Fact]) -> None:
    """Compare the catalogs.

    Args:
        wanted: What must be there.
        found: What is; more is fine, for extra indexes are in it.

    Raises:
        RunFailed: If anything is missing.
    """
    missing = sorted(wanted - found)
    if missing:
        listed = "; ".join(
            " ".join(part for part in fact if part) for fact in missing[:_MANY]
        )
        raise RunFailed(
            f"{len(missing)} objects of the source are not in the landing as they are there: "
            f"{listed}"
        )


def sample_query(table: Table, policy: Policy) -> str | None:
    """Write a query that hashes the rows at both ends of a table's primary key.

    Args:
        table: A table of the source.
        policy: Columns that do not arrive as they are.

    Returns:
        A query with one row and column, the same on both servers; None without a primary key
        that both order alike.
    """
    rule = policy.rule(table.name)
    in_key = [column for column in table.columns if column.in_key]
    comparable = all(not c.collated and c.name not in rule.columns for c in in_key)
    if not in_key or not comparable or rule.mode != "full":
        return None
    key = [quote(column.name) for column in in_key]
    # A generated column may be computed from one that does not arrive as it is.
    shown = [
        quote(column.name)
        for column in table.columns
        if column.name not in rule.columns and not (rule.columns and column.generated)
    ]
    ends = " UNION ALL ".join(
        f"(SELECT {', '.join(shown)} FROM ONLY {table.name.sql}"
        f" ORDER BY {', '.join(f'{column} {order}' for column in key)} LIMIT {_SAMPLE})"
        for order in ("ASC", "DESC")
    )
    return f"SELECT coalesce(sum({_HASH}), 0)::text FROM ({ends}) AS t"


def answer(connection: psycopg.Connection, table: TableName, query: str) -> str | None:
    """Ask for a table's sample, where the table can be asked at all.

    COPY plans nothing, and brings rows of tables that no query can be planned for under an empty
    `search_path`: the function of an index may call another without its schema.

    Args:
        connection: A session; its transaction, if there is one, goes on whatever happens.
        table: The table, for the message.
        query: As `sample_query` gives it.

    Returns:
        The answer; None where code of the source stands in the way.

    Raises:
        Error: If the server says anything else.
    """
    try:
        with connection.transaction():
            row = connection.execute(query).fetchone()
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in _OF_CODE:
            raise
        event(
            f"rows of table {table} are counted, not sampled: {one_line(error, of_rows=True)}",
            level=logging.WARNING,
        )
        return None
    return row[0] if row else None


def compare_samples(
    connection: psycopg.Connection, samples: Iterable[tuple[TableName, str, str]]
) -> None:
    """Compare sampled rows.

    Args:
        connection: A session on the warehouse.
        samples: Table, query, and the source's answer.

    Raises:
        RunFailed: With the tables whose rows differ.
    """
    differing = [
        str(table)
        for table, query, wanted in samples
        if (found := answer(connection, table, query)) is not None and found != wanted
    ]
    if differing:
        raise RunFailed(
            f"rows differ from the source's in: {', '.join(differing[:_MANY])}"
        )
