"""Views: taken away while what they show changes, and made again as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.postgres import queries
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import TableName, literal, quote

# Views on a relation, and views on those; the deepest last. What is not a plain view of a role
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
FROM (SELECT oid, max(depth) AS depth FROM above WHERE depth >= %s GROUP BY oid) AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.oid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace ORDER BY a.depth, c.oid
"""
_GRANTS = queries.read("entrepot_core", "grants_of_view")
_COMMENTS = """
SELECT a.attname::text, pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = %s AND a.attnum > 0
AND pg_catalog.col_description(a.attrelid, a.attnum) IS NOT NULL
"""


class CannotBeMadeAgain(RunFailed):
    """A view that something else keeps, or that no longer fits what it shows.

    Args:
        view: The view, with its schema.
        reason: Why, to follow the view's name.
    """

    def __init__(self, view: str, reason: str) -> None:
        super().__init__(f"{view} {reason}")
        self.view = view
        self.reason = reason


@dataclass(frozen=True)
class _View:
    name: TableName
    statements: list[str]

    @property
    def label(self) -> str:
        return f"{self.name.schema}.{self.name.name}"


@contextmanager
def taken_away(
    session: psycopg.Connection,
    relation: TableName,
    *,
    itself: bool = False,
    instead: Mapping[str, str] | None = None,
) -> Iterator[list[str]]:
    """Drop the views on a relation, and make them again with owners, rights and comments.

    Args:
        session: A session on the warehouse, in a transaction, `search_path` empty.
        relation: The table or view.
        itself: Whether the relation is a view that is taken away, too.
        instead: What makes some of the views, by schema and name, instead of what they are now.

    Yields:
        The views' names.

    Raises:
        CannotBeMadeAgain: If one can't be, here or with what the relation has become; the
            transaction then changes nothing.
    """
    views = _read(session, relation, 0 if itself else 1, instead or {})
    for view in reversed(views):
        session.execute(f"DROP VIEW {view.name.sql}")
    yield [view.label for view in views]
    for view in views:
        try:
            for statement in view.statements:
                session.execute(statement)
        except psycopg.Error as error:
            why = f"cannot be made on what it shows now: {one_line(error)}"
            raise CannotBeMadeAgain(f"view {view.label}", why) from None


def _read(
    session: psycopg.Connection,
    relation: TableName,
    depth: int,
    instead: Mapping[str, str],
) -> list[_View]:
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
    ) in session.execute(_VIEWS, [relation.sql, depth]).fetchall():
        view = _View(TableName(schema, name), [])
        if not is_ours:
            why = "has more than can be made again here, or another owner"
            raise CannotBeMadeAgain(f"{view.label} (of {owner})", why)
        settings = f" WITH ({', '.join(options)})" if options else ""
        made = f"CREATE VIEW {view.name.sql}{settings} AS {text}"
        view.statements.append(instead.get(view.label, made))
        view.statements.extend(_around(session, oid, view.name, owner))
        if comment:
            view.statements.append(
                f"COMMENT ON VIEW {view.name.sql} IS {literal(comment)}"
            )
        found.append(view)
    return found


def _around(
    session: psycopg.Connection, oid: int, view: TableName, owner: str
) -> list[str]:
    statements = []
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
