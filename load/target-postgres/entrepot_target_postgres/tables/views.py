"""Views on a table: taken away while a column changes its type, and made again as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import TableName, literal, quote
from entrepot_target_postgres.errors import CannotLoad

# Views on the table, and views on those; the deepest last. What is not a plain view of a role
# that we belong to, or has more than we would make again, is only named.
_VIEWS = """
WITH RECURSIVE above (oid, depth) AS (
    SELECT to_regclass(%s)::oid, 0
    UNION
    SELECT w.ev_class, above.depth + 1 FROM above
    JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass
        AND d.refobjid = above.oid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid AND w.ev_class <> above.oid
)
SELECT c.oid, n.nspname::text, c.relname::text, pg_catalog.pg_get_viewdef(c.oid),
    pg_catalog.pg_get_userbyid(c.relowner)::text, coalesce(c.reloptions, '{}'),
    c.relkind = 'v' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r
            WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'),
    pg_catalog.obj_description(c.oid, 'pg_class')
FROM (SELECT oid, max(depth) AS depth FROM above WHERE depth > 0 GROUP BY oid) AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace ORDER BY a.depth, c.oid
"""
_GRANTS = queries.read("entrepot_target_postgres", "grants_of_view")
_COMMENTS = """
SELECT a.attname::text, pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = %s AND a.attnum > 0
AND pg_catalog.col_description(a.attrelid, a.attnum) IS NOT NULL
"""


@dataclass(frozen=True)
class _View:
    name: TableName
    statements: list[str]


@contextmanager
def taken_away(session: psycopg.Connection, table: TableName) -> Iterator[list[str]]:
    """Drop the views on a table, and make them again with owners, rights and comments.

    Args:
        session: A session on the warehouse, in a transaction, `search_path` empty.
        table: The table.

    Yields:
        The views' names.

    Raises:
        CannotLoad: If something on the table can't be made again, or no more with what the
            table has become; it is named, and the transaction then changes nothing.
    """
    views = _read(session, table)
    for view in reversed(views):
        session.execute(f"DROP VIEW {view.name.sql}")
    yield [f"{view.name.schema}.{view.name.name}" for view in views]
    for view in views:
        try:
            for statement in view.statements:
                session.execute(statement)
        except psycopg.Error as error:
            raise CannotLoad(
                f"view {view.name.schema}.{view.name.name} cannot be made on what table {table} "
                f"becomes: {one_line(error)}. Change or drop it, and run again"
            ) from None


def _read(session: psycopg.Connection, table: TableName) -> list[_View]:
    found = []
    for (
        oid,
        schema,
        name,
        text,
        owner,
        options,
        is_ours,
        comment,
    ) in session.execute(_VIEWS, [table.sql]).fetchall():
        view = TableName(schema, name)
        if not is_ours:
            raise CannotLoad(
                f"{schema}.{name} (of {owner}) depends on table {table}, a column of which "
                "changes its type, and cannot be made again here: drop it, run again, and make "
                "it anew"
            )
        found.append(_View(view, _statements(session, oid, view, text, owner, options)))
        if comment:
            found[-1].statements.append(
                f"COMMENT ON VIEW {view.sql} IS {literal(comment)}"
            )
    return found


def _statements(
    session: psycopg.Connection,
    oid: int,
    view: TableName,
    text: str,
    owner: str,
    options: list[str],
) -> list[str]:
    settings = f" WITH ({', '.join(options)})" if options else ""
    statements = [f"CREATE VIEW {view.sql}{settings} AS {text}"]
    for column, comment in session.execute(_COMMENTS, [oid]).fetchall():
        statements.append(
            f"COMMENT ON COLUMN {view.sql}.{quote(column)} IS {literal(comment)}"
        )
    for column, privilege, grantee, is_grantable in session.execute(
        _GRANTS, {"view": oid}
    ).fetchall():
        what = f"{privilege} ({quote(column)})" if column else privilege
        option = " WITH GRANT OPTION" if is_grantable else ""
        statements.append(f"GRANT {what} ON {view.sql} TO {grantee}{option}")
    statements.append(f"ALTER VIEW {view.sql} OWNER TO {quote(owner)}")
    return statements
