"""The indexes and key constraints of an append table, built after its rows have come."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor

import psycopg

from entrepot_core.postgres import citus
from entrepot_core.postgres.connection import Database, one_line
from entrepot_core.postgres.identifiers import QUALIFIED, quote
from entrepot_target_postgres.append.definition import Definition
from entrepot_target_postgres.errors import CannotLoad

_ON = re.compile(rf" ON (?:ONLY )?{QUALIFIED} USING ")

logger = logging.getLogger("entrepot-target-postgres")


def build_missing(
    warehouse: Database,
    session: psycopg.Connection,
    table: Definition,
    jobs: int,
    *,
    is_distributed: bool,
) -> int:
    """Build the indexes that the source or the policy has and the table has not.

    Args:
        warehouse: The warehouse: each index is built in a session of its own.
        session: The session that loads the table, in autocommit.
        table: The table.
        jobs: Indexes built at once.
        is_distributed: Whether other nodes of Citus have the table.

    Returns:
        How many were missing.

    Raises:
        CannotLoad: If one cannot be built.
    """
    present = {
        row[0]
        for row in session.execute(
            "SELECT c.relname::text FROM pg_catalog.pg_index AS i"
            " JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = to_regclass(%s) AND i.indisvalid",
            [table.name.sql],
        )
    }
    missing = [
        (
            index.name,
            _ON.sub(
                lambda _: f" ON {table.name.sql} USING ",
                index.definition,
                count=1,
            ),
        )
        for index in table.indexes
        if index.name not in present
    ]
    missing += [
        (name, f"CREATE INDEX {quote(name)} ON {table.name.sql} {text}")
        for name, text in table.extra_indexes.items()
        if name not in present
    ]
    settings = (("maintenance_work_mem", "256MB"),)
    database = Database("warehouse", warehouse.url, warehouse.timeout, settings)

    def build(index: tuple[str, str]) -> None:
        with (
            database.connect(purpose="index") as builder,
            citus.propagated(builder, applies=is_distributed),
        ):
            _build(builder, table, *index)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(build, missing))
    with citus.propagated(session, applies=is_distributed):
        _add_constraints(session, table)
    return len(missing)


def _build(
    session: psycopg.Connection, table: Definition, name: str, statement: str
) -> None:
    try:
        session.execute(statement)
    except psycopg.errors.UndefinedObject as error:
        if any(index.name == name and index.unique for index in table.indexes):
            raise
        logger.warning(
            "%s: index %s is left out: %s", table.name, name, one_line(error)
        )
    except psycopg.Error as error:
        raise CannotLoad(
            f"table {table.source}: index {name} cannot be built: {one_line(error)}"
        ) from None


def _add_constraints(session: psycopg.Connection, table: Definition) -> None:
    """Turn the unique indexes that were constraints on the source into the same here."""
    present = {
        row[0]
        for row in session.execute(
            "SELECT conname::text FROM pg_catalog.pg_constraint"
            " WHERE conrelid = to_regclass(%s)",
            [table.name.sql],
        )
    }
    kinds = {"p": "PRIMARY KEY", "u": "UNIQUE"}
    for index in table.indexes:
        kind = kinds.get(index.constraint or "")
        if kind and index.name not in present:
            name = quote(index.name)
            when = " DEFERRABLE" if index.deferrable else ""
            when += " INITIALLY DEFERRED" if index.deferred else ""
            session.execute(
                f"ALTER TABLE {table.name.sql} ADD CONSTRAINT {name}"
                f" {kind} USING INDEX {name}{when}"
            )
