"""What the source's catalogs say of an append table: carried in the schema to the target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import psycopg

from entrepot_core.policy.tables import TableRule
from entrepot_core.postgres import catalog
from entrepot_core.postgres.identifiers import TableName, quote, unlike
from entrepot_core.singer.keywords import TABLE_DEFINITION, TYPE
from entrepot_core.singer.table_definition import Column, Index, TableDefinition
from entrepot_core.warehouse import deleted
from entrepot_tap_postgres import user_types
from entrepot_tap_postgres.errors import Refused
from entrepot_tap_postgres.keys import KINDS, TIME_ORDERED_UUIDS

# Bases whose every value JSON has too.
_JSON_TYPES = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "bool": "boolean",
}

_CHANGED = {
    "exclude": "excluded",
    "pseudonymise": "pseudonymised",
    "numeric": "another number here",
    "text": "text here",
}

_logger = logging.getLogger("tap-postgres")

# What a default or an expression needs beside the table's own columns and its types: functions,
# sequences and collations that somebody made stay with the source.
_COLUMNS = """
SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull AS not_null, nullif(a.attgenerated::text, '') AS generated,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expression,
    pg_catalog.col_description(a.attrelid, a.attnum) AS comment,
    t.typname::text AS base, a.attnum::integer AS number,
    CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END AS former,
    (SELECT c.collname::text FROM pg_catalog.pg_collation AS c
     WHERE c.oid = a.attcollation AND a.attcollation <> t.typcollation
     AND c.collnamespace = 'pg_catalog'::regnamespace) AS "collation",
    a.atttypid AS type_oid, n.columns AS needs, coalesce(n.others, false) AS needs_others
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN LATERAL (
    SELECT array_agg(o.attname::text) AS columns,
        bool_or(o.attname IS NULL AND x.refclassid <> 'pg_catalog.pg_type'::regclass) AS others
    FROM pg_catalog.pg_depend AS x
    LEFT JOIN pg_catalog.pg_attribute AS o ON x.refclassid = 'pg_catalog.pg_class'::regclass
        AND x.refobjid = a.attrelid AND o.attrelid = a.attrelid AND o.attnum = x.refobjsubid
    WHERE x.classid = 'pg_catalog.pg_attrdef'::regclass AND x.objid = d.oid
    OR x.classid = 'pg_catalog.pg_class'::regclass AND x.objid = a.attrelid
        AND x.objsubid = a.attnum AND a.attgenerated <> ''
        AND x.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass)
) AS n ON true
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_INDEXES = """
SELECT c.relname::text AS name, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
    i.indisunique AS is_unique, o.contype::text AS constraint_type,
    coalesce(o.condeferrable, false), coalesce(o.condeferred, false),
    (SELECT array_agg(a.attname::text ORDER BY k.place)
     FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
     LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     WHERE k.place <= i.indnkeyatts) AS columns,
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
     WHERE a.attrelid = i.indrelid AND (a.attnum = ANY (i.indkey) OR a.attnum IN (
         SELECT x.refobjsubid FROM pg_catalog.pg_depend AS x
         WHERE x.classid = 'pg_catalog.pg_class'::regclass AND x.objid = i.indexrelid
         AND x.refclassid = 'pg_catalog.pg_class'::regclass AND x.refobjid = i.indrelid
     )) AND a.attnum > 0) AS needs,
    i.indexprs IS NOT NULL OR i.indpred IS NOT NULL AS computes,
    EXISTS (SELECT FROM pg_catalog.pg_depend AS x
        WHERE x.classid = 'pg_catalog.pg_class'::regclass AND x.objid = i.indexrelid
        AND x.refclassid IN ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_collation'::regclass)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS e WHERE e.deptype = 'e'
            AND e.classid = x.refclassid AND e.objid = x.refobjid)) AS needs_others
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
LEFT JOIN pg_catalog.pg_constraint AS o ON o.conindid = i.indexrelid AND o.contype IN ('p', 'u')
    AND o.conrelid = i.indrelid
WHERE i.indrelid = %s::regclass AND i.indisvalid ORDER BY i.indisprimary DESC, c.relname
"""
_DECREASES = """
SELECT true FROM pg_catalog.pg_depend AS d
JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.objid
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = d.classid
AND d.deptype IN ('a', 'i') AND d.refobjid = %s::regclass AND a.attname = %s
AND s.seqincrement < 0
"""


def read(
    source: psycopg.Connection, table: TableName, rule: TableRule
) -> TableDefinition:
    """Read a table's definition.

    Args:
        source: A session on the source, `search_path` empty so that types are spelt in full.
        table: The table.
        rule: Its rule: columns left out are left out here too.

    Returns:
        Its definition.

    Raises:
        Refused: If the replication key cannot be one.
    """
    rows = source.execute(_COLUMNS, [table.sql]).fetchall()
    columns = _columns(table, rows, rule, catalog.BinarySafety(source))
    indexes = _indexes(source, table, columns, rule)
    found = next((i.columns for i in indexes if i.constraint == "p"), [])
    primary = [name for name in found if name is not None]
    key = rule.replication_key or (primary[0] if len(primary) == 1 else None)
    bases = {row[0]: (row[6], row[2]) for row in rows}
    if nullable := [name for name in rule.key if not bases[name][1]]:
        raise Refused(
            f"table {table}: column {nullable[0]} of its key may be NULL, and cannot tell rows "
            "apart: name other columns in extract/tables.yml"
        )
    checked = _checked_key(source, table, rule, key, bases)
    if not any(index.columns[:1] == [key] for index in indexes):
        _logger.warning(
            "%s: no index of the source begins with %s: each night reads the whole table there",
            table,
            key,
        )
    _check_kept(table, rule, columns, [*(rule.key or primary), checked])
    comment = source.execute(
        "SELECT pg_catalog.obj_description(%s::regclass, 'pg_class')", [table.sql]
    ).fetchone()
    return TableDefinition(
        schema=table.schema,
        table=table.name,
        comment=comment[0] if comment else None,
        columns=columns,
        primary_key=rule.key or primary,
        replication_key=checked,
        indexes=indexes,
        extra_indexes=rule.indexes,
        types=user_types.read(source, table),
        keep_deleted=rule.keep_deleted,
        emptied=rule.emptied if rule.keep_deleted else [],
        distribution=rule.distribution,
    )


def _check_kept(
    table: TableName, rule: TableRule, columns: list[Column], key: list[str]
) -> None:
    """Refuse a table whose deleted rows cannot stay as the policy says."""
    if not rule.keep_deleted:
        return
    generated = [column.name for column in columns if column.generated]
    names = [column.name for column in columns]
    if found := deleted.problems(table, names, generated, key, rule.personal):
        raise Refused("; ".join(found))


def _columns(
    table: TableName,
    rows: list[tuple[Any, ...]],
    rule: TableRule,
    is_binary_safe: Callable[[int], bool],
) -> list[Column]:
    """Describe the columns that are carried, each as the warehouse can have it."""
    columns = []
    for row in rows:
        *described, type_oid, needs, needs_others = row
        column = Column(*described)
        treatment = rule.columns.get(column.name)
        if treatment == "exclude":
            continue
        binary = treatment is not None or is_binary_safe(type_oid)
        column = replace(column, binary=binary)
        if treatment in ("pseudonymise", "text"):
            column = replace(column, type="text", base="text", expression=None)
            column = replace(column, generated=None, former=None, collation=None)
        elif column.generated and {*(needs or ())} & {*rule.columns} - {column.name}:
            _logger.warning(
                "%s: column %s is left out: it is computed from one that is left out or "
                "pseudonymised",
                table,
                column.name,
            )
            continue
        elif needs_others or "nextval(" in (column.expression or ""):
            # What was computed with it is copied as a value; nothing is inserted here without.
            column = replace(column, expression=None, generated=None)
        columns.append(column)
    return columns


def _indexes(
    source: psycopg.Connection,
    table: TableName,
    columns: list[Column],
    rule: TableRule,
) -> list[Index]:
    """Describe the indexes that the warehouse can have."""
    present = {column.name for column in columns}
    indexes = []
    for row in source.execute(_INDEXES, [table.sql]):
        *described, needs, computes, needs_others = row
        index = Index(*described)
        bent = {name for name in needs if name in rule.columns} if computes else set()
        if needs_others:
            _logger.warning(
                "%s: index %s is left out: it needs a function or a collation of the source's own",
                table,
                index.name,
            )
        elif set(needs) <= present and not bent:
            indexes.append(index)
    return indexes


def _checked_key(
    source: psycopg.Connection,
    table: TableName,
    rule: TableRule,
    key: str | None,
    bases: dict[str, tuple[str, bool]],
) -> str:
    """Refuse what cannot tell new rows from old ones, before anything is read."""
    advice = (
        "name another replication_key in extract/tables.yml, or copy the table whole"
    )
    if key is None:
        raise Refused(f"table {table}: its primary key is not one column: {advice}")
    base, not_null = bases[key]
    if how := _CHANGED.get(rule.columns.get(key, "")):
        raise Refused(f"table {table}: its replication key {key} is {how}")
    if base not in KINDS:
        raise Refused(
            f"table {table}: column {key} ({base}) has no order that new rows follow: {advice}"
        )
    if not not_null:
        raise Refused(
            f"table {table}: column {key} may be NULL, and such rows would never be read: {advice}"
        )
    if source.execute(_DECREASES, [table.sql, key]).fetchone():
        raise Refused(
            f"table {table}: the numbers of column {key} go down, and new rows would be taken for "
            f"old ones: {advice}"
        )
    if base == "uuid" and not _are_time_ordered(source, table, key):
        raise Refused(
            f"table {table}: the UUIDs of column {key} do not begin with the time: {advice}"
        )
    return key


def _are_time_ordered(source: psycopg.Connection, table: TableName, key: str) -> bool:
    """Look at the versions of some UUIDs (RFC 9562: 6 and 7 begin with the time)."""
    row = source.execute(
        "SELECT coalesce(bool_and(get_byte(uuid_send(key), 6) >> 4 = ANY (%s)), true) FROM"
        f" (SELECT {quote(key)} AS key FROM {table.sql} ORDER BY 1 DESC LIMIT 1000) AS k",
        [list(TIME_ORDERED_UUIDS)],
    ).fetchone()
    return bool(row and row[0])


def json_schema(definition: TableDefinition) -> dict[str, Any]:
    """Write the JSON schema of a stream of COPY files.

    Args:
        definition: What `read` gave.

    Returns:
        A schema whose values are text, as nothing else of JSON holds every value of PostgreSQL.
    """
    return {
        "type": "object",
        "properties": {
            column.name: {"type": ["string", "null"], TYPE: column.type}
            for column in definition.columns
        },
        TABLE_DEFINITION: definition.to_dict(),
    }


def record_schema(definition: TableDefinition) -> dict[str, Any]:
    """Write the JSON schema of a stream of records.

    Args:
        definition: What `read` gave.

    Returns:
        A schema that any target understands; types that other databases may lack are only text.
    """
    properties = {}
    for column in definition.copied:
        described: dict[str, Any] = {
            "type": [_JSON_TYPES.get(column.base, "string"), "null"],
            "description": column.comment or "",
        }
        # The source's own types are spelt with their schema.
        if "." not in column.type:
            described[TYPE] = column.type
        properties[column.name] = described
    return {"type": "object", "properties": properties}


def as_record(definition: TableDefinition, chosen: str, hidden: Collection[str]) -> str:
    """Write the SQL that makes one JSON object of a row.

    Args:
        definition: What `read` gave.
        chosen: The row's select list.
        hidden: Columns whose values must not be in it.

    Returns:
        A text expression. A value is PostgreSQL's own text where JSON could not hold each of its
        type, such as a numeric's NaN or a date's infinity.
    """

    def value(column: Column) -> str:
        name = quote(column.name)
        if column.name in hidden:
            return f"NULL::pg_catalog.text AS {name}"
        if column.base in _JSON_TYPES:
            return name
        return f"{name}::pg_catalog.text AS {name}"

    listed = ", ".join(map(value, definition.copied))
    record = quote(unlike("r", [column.name for column in definition.columns]))
    return (
        f"(SELECT pg_catalog.row_to_json({record})::pg_catalog.text FROM"
        f" (SELECT {listed} FROM (SELECT {chosen}) AS chosen) AS {record})"
    )
