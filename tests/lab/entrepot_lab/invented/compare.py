"""Compare a schema with its replica, by catalogs and rows, with no query of the product's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files

import psycopg
from psycopg import sql

_FACTS = (files("entrepot_lab.invented") / "facts.sql").read_text()
# What PostgreSQL 16 and later write otherwise than 15: the texts of queries.
_OF_QUERIES = ("query", "rule")
_HAS_SHORT_QUERIES = 160_000
_SETTINGS = {
    "search_path": "",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "row_security": "off",
}
_ACTIONS = re.compile(
    r" ON (UPDATE|DELETE) (CASCADE|RESTRICT|SET NULL|SET DEFAULT)( \([^)]*\))?"
    r"| DEFERRABLE| INITIALLY DEFERRED"
)
_STATE = re.compile(r'"state": "."')
_SHOWN = 8  # differences of each side
_STEM = (
    "gen"  # each schema's name begins so; its replica's with REPLICA_PREFIX before it
)
REPLICA_PREFIX = "pix_"


def differences(
    source: psycopg.Connection,
    warehouse: psycopg.Connection,
    schema: str,
    *,
    is_followed: bool = False,
) -> list[str]:
    """Say how a schema's replica differs from it.

    Args:
        source: A session on the source that may read everything.
        warehouse: A session on the warehouse, likewise.
        schema: The source's schema, whose name begins with `gen`.
        is_followed: Whether foreign keys wait and change nothing, and triggers are disabled.

    Returns:
        One line for each difference; none if all is as it must be.
    """
    for session in (source, warehouse):
        for name, value in _SETTINGS.items():
            session.execute("SELECT set_config(%s, %s, false)", [name, value])
    replica = REPLICA_PREFIX + schema
    texts_differ = (
        source.info.server_version < _HAS_SHORT_QUERIES <= warehouse.info.server_version
    )
    return [
        *_lines(
            *(
                Counter(
                    _in_form(fact) if is_followed else fact
                    for fact in _facts(session, name, queries=not texts_differ)
                )
                for session, name in ((source, schema), (warehouse, replica))
            )
        ),
        *_lines(_rows(source, schema), _rows(warehouse, replica)),
    ]


def _lines(there: Counter[str], here: Counter[str]) -> Iterator[str]:
    for place, found in (("source", there - here), ("replica", here - there)):
        for line in sorted(found)[:_SHOWN]:
            yield f"only in the {place}: {line}"


def _in_form(fact: str) -> str:
    """Leave out of a fact what nights that change rows in place need otherwise."""
    if fact.startswith("constraint ") and "FOREIGN KEY" in fact:
        return _ACTIONS.sub("", fact)
    return _STATE.sub("", fact) if fact.startswith(("trigger ", "rule ")) else fact


def _as_source(text: str) -> str:
    return text.replace(REPLICA_PREFIX + _STEM, _STEM)


def _facts(session: psycopg.Connection, schema: str, *, queries: bool) -> Iterator[str]:
    for kind, name, detail in session.execute(_FACTS, {"schema": schema}).fetchall():
        is_text = kind in _OF_QUERIES or "BEGIN ATOMIC" in (detail or "")
        shown = detail if queries or not is_text else ""
        yield _as_source(f"{kind} {name}: {shown}")


def _rows(session: psycopg.Connection, schema: str) -> Counter[str]:
    # By name: see facts.sql for the columns of children.
    found: Counter[str] = Counter()
    relations = session.execute(
        "SELECT c.relname, c.relkind, array(SELECT attname::text FROM pg_attribute"
        " WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attname)"
        " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND (c.relkind IN ('r', 'S') OR c.relkind = 'm' AND relispopulated)",
        [schema],
    ).fetchall()
    for name, kind, columns in relations:
        wanted = ["last_value", "is_called"] if kind == "S" else columns
        listed = sql.SQL(", ").join(map(sql.Identifier, wanted))
        query = sql.SQL("COPY (SELECT {} FROM {} {}) TO STDOUT").format(
            listed,
            sql.SQL("ONLY" if kind == "r" else ""),
            sql.Identifier(schema, name),
        )
        with session.cursor() as cursor, cursor.copy(query) as copy:
            for row in copy.rows():
                text = "\t".join("\\N" if value is None else value for value in row)
                found[_as_source(f"row of {name}: {text}")] += 1
    return found
