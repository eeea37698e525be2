"""No value of a row is in what dbt says, and what its author needs is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from entrepot_dbt.messages import install, without_values

FIELDS = (
    "context",
    "schema_name",
    "table_name",
    "column_name",
    "datatype_name",
    "constraint_name",
    "source_function",
    "statement_position",
    "internal_position",
)
MARKER = "alice@hospital.example"


class Refused(Exception):
    """An error as psycopg2 gives it, which cannot be made without a server."""

    def __init__(self, state: str | None, message: str, **fields: Any) -> None:
        super().__init__(f"{message}\nDETAIL:  Key (email)=({MARKER}) exists.\n")
        self.pgcode = state
        self.diag = SimpleNamespace(
            sqlstate=state,
            message_primary=message,
            message_detail=MARKER,
            **{name: fields.get(name) for name in FIELDS},
        )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Refused("23505", f'duplicate "{MARKER}"', constraint_name="users_pkey"),
            "unique violation (SQLSTATE 23505), constraint users_pkey",
        ),
        (Refused("22P02", f'invalid input syntax: "{MARKER}"'), "SQLSTATE 22P02"),
        (Refused("P0001", MARKER, context="PL/pgSQL function f()"), "raise exception"),
        (Refused("42704", MARKER, context="PL/pgSQL function f()"), "undefined object"),
        (Refused("ZZ999", MARKER), "error (SQLSTATE ZZ999)"),
        (
            Refused("42P01", 'relation "x" does not exist', statement_position="1"),
            'relation "x" does not exist',
        ),
        (Refused("55P03", "canceling statement due to lock timeout"), "lock timeout"),
    ],
)
def test_values_stay_out(error: Any, said: str) -> None:
    assert said in without_values(error)
    assert MARKER not in without_values(error)


def test_dbts_own_handler_is_wrapped() -> None:
    from dbt.adapters.postgres.connections import PostgresConnectionManager

    before = PostgresConnectionManager.exception_handler
    try:
        install()
        assert PostgresConnectionManager.exception_handler is not before
    finally:
        PostgresConnectionManager.exception_handler = before  # type: ignore[method-assign] # put back
