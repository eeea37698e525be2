"""Roles and databases of a server of the tests or the demo."""

from __future__ import annotations

from abc import ABC, abstractmethod

import psycopg
from psycopg import sql

_HAS_STRATEGY = _HAS_CLOSED_PUBLIC = 150_000  # server versions


class Databases(ABC):
    """What a server holds, made by its superuser."""

    @abstractmethod
    def admin(self, database: str = "postgres") -> psycopg.Connection:
        """Open a session of the superuser, in autocommit."""

    def create_role(self, name: str, password: str, options: str = "LOGIN") -> None:
        """Make an ordinary role, or give it a new password.

        Args:
            name: The role.
            password: Its password.
            options: As CREATE ROLE takes them.
        """
        with self.admin() as admin:
            query = "SELECT FROM pg_roles WHERE rolname = %s"
            known = admin.execute(query, [name]).fetchone() is not None
            admin.execute(
                sql.SQL("{} ROLE {} {} PASSWORD {}").format(
                    sql.SQL("ALTER" if known else "CREATE"),
                    sql.Identifier(name),
                    sql.SQL(options),
                    password,
                )
            )

    def create_database(
        self,
        name: str,
        owner: str,
        readers: tuple[str, ...] = (),
        template: str = "template0",
    ) -> None:
        """Make a database that only its owner and invited roles may enter, unless it is there.

        Args:
            name: The database.
            owner: An ordinary role.
            readers: Other roles that may connect.
            template: What it is a copy of; nobody may be in it.
        """
        database, role = sql.Identifier(name), sql.Identifier(owner)
        with self.admin() as admin:
            version = admin.info.server_version
            query = "SELECT FROM pg_database WHERE datname = %s"
            if admin.execute(query, [name]).fetchone() is None:
                # Its files are copied as they are, which costs less than to log their pages.
                strategy = " STRATEGY file_copy" if version >= _HAS_STRATEGY else ""
                admin.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}{}").format(
                        database,
                        role,
                        sql.Identifier(template),
                        sql.SQL(strategy),
                    )
                )
            admin.execute(
                sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database)
            )
            for reader in readers:
                grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
                admin.execute(grant.format(database, sql.Identifier(reader)))
        if version < _HAS_CLOSED_PUBLIC:
            self._close_public(name, role)

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever uses it, if it is there.

        Args:
            name: The database.
        """
        with self.admin() as admin:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            admin.execute(drop.format(sql.Identifier(name)))

    def _close_public(self, database: str, owner: sql.Identifier) -> None:
        """Do what PostgreSQL 15 and later do: only the owner creates in schema public."""
        with self.admin(database) as admin:
            admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            admin.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
