"""The swap: the only moment that readers could feel, and do not.

Renaming a schema takes two locks and waits for no reader. Everything long is done before, in
`<schema>_next`, where nobody reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import errors

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.postgres.connection import Database, one_line
from entrepot_core.postgres.identifiers import PUBLIC, TableName, quote
from entrepot_core.warehouse import readers
from entrepot_core.warehouse.dependents import Dependent
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from entrepot_core.warehouse.views import CannotBeMadeAgain, taken_away
from pg_replica.warehouse import made_schemas, objects
from pg_replica.warehouse.objects import DatabaseObject

_LOCK_TIMEOUT = "2s"
_TRIES = 30
_PAUSE = 1.0  # seconds
_RECONNECT = (
    120.0  # seconds to learn whether a COMMIT whose answer was lost took effect
)


def move_to_next(
    connection: psycopg.Connection,
    naming: Naming,
    landing: list[str],
    is_ours: Callable[[DatabaseObject], bool],
) -> None:
    """Move the landing's objects to where they wait for the swap.

    Args:
        connection: A session on the warehouse, in autocommit.
        naming: The schemas' names.
        landing: The landing's schemas.
        is_ours: Which objects: what somebody else has put there stays.
    """
    for schema in landing:
        following = naming.following(schema)
        objects.move(connection, schema, following, is_ours)
        _copy_comment(connection, schema, following)
        if schema != PUBLIC:
            objects.drop(connection, [schema])


def _copy_comment(connection: psycopg.Connection, schema: str, following: str) -> None:
    row = connection.execute(
        "SELECT pg_catalog.quote_literal(pg_catalog.obj_description(oid, 'pg_namespace'))"
        " FROM pg_catalog.pg_namespace WHERE nspname = %s",
        [schema],
    ).fetchone()
    if schema != PUBLIC and row and row[0]:
        connection.execute(f"COMMENT ON SCHEMA {quote(following)} IS {row[0]}")


def add_append_views(
    connection: psycopg.Connection, naming: Naming, tables: list[TableName]
) -> None:
    """Show the append tables, which live elsewhere, beside the others.

    Args:
        connection: A session on the warehouse.
        naming: The schemas' names.
        tables: The source's tables in mode `incremental`.
    """
    for table in tables:
        source = TableName(naming.incremental, table.name)
        exists = connection.execute(
            "SELECT pg_catalog.to_regclass(%s)", [source.sql]
        ).fetchone()
        if exists and exists[0]:
            view = TableName(naming.following(table.schema), table.name)
            connection.execute(f"CREATE VIEW {view.sql} AS SELECT * FROM {source.sql}")


def add_former_names(
    connection: psycopg.Connection, naming: Naming, former_names: Mapping[str, str]
) -> None:
    """Show tables of schema public under the names that they had before, too.

    Args:
        connection: A session on the warehouse.
        naming: The schemas' names.
        former_names: The table that each former name stands for. Where that is not there, or the
            former name is a relation of its own, nothing is made.
    """
    waiting = naming.following(PUBLIC)
    for former, present in former_names.items():
        view, table = TableName(waiting, former), TableName(waiting, present)
        row = connection.execute(
            "SELECT pg_catalog.to_regclass(%s) IS NULL"
            " AND pg_catalog.to_regclass(%s) IS NOT NULL",
            [view.sql, table.sql],
        ).fetchone()
        if row == (True,):
            connection.execute(f"CREATE VIEW {view.sql} AS SELECT * FROM {table.sql}")


def grant_to_reader(
    connection: psycopg.Connection, schemas: list[str], reader: str
) -> bool:
    """Let the reader read all tables of schemas that it cannot use yet, and see their keys.

    Args:
        connection: A session on the warehouse.
        schemas: The schemas that wait for the swap.
        reader: The role.

    Returns:
        Whether the role exists.
    """
    row = connection.execute(
        "SELECT true FROM pg_catalog.pg_roles WHERE rolname = %s", [reader]
    ).fetchone()
    if row is None:
        return False
    readers.show_schemas(connection, schemas, reader)
    for schema in schemas:
        connection.execute(
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {quote(schema)} TO {quote(reader)}"
        )
    return True


@dataclass(frozen=True)
class Swap:
    """The publishing transaction.

    Attributes:
        naming: The schemas' names.
        landing: The source's schemas.
        reader: Who gets the right to use the new schemas; None if there is no such role.
        run_id: The run, whose marker the transaction writes.
        beside: What else must happen in the transaction, or undo it.
    """

    naming: Naming
    landing: list[str]
    reader: str | None
    run_id: int
    beside: Callable[[psycopg.Connection], None] | None = None

    def publish(self, connection: psycopg.Connection, warehouse: Database) -> None:
        """Swap, once.

        Args:
            connection: The session that holds the warehouse's lock.
            warehouse: To ask again when the COMMIT's answer was lost.

        Raises:
            RunFailed: If the locks cannot be had.
            TransientFailure: If the server was lost before the COMMIT.
        """
        for left in reversed(range(_TRIES)):
            try:
                with connection.transaction():
                    self._rename(connection)
            except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
                if not left:
                    raise RunFailed(
                        f"the swap could not lock the schemas: {one_line(error)}"
                    ) from None
                time.sleep(_PAUSE)
            except psycopg.OperationalError as error:
                if self._was_committed(warehouse):
                    event(
                        "the connection was lost at the swap, which had been committed"
                    )
                    return
                raise TransientFailure(
                    f"the swap was not committed: {one_line(error)}"
                ) from None
            else:
                return

    def _rename(self, connection: psycopg.Connection) -> None:
        connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        # This COMMIT is the one that must survive a crash of the server.
        connection.execute("SET LOCAL synchronous_commit = on")
        live = [self.naming.live(schema) for schema in self.landing]
        old = self._live_schemas(connection)
        connection.execute(
            "INSERT INTO entrepot_ops.publications (run_id, schemas) VALUES (%s, %s)",
            [self.run_id, live],
        )
        for schema in old:
            self._retire(connection, schema)
        for landing, schema in zip(self.landing, live, strict=True):
            following = self.naming.following(landing)
            connection.execute(
                f"ALTER SCHEMA {quote(following)} RENAME TO {quote(schema)}"
            )
            if self.reader:
                connection.execute(
                    f"GRANT USAGE ON SCHEMA {quote(schema)} TO {quote(self.reader)}"
                )
        made_schemas.note(connection, live)
        if self.beside:
            self.beside(connection)

    def _live_schemas(self, connection: psycopg.Connection) -> list[str]:
        """List the live schemas of this replica alone: its last publication's, and its own name."""
        rows = connection.execute(
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = %s OR nspname = ANY ("
            "SELECT unnest(schemas) FROM entrepot_ops.publications WHERE run_id = ("
            "SELECT max(p.run_id) FROM entrepot_ops.publications AS p"
            " JOIN entrepot_ops.runs AS r USING (run_id) WHERE p.schemas[1] = %s AND r.command = ("
            "SELECT command FROM entrepot_ops.runs WHERE run_id = %s))) ORDER BY 1",
            [self.naming.replica, self.naming.replica, self.run_id],
        ).fetchall()
        return [row[0] for row in rows]

    def _retire(self, connection: psycopg.Connection, schema: str) -> None:
        """Take a schema out of readers' sight; grants follow the object, so they are revoked."""
        previous = self.naming.previous(schema)
        if self._exists(connection, previous):
            # The night before could not be dropped: something still shows it.
            older = f"{previous}_{self.run_id}"
            connection.execute(
                f"ALTER SCHEMA {quote(previous)} RENAME TO {quote(older)}"
            )
            connection.execute(
                "UPDATE entrepot_ops.retired_schemas SET schema_name = %s"
                " WHERE schema_name = %s AND dropped_at IS NULL",
                [older, previous],
            )
        connection.execute(f"ALTER SCHEMA {quote(schema)} RENAME TO {quote(previous)}")
        connection.execute(
            "INSERT INTO entrepot_ops.retired_schemas (schema_name, run_id) VALUES (%s, %s)",
            [previous, self.run_id],
        )
        if self.reader:
            connection.execute(
                f"REVOKE ALL ON SCHEMA {quote(previous)} FROM {quote(self.reader)}"
            )

    def _exists(self, connection: psycopg.Connection, schema: str) -> bool:
        row = connection.execute(
            "SELECT true FROM pg_catalog.pg_namespace WHERE nspname = %s", [schema]
        ).fetchone()
        return row is not None

    def _was_committed(self, warehouse: Database) -> bool:
        warehouse.wait_until_ready(_RECONNECT)
        with warehouse.connect(purpose="swap") as connection:
            row = connection.execute(
                "SELECT true FROM entrepot_ops.publications WHERE run_id = %s",
                [self.run_id],
            ).fetchone()
        return row is not None


def rebind(
    connection: psycopg.Connection, dependents: list[Dependent], record: Record
) -> None:
    """Point other people's views to the new night, or say why that was not possible.

    Args:
        connection: A session on the warehouse, in autocommit.
        dependents: What depended on the live schemas before the swap.
        record: Where to say it.
    """
    remade = {
        f"{each.name.schema}.{each.name.name}": each.statement.replace(
            "CREATE OR REPLACE VIEW", "CREATE VIEW", 1
        )
        for each in dependents
        if each.statement
    }
    for dependent in dependents:
        if dependent.statement is None:
            record.finding(
                dependent.label, "stays on the previous night: it is not a view of ours"
            )
            continue
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                _replace(connection, dependent, remade)
        except (CannotBeMadeAgain, psycopg.Error) as error:
            record.finding(
                dependent.label, f"stays on the previous night: {one_line(error)}"
            )


def _replace(
    connection: psycopg.Connection, dependent: Dependent, remade: Mapping[str, str]
) -> None:
    """Replace a view; one whose columns have become others is dropped and made again."""
    assert dependent.statement is not None
    try:
        with connection.transaction():
            connection.execute(dependent.statement)
    except errors.InvalidTableDefinition:
        with taken_away(connection, dependent.name, itself=True, instead=remade):
            pass


def report_landing_names(
    connection: psycopg.Connection, naming: Naming, landing: list[str], record: Record
) -> None:
    """Report the functions whose text names a landing schema: after the swap it is another.

    Args:
        connection: A session on the warehouse.
        naming: The schemas' names.
        landing: The landing's schemas.
        record: Where to report.
    """
    rows = connection.execute(
        "SELECT n.nspname, p.proname, s.name"
        " FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace"
        " CROSS JOIN pg_catalog.unnest(%s::text[]) AS s (name)"
        " WHERE n.nspname = ANY (%s)"
        " AND (pg_catalog.strpos(p.prosrc, s.name || '.') > 0"
        " OR pg_catalog.strpos(p.prosrc, pg_catalog.quote_ident(s.name) || '.') > 0)",
        [landing, [naming.following(schema) for schema in landing]],
    ).fetchall()
    live = {naming.following(schema): naming.live(schema) for schema in landing}
    for schema, function, named in rows:
        record.finding(
            f"function {live[schema]}.{function}",
            f"its text names schema {named}, which is {naming.live(named)} here",
        )
