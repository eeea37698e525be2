"""Types that the source's owner made, as the target needs them to make them again."""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName
from entrepot_core.singer.table_definition import (
    CompositeType,
    DomainType,
    EnumType,
    MultirangeType,
    RangeType,
    UserType,
)

# The types of a table's columns, their elements, bases and attributes; an extension's are left
# out: the extension makes them.
_TYPES = """
WITH RECURSIVE used (oid, depth) AS (
    SELECT a.atttypid, 0 FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT inner_type.oid, used.depth + 1 FROM used
    JOIN pg_catalog.pg_type AS t ON t.oid = used.oid
    CROSS JOIN LATERAL (
        SELECT t.typelem AS oid WHERE t.typcategory = 'A'
        UNION ALL SELECT t.typbasetype
        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range AS r WHERE r.rngtypid = t.oid
        UNION ALL SELECT r.rngtypid FROM pg_catalog.pg_range AS r
        WHERE t.typtype = 'm' AND r.{multirange} = t.oid
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS inner_type WHERE inner_type.oid <> 0
)
SELECT t.oid, pg_catalog.format_type(t.oid, NULL), t.typtype::text
FROM pg_catalog.pg_type AS t
JOIN (SELECT oid, max(depth) AS depth FROM used GROUP BY oid) AS u ON u.oid = t.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'c', 'r', 'm')
AND n.nspname NOT IN ('pg_catalog', 'information_schema')
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS x WHERE x.deptype = 'e'
    AND x.classid = 'pg_catalog.pg_type'::regclass AND x.objid = t.oid)
ORDER BY u.depth DESC, t.oid
"""
_LABELS = (
    "SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = %s"
    " ORDER BY enumsortorder"
)
_BASE = (
    "SELECT pg_catalog.format_type(typbasetype, typtypmod)"
    " FROM pg_catalog.pg_type WHERE oid = %s"
)
# A check that calls a function of the source's own stays there.
_CHECKS = (
    "SELECT conname::text, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint AS c"
    " WHERE contypid = %s AND contype = 'c' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d"
    " WHERE d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = c.oid"
    " AND d.refclassid = 'pg_catalog.pg_proc'::regclass) ORDER BY conname"
)
_RANGE = (
    "SELECT pg_catalog.format_type(r.rngsubtype, NULL),"
    " CASE WHEN NOT o.opcdefault THEN pg_catalog.format('%%I.%%I', n.nspname, o.opcname) END,"
    " {multirange} FROM pg_catalog.pg_range AS r"
    " JOIN pg_catalog.pg_opclass AS o ON o.oid = r.rngsubopc"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = o.opcnamespace WHERE r.rngtypid = %s"
)
_MULTIRANGES = 140000  # the first version that has them
_ATTRIBUTES = (
    "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)"
    " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.typrelid = a.attrelid"
    " WHERE t.oid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)


def read(source: psycopg.Connection, table: TableName) -> list[UserType]:
    """Read the enums, domains and composite types that a table uses.

    Args:
        source: A session on the source, `search_path` empty so that types are spelt in full.
        table: The table.

    Returns:
        The types, each after those it needs.
    """
    has_multiranges = source.info.server_version >= _MULTIRANGES
    query = _TYPES.format(multirange="rngmultitypid" if has_multiranges else "rngtypid")
    return [
        _user_type(source, oid, name, kind)
        for oid, name, kind in source.execute(query, [table.sql]).fetchall()
    ]


def _user_type(source: psycopg.Connection, oid: int, name: str, kind: str) -> UserType:
    if kind == "e":
        return EnumType(name, [row[0] for row in source.execute(_LABELS, [oid])])
    if kind == "d":
        row = source.execute(_BASE, [oid]).fetchone()
        assert row is not None
        checks = [list(each) for each in source.execute(_CHECKS, [oid])]
        return DomainType(name, row[0], checks)
    if kind == "r":
        has_multiranges = source.info.server_version >= _MULTIRANGES
        named = "pg_catalog.format_type(r.rngmultitypid, NULL)"
        query = _RANGE.format(multirange=named if has_multiranges else "NULL")
        row = source.execute(query, [oid]).fetchone()
        assert row is not None
        return RangeType(name, *row)
    if kind == "m":
        return MultirangeType(name)
    attributes = [list(each) for each in source.execute(_ATTRIBUTES, [oid])]
    return CompositeType(name, attributes)
