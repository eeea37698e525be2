"""What dbt says of a server's error: in its output, its log and its results no value of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2

_LINE = re.compile(r"^LINE \d+: .*$", re.MULTILINE)


def without_values(error: psycopg2.Error) -> str:
    """Say what a server complained of, as the rest of the project does.

    Args:
        error: Its error.

    Returns:
        See `explain`; with the line of the model's own SQL that the server points to.
    """
    from entrepot_core.postgres.explain import explain

    if error.pgcode is None:  # libpq's own words, of a lost connection
        return str(error).strip()
    said = explain(error.diag, of_rows=True)
    line = _LINE.search(str(error)) if error.diag.statement_position else None
    return f"{said}\n{line[0]}" if line else said


def install() -> None:
    """Let dbt's connection to PostgreSQL speak so."""
    from dbt.adapters.postgres.connections import PostgresConnectionManager

    handle = PostgresConnectionManager.exception_handler

    @contextmanager
    def handler(self: Any, sql: str) -> Iterator[None]:
        with handle(self, sql):
            try:
                yield
            except psycopg2.DatabaseError as error:
                raise type(error)(without_values(error)) from None

    PostgresConnectionManager.exception_handler = handler  # type: ignore[method-assign]
