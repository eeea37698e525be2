"""What other people made on top of the replica: found before the swap, never dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.warehouse.schemas import TRANSFORMED

# All objects of the live schemas.
_OF_SCHEMAS = queries.read("entrepot_core", "dependents_of_schemas")
# One table, its row type, and the array type of that.
_OF_TABLE = """
    SELECT 'pg_catalog.pg_class'::regclass::oid, to_regclass(%(table)s)::oid
    UNION ALL
    SELECT 'pg_catalog.pg_type'::regclass::oid, t.oid FROM pg_catalog.pg_type AS t
    LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem
    WHERE to_regclass(%(table)s) IN (t.typrelid, e.typrelid)
"""
# Whatever depends on them and is something else.
_DEPENDENTS = """
WITH replica (classid, objid) AS (
{objects}
), dependent AS (
    SELECT DISTINCT coalesce(w.ev_class, o.conrelid, a.adrelid,
        CASE WHEN d.classid = 'pg_catalog.pg_class'::regclass THEN d.objid END) AS relation,
        CASE WHEN d.classid = 'pg_catalog.pg_proc'::regclass THEN d.objid END AS routine
    FROM replica AS r
    JOIN pg_catalog.pg_depend AS d ON d.refclassid = r.classid AND d.refobjid = r.objid
        AND d.deptype IN ('n', 'a')
    LEFT JOIN pg_catalog.pg_rewrite AS w
        ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND w.oid = d.objid
    LEFT JOIN pg_catalog.pg_constraint AS o
        ON d.classid = 'pg_catalog.pg_constraint'::regclass AND o.oid = d.objid
    LEFT JOIN pg_catalog.pg_attrdef AS a
        ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND a.oid = d.objid
)
SELECT n.nspname, c.relname, c.relkind::text, pg_catalog.pg_has_role(c.relowner, 'USAGE'),
    CASE WHEN c.relkind = 'v' THEN pg_catalog.format('CREATE OR REPLACE VIEW %%I.%%I%%s AS %%s',
        n.nspname, c.relname, ' WITH (' || pg_catalog.array_to_string(c.reloptions, ', ') || ')',
        pg_catalog.pg_get_viewdef(c.oid)) END
FROM dependent AS d JOIN pg_catalog.pg_class AS c ON c.oid = d.relation
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE {relations}
UNION ALL
SELECT n.nspname, p.proname, 'routine', false, NULL
FROM dependent AS d JOIN pg_catalog.pg_proc AS p ON p.oid = d.routine
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE {routines}
ORDER BY 1, 2
"""
_ELSEWHERE = "NOT n.nspname = ANY (%(ours)s)"
_OTHERS = "c.oid <> to_regclass(%(table)s) AND c.relkind NOT IN ('i', 'I', 'S', 't')"
_KINDS = {
    "v": "view",
    "m": "materialized view",
    "r": "table",
    "p": "table",
    "routine": "routine",
}


@dataclass(frozen=True)
class Dependent:
    """Something outside the replica that depends on it.

    Attributes:
        label: What it is, for messages.
        statement: What makes it again, on whatever now bears the live names; None when it is
            not a view, or not ours to replace.
        name: Its schema and name.
    """

    label: str
    statement: str | None
    name: TableName


def of_live_schemas(
    connection: psycopg.Connection, live: list[str], nights: Iterable[str] = ()
) -> list[Dependent]:
    """Find what depends on the live schemas from outside.

    Args:
        connection: A session on the warehouse whose `search_path` is empty, so that the views'
            text names schemas, and before the swap, so that it names the live ones.
        live: The live schemas.
        nights: The schemas of other nights, to come and gone: they may share the live one's types.

    Returns:
        The dependents, those that the transformations rebuild left out.
    """
    query = _DEPENDENTS.format(
        objects=_OF_SCHEMAS, relations=_ELSEWHERE, routines=_ELSEWHERE
    )
    return _found(
        connection, query, {"live": live, "ours": [*live, *nights, *TRANSFORMED]}
    )


def of_table(connection: psycopg.Connection, table: TableName) -> list[Dependent]:
    """Find what depends on a table.

    Args:
        connection: A session on the warehouse whose `search_path` is empty, as above.
        table: The table.

    Returns:
        The dependents, in whatever schema; none of what is a part of the table.
    """
    query = _DEPENDENTS.format(objects=_OF_TABLE, relations=_OTHERS, routines="true")
    return _found(connection, query, {"table": table.sql})


def _found(
    connection: psycopg.Connection, query: str, parameters: dict[str, object]
) -> list[Dependent]:
    rows = connection.execute(query, parameters).fetchall()
    return [
        Dependent(
            f"{_KINDS.get(kind, 'relation')} {schema}.{name}",
            statement if kind == "v" and may_replace else None,
            TableName(schema, name),
        )
        for schema, name, kind, may_replace, statement in rows
    ]
