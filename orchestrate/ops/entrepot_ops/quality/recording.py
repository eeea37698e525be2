"""Notes at the end of a night what its report tells of quality."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from entrepot_core.base.errors import ReplicaError
from entrepot_ops.meltano.dbt_manifest import Manifest, TestCard
from entrepot_ops.meltano.dbt_results import Result
from entrepot_ops.quality.shapes import column_changes
from entrepot_ops.record.store import Store

_TIME_LIMIT = "20s"  # for one test's keys
_KEYS = 10  # rows of a test
_TESTS = 20
_LONGEST_KEY = 100  # characters
_NOTED = ("fail", "error", "warn")
_SHAPES = """
SELECT n.nspname AS table_schema, c.relname AS table_name,
    array_agg(a.attname || E'\\t' || pg_catalog.format_type(a.atttypid, a.atttypmod)
        ORDER BY a.attnum) AS columns
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'm', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_'
AND n.nspname NOT LIKE '%%\\_previous%%' AND n.nspname NOT IN ('information_schema', 'entrepot_ops')
AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
GROUP BY n.nspname, c.relname
"""
_KNOWN = "SELECT table_schema, table_name, columns FROM entrepot_ops.table_shapes"
_KEEP_SHAPES = """
INSERT INTO entrepot_ops.table_shapes AS t (table_schema, table_name, columns, night_id)
SELECT g.table_schema, g.table_name, string_to_array(g.columns, E'\\n'), %s
FROM unnest(%s::text[], %s::text[], %s::text[]) AS g (table_schema, table_name, columns)
ON CONFLICT (table_schema, table_name) DO UPDATE
SET columns = excluded.columns, night_id = excluded.night_id
WHERE t.columns IS DISTINCT FROM excluded.columns
"""
_FORGET_SHAPES = """
DELETE FROM entrepot_ops.table_shapes AS t
WHERE NOT EXISTS (SELECT FROM unnest(%s::text[], %s::text[]) AS g (table_schema, table_name)
    WHERE (g.table_schema, g.table_name) = (t.table_schema, t.table_name))
"""


def note_columns(store: Store, night_id: int, manifest: Manifest) -> None:
    """Note which columns came, went or changed their type since the last night.

    Args:
        store: The record.
        night_id: The night.
        manifest: Tells the models that read a table.
    """
    before = _named(store.rows(_KNOWN))
    after = _named(store.rows(_SHAPES))
    for change in column_changes(
        {"\n".join(name): columns for name, columns in before.items()},
        {"\n".join(name): columns for name, columns in after.items()},
    ):
        schema, table = change.table.split("\n")
        store.rows(
            "INSERT INTO entrepot_ops.schema_changes VALUES"
            " (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                *(night_id, schema, table, change.column, change.change),
                *(change.before, change.after, change.looks_personal),
                manifest.models_reading(schema, table),
            ],
        )
    schemas, tables = [s for s, _ in after], [t for _, t in after]
    columns = ["\n".join(shape) for shape in after.values()]
    store.rows(_KEEP_SHAPES, [night_id, schemas, tables, columns])
    store.rows(_FORGET_SHAPES, [schemas, tables])


def _named(rows: Sequence[dict[str, object]]) -> dict[tuple[str, str], list[str]]:
    return {
        (str(row["table_schema"]), str(row["table_name"])): list(map(str, columns))
        for row in rows
        if isinstance(columns := row["columns"], list)
    }


def note_disks(store: Store, night_id: int, work_dir: Path) -> None:
    """Note how full the disk of WORK_DIR is, and how big the warehouse.

    Args:
        store: The record.
        night_id: The night.
        work_dir: WORK_DIR.
    """
    disk = shutil.disk_usage(work_dir)
    store.rows(
        "INSERT INTO entrepot_ops.disk_space VALUES (%(night)s, 'WORK_DIR', %(used)s, %(free)s),"
        " (%(night)s, 'warehouse', pg_catalog.pg_database_size(current_database()), NULL)"
        " ON CONFLICT (night_id, place) DO UPDATE"
        " SET used_bytes = excluded.used_bytes, free_bytes = excluded.free_bytes",
        {"night": night_id, "used": disk.used, "free": disk.free},
    )


def note_failures(
    store: Store, night_id: int, manifest: Manifest, results: Sequence[Result]
) -> None:
    """Note what is known of the tests that failed, with the keys of some failing rows.

    Args:
        store: The record.
        night_id: The night.
        manifest: Tells what a test is about.
        results: Of the build that has just ended.
    """
    bad = [r for r in results if r.kind == "test" and r.status in _NOTED]
    for result in sorted(bad, key=lambda r: r.status == "warn")[:_TESTS]:
        card = manifest.card(result.node)
        if card is None:
            continue
        columns, keys = failing_keys(store, card)
        store.rows(
            "INSERT INTO entrepot_ops.test_failures VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb)"
            " ON CONFLICT (night_id, node) DO UPDATE SET key_columns = excluded.key_columns,"
            " keys = excluded.keys",
            [
                *(night_id, result.node, card.description, card.model, card.owner),
                *(list(card.dashboards), columns, json.dumps(keys)),
            ],
        )


def failing_keys(store: Store, card: TestCard) -> tuple[list[str], list[list[str]]]:
    """Ask for the keys of some rows that a test finds, and for nothing else of them.

    Args:
        store: The warehouse.
        card: Of the test.

    Returns:
        The key's columns, and their values in at most ten rows; nothing where the model has no
        key that may be shown, or the query takes too long.
    """
    if not card.keys or not card.query:
        return [], []
    try:
        with store.warehouse.connect(purpose="failing keys") as session:
            session.execute("SET default_transaction_read_only = on")
            session.execute(f"SET statement_timeout = '{_TIME_LIMIT}'")
            return _ask(session, card)
    except (psycopg.Error, ReplicaError):
        return [], []


def _ask(
    session: psycopg.Connection, card: TestCard
) -> tuple[list[str], list[list[str]]]:
    failing = sql.SQL("({}\n) AS failing").format(_as_is(card.query))
    cursor = session.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(failing))
    given = [column.name for column in cursor.description or []]
    shown = [key for key in card.keys if key in given]
    if shown:
        source = failing
    elif card.column and card.relation and given:
        # The test tells values of its column: their rows are found by them, and stay unsaid.
        shown = list(card.keys)
        column = sql.Identifier(card.column)
        source = sql.SQL(
            "(SELECT * FROM {relation} WHERE {column} IN (SELECT {value} FROM {failing})"
            " OR ({column} IS NULL AND EXISTS (SELECT FROM {failing} WHERE {value} IS NULL))"
            ") AS failing"
        ).format(
            relation=_as_is(card.relation),
            column=column,
            value=sql.Identifier(given[0]),
            failing=failing,
        )
    else:
        return [], []
    query = sql.SQL("SELECT DISTINCT {} FROM {} ORDER BY {} LIMIT {}").format(
        sql.SQL(", ").join(map(sql.Identifier, shown)),
        source,
        sql.SQL(", ").join(sql.Literal(place) for place in range(1, len(shown) + 1)),
        sql.Literal(_KEYS),
    )
    rows = session.execute(query).fetchall()
    return shown, [
        ["" if value is None else str(value)[:_LONGEST_KEY] for value in row]
        for row in rows
    ]


def _as_is(text: str) -> sql.SQL:
    """Give SQL that dbt has compiled from the project's own files."""
    return sql.SQL(text.rstrip().rstrip(";"))
