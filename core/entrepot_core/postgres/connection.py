"""Connections to both servers: bounded waits, fixed text settings, passwords out of sight."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.base.part import part
from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_core.postgres import citus
from entrepot_core.postgres.explain import explain
from entrepot_core.postgres.pooler import shares_backends
from entrepot_core.postgres.transit import NO_ENCRYPTION, with_encryption

_POOLER_SECONDS = 20.0  # to find out what a pooler does
_RETRY_PAUSE = 0.5  # seconds; doubled after each try, up to _LONGEST_PAUSE
_LONGEST_PAUSE = 10.0  # seconds
# Connection errors that a retry cannot mend, by their English text: with another lc_messages they
# are retried until the deadline.
_PERMANENT = re.compile(
    r"authentication failed|does not exist|pg_hba|translate host name|certificate|sslmode"
    r"|does not support SSL|not compiled|no password|invalid (port|connection)",
    re.IGNORECASE,
)

# Text output that is the same on every server; what pg_dump fixes, and the time zone.
_TEXT_SETTINGS = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "xmloption": "content",
    "lc_monetary": "C",
    "client_min_messages": "error",
    "search_path": "",
}
# What a server or role may have set to protect itself from forgotten sessions.
_NO_LIMITS = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
}
# So that a server notices within half a minute that we are gone, even in a long CREATE INDEX.
_NOTICE_DEATH = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "5s",
}

_IDENTITY = (
    "SELECT pg_catalog.pg_postmaster_start_time(), d.oid FROM pg_catalog.pg_database AS d"
    " WHERE d.datname = pg_catalog.current_database()"
)


@dataclass(frozen=True)
class Database:
    """One database that we connect to.

    Attributes:
        label: What messages call it: `source` or `warehouse`.
        url: Its libpq URL or connection string.
        timeout: Seconds after which a silent network counts as cut.
        settings: Session settings beside the common ones.
    """

    label: str
    url: str
    timeout: int = 120
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def parts(self) -> dict[str, Any]:
        """The URL's parameters, by libpq's names."""
        return with_encryption(conninfo_to_dict(self.url))

    @property
    def place(self) -> str:
        """Where it is, for messages: host, port and database, nothing secret."""
        parts = self.parts
        host = parts.get("host") or parts.get("hostaddr") or "local socket"
        return f"{host}:{parts.get('port') or 5432}/{parts.get('dbname')}"

    def connect(
        self, *, purpose: str = "", autocommit: bool = True
    ) -> psycopg.Connection:
        """Open a session.

        Args:
            purpose: Shown in `pg_stat_activity` after the name of the part that runs.
            autocommit: Whether each statement is its own transaction.

        Returns:
            The session, its settings made.

        Raises:
            Refused: If a pooler shares its sessions out by transaction.
            TransientFailure: If the server can't be reached or refuses us.
        """
        name = part.application(purpose)
        milliseconds = self.timeout * 1000
        parts = self.parts
        try:
            connection = psycopg.connect(
                make_conninfo(
                    **{
                        **parts,
                        "application_name": name,
                        "client_encoding": "UTF8",
                        "connect_timeout": parts.get("connect_timeout")
                        or min(self.timeout, 30),
                        "keepalives_idle": max(1, self.timeout // 4),
                        "keepalives_interval": max(1, self.timeout // 8),
                        "keepalives_count": 4,
                        "tcp_user_timeout": milliseconds,
                    }
                ),
                autocommit=True,
                prepare_threshold=None,
            )
            self._refuse_pooler(connection)
            self._apply_settings(connection)
        except psycopg.Error as error:
            said = one_line(error)
            if "SSL was required" in said:
                said += f"; {NO_ENCRYPTION}"
            raise TransientFailure(
                f"cannot connect to the {self.label} ({self.place}): {said}"
            ) from None
        connection.autocommit = autocommit
        return connection

    def _refuse_pooler(self, connection: psycopg.Connection) -> None:
        """Refuse a pooler that gives each transaction another session, before anything is set.

        What a session holds, a lock or a setting, would stay in the pool for others.

        Raises:
            Refused: If there is one.
        """
        row = connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
        if row == (connection.info.backend_pid,):
            return  # nobody stands between
        url = make_conninfo(**self.parts)
        with bounded(connection, _POOLER_SECONDS):
            if shares_backends(connection, url):
                connection.close()
                problem = (
                    f"the {self.label} ({self.place}) is reached through a pooler that gives each "
                    "transaction another session (such as pgbouncer with pool_mode transaction): "
                    "give the server's own address, or one in session mode"
                )
                raise Refused([problem])

    def _apply_settings(self, connection: psycopg.Connection) -> None:
        """Set what this server knows of the settings, in one round trip."""
        wanted = {
            **_TEXT_SETTINGS,
            **_NO_LIMITS,
            **_NOTICE_DEATH,
            **citus.SETTINGS,
            **dict(self.settings),
        }
        known = connection.execute(
            "SELECT w.name, pg_catalog.set_config(w.name, w.value, false)"
            " FROM unnest(%s::text[], %s::text[]) AS w (name, value)"
            " LEFT JOIN pg_catalog.pg_settings AS s"  # which does not list all of Citus's
            " ON pg_catalog.lower(s.name) = pg_catalog.lower(w.name)"
            " WHERE pg_catalog.current_setting(w.name, true) IS NOT NULL"
            " AND (s.enumvals IS NULL OR w.value = ANY (s.enumvals))",
            [list(wanted), list(wanted.values())],
        )
        citus.note(connection, [name for name, _ in known])

    def wait_until_ready(self, seconds: float) -> None:
        """Wait for a server that restarts, is full or under maintenance, with growing pauses.

        Args:
            seconds: For how long at most.

        Raises:
            TransientFailure: If it does not accept connections in that time, or at once if no
                waiting would help.
        """
        deadline, pause = time.monotonic() + seconds, _RETRY_PAUSE
        while True:
            try:
                self.connect(purpose="probe").close()
            except TransientFailure as failure:
                if time.monotonic() > deadline or _PERMANENT.search(str(failure)):
                    raise
                if pause == _RETRY_PAUSE:
                    event(f"{failure}: waiting for it, {seconds:g} s at most")
                time.sleep(min(pause, max(0, deadline - time.monotonic())))
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return

    def child_environment(self) -> dict[str, str]:
        """Build the environment with which a client tool connects here.

        Nothing of it is in the tool's arguments, which every user of the machine can read.

        Returns:
            Our environment with libpq's variables set.

        Raises:
            ValueError: If the URL has a parameter for which libpq reads no variable.
        """
        environment = {
            name: value for name, value in os.environ.items() if name[:2] != "PG"
        }
        variables = {
            default.keyword.decode(): default.envvar.decode()
            for default in pq.Conninfo.get_defaults()
            if default.envvar
        }
        for keyword, value in self.parts.items():
            if keyword in variables:
                environment[variables[keyword]] = str(value)
        environment["PGAPPNAME"] = part.application("pg_dump")
        environment["LC_ALL"] = "C"  # messages are parsed
        return environment


def hang_up(connection: psycopg.Connection) -> None:
    """Cut a session's socket, which wakes whatever thread waits for an answer on it.

    Args:
        connection: The session; of no use afterwards.
    """
    with (
        suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as end,
    ):
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def bounded(connection: psycopg.Connection, seconds: float) -> Iterator[None]:
    """Cut a session whose server does not answer in time; psycopg would wait for ever.

    Args:
        connection: The session.
        seconds: For how long at most.
    """
    timer = threading.Timer(seconds, hang_up, [connection])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def explained(label: str) -> Iterator[None]:
    """Turn psycopg's errors into the operator's.

    Args:
        label: Whose errors: `source` or `warehouse`.

    Raises:
        TransientFailure: For a lost server or connection.
        RunFailed: For any other error of the server.
    """
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise RunFailed(
            f"the {label} cancelled a statement: {one_line(error)}"
        ) from None
    except psycopg.OperationalError as error:
        raise TransientFailure(f"the {label}: {one_line(error)}") from None
    except psycopg.Error as error:
        raise RunFailed(f"the {label}: {one_line(error)}") from None


def are_same(one: psycopg.Connection, other: psycopg.Connection) -> bool:
    """Say whether two sessions are on the same database.

    Args:
        one: A session.
        other: Another.

    Returns:
        Whether they are.
    """
    return one.execute(_IDENTITY).fetchone() == other.execute(_IDENTITY).fetchone()


def one_line(error: BaseException, *, of_rows: bool = False) -> str:
    """Give an error's text in one line: no secret, no value of a row, no control character.

    Args:
        error: Usually a `psycopg.Error`; see `explain` for what is said of one.
        of_rows: Whether its statement computed something over rows.

    Returns:
        The text, line breaks removed.
    """
    if isinstance(error, psycopg.Error) and error.diag.sqlstate:
        text = explain(error.diag, of_rows=of_rows)
    else:
        text = str(error)
    return visible(redact(" ".join(text.split()))) or type(error).__name__
