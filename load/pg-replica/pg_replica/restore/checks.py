"""CHECKs that call functions of the source: made again when all rows are there.

Such a function may read other tables, which are empty while rows are copied, or count on a setting
of the source. PostgreSQL forbids neither. The rows are as the source holds them: a CHECK that they
do not pass here is kept for new rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.postgres import queries
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import quote
from entrepot_core.warehouse.runs import Record
from pg_replica.restore.search_path import SearchPath, is_of_path

_CALLING = queries.read("pg_replica", "checks_that_call")


@dataclass(frozen=True)
class Check:
    """A CHECK of a table or domain.

    Attributes:
        name: Its name.
        holder: The table or the domain, as SQL writes it.
        is_of_domain: Whether it is a domain's.
        definition: As `pg_get_constraintdef` gives it.
    """

    name: str
    holder: str
    is_of_domain: bool
    definition: str

    @property
    def alter(self) -> str:
        """The beginning of the statements that change it."""
        return f"ALTER {'DOMAIN' if self.is_of_domain else 'TABLE'} {self.holder}"

    @property
    def label(self) -> str:
        """How messages and findings name it."""
        return f"constraint {self.name} of {self.holder}"


class ChecksThatCall:
    """The CHECKs that are set aside while rows are copied.

    Args:
        schemas: The landing's schemas.
        path: The search path of the source's functions.
        record: Where findings go.
    """

    def __init__(self, schemas: list[str], path: SearchPath, record: Record) -> None:
        self._schemas = schemas
        self._path = path
        self._record = record
        self._aside: list[Check] = []

    def set_aside(self, connection: psycopg.Connection) -> None:
        """Drop them, and remember them.

        Args:
            connection: A session on the warehouse, in autocommit, before rows are copied.
        """
        # Dropped from a parent, one may stay with a child that had it before: so once more.
        while found := self._found(connection):
            check = found[0]
            connection.execute(f"{check.alter} DROP CONSTRAINT {quote(check.name)}")
            self._aside.append(check)

    def _found(self, connection: psycopg.Connection) -> list[Check]:
        rows = connection.execute(_CALLING, {"schemas": self._schemas}).fetchall()
        return [
            Check(name, holder, is_of_domain, definition)
            for name, is_of_domain, holder, definition, _ in rows
        ]

    def put_back(self, connection: psycopg.Connection) -> None:
        """Make them again; rows that do not pass one stay.

        Args:
            connection: A session on the warehouse, in autocommit, when all rows are there.

        Raises:
            RunFailed: If one cannot be made at all.
        """
        for check in self._aside:
            try:
                self._add(connection, check, "")
            except psycopg.errors.DuplicateObject:
                continue  # it came back with its parent's
            except psycopg.Error as error:
                why = one_line(error, of_rows=True)
                self._add_for_new_rows(connection, check, why)

    def _add_for_new_rows(
        self, connection: psycopg.Connection, check: Check, why: str
    ) -> None:
        try:
            self._add(connection, check, " NOT VALID")
        except psycopg.Error as error:
            raise RunFailed(f"{check.label}: {one_line(error, of_rows=True)}") from None
        self._record.finding(
            check.label, f"NOT VALID here: rows of the source do not pass it ({why})"
        )

    def _add(self, connection: psycopg.Connection, check: Check, more: str) -> None:
        statement = (
            f"{check.alter} ADD CONSTRAINT {quote(check.name)} {check.definition}{more}"
        )
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            if not self._path.value or not is_of_path(error):
                raise
            self._path.run(connection, [statement.encode()])
