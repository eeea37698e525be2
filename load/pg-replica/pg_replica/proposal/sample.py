"""A few rows of a table, bounded in rows, bytes and time; no code of the source runs for it.

A query is planned, and a planner reads expressions of indexes and statistics, which the source's
owner wrote. A table that has some is read by COPY from its first page on: COPY plans nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

import psycopg

from entrepot_core.base.logs import event
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.identifiers import quote
from pg_replica.proposal.catalog import SourceColumn, SourceTable

Samples = Mapping[str, list[str | None]]

_ROWS = 100
_PAGES = 16  # of a big table, chosen by chance
_CHARACTERS = 500  # of a value
_STORED = 4096  # bytes that a value may take as stored: longer ones are left out
_BYTES = 2_000_000  # of one table's sample
_TABLE_SECONDS = 1.0
_LOCK_SECONDS = 0.2
_ALL_SECONDS = 30.0
_BEHIND = 0.3  # seconds that a server may take over its own limit


class Sampler:
    """Reads samples in a session of its own that can change nothing.

    Attributes:
        unread: How many tables were not sampled for want of time.
    """

    def __init__(self, source: Database, seconds: float = _ALL_SECONDS) -> None:
        """Open the session.

        Args:
            source: The source.
            seconds: For all tables together.
        """
        self._connection = source.connect(purpose="sample")
        self._deadline = time.monotonic() + seconds
        self.unread = 0
        for setting, value in (
            ("default_transaction_read_only", "on"),
            ("statement_timeout", f"{_TABLE_SECONDS * 1000:.0f}ms"),
            ("lock_timeout", f"{_LOCK_SECONDS * 1000:.0f}ms"),
            ("jit", "off"),
            ("max_parallel_workers_per_gather", "0"),
        ):
            self._connection.execute(
                "SELECT pg_catalog.set_config(%s, %s, false)", [setting, value]
            )

    def close(self) -> None:
        """Close the session."""
        self._connection.close()

    def sample(self, table: SourceTable, only: Iterable[str] | None = None) -> Samples:
        """Read a few values of each column.

        Args:
            table: The table.
            only: These columns; None for all.

        Returns:
            Values as text by column; nothing where the table cannot be read in time.
        """
        if time.monotonic() > self._deadline or self._connection.closed:
            self.unread += 1
            return {}
        wanted = None if only is None else set(only)
        columns = [
            column
            for column in table.columns
            if column.may_be_sampled
            and (wanted is None or column.facts.name in wanted)
            and not (table.has_expressions and table.has_toast and _is_long(column))
        ]
        if not columns or table.sampled is None or not table.readable:
            return {}
        try:
            rows = (
                self._first_rows(table, columns)
                if table.has_expressions
                else self._some_rows(table, columns)
            )
        except psycopg.Error as error:
            # Neither its text, which may hold a value, nor the table stops what is asked.
            event(
                f"rows of table {table.name} could not be sampled ({error.sqlstate})",
                level=logging.DEBUG,
            )
            return {}
        names = [column.facts.name for column in columns]
        return {name: [row[place] for row in rows] for place, name in enumerate(names)}

    def _some_rows(
        self, table: SourceTable, columns: list[SourceColumn]
    ) -> list[tuple[str | None, ...]]:
        assert table.sampled is not None
        percent = 100 if table.pages <= _PAGES else 100 * _PAGES / table.pages
        shown = ", ".join(_cut(column) for column in columns)
        rows = max(1, min(_ROWS, _BYTES // (_CHARACTERS * len(columns))))
        return self._connection.execute(
            f"SELECT {shown} FROM ONLY {table.sampled.sql}"
            f" TABLESAMPLE SYSTEM ({percent:.9f})"
            f" ORDER BY pg_catalog.random() LIMIT {rows}".encode()
        ).fetchall()

    def _first_rows(
        self, table: SourceTable, columns: list[SourceColumn]
    ) -> list[tuple[str | None, ...]]:
        """Read the first rows by COPY, and break off."""
        assert table.sampled is not None
        listed = ", ".join(quote(column.facts.name) for column in columns)
        rows: list[tuple[str | None, ...]] = []
        read, began = 0, time.monotonic()
        statement = f"COPY {table.sampled.sql} ({listed}) TO STDOUT"
        with (
            self._connection.cursor() as cursor,
            cursor.copy(statement.encode()) as copy,
        ):
            for row in copy.rows():
                texts = tuple(
                    None if value is None else str(value)[:_CHARACTERS] for value in row
                )
                rows.append(texts)
                read += sum(len(text) for text in texts if text)
                if (
                    len(rows) >= _ROWS
                    or read > _BYTES
                    or time.monotonic() - began > _TABLE_SECONDS + _BEHIND
                ):
                    break
        return rows


def _is_long(column: SourceColumn) -> bool:
    """Say whether one value could be longer than a page."""
    return column.facts.type_class in "tj"


def _cut(column: SourceColumn) -> str:
    """Write a value's text, cut; none of what is stored long: it would be unpacked whole."""
    name = quote(column.facts.name)
    return (
        f"CASE WHEN pg_catalog.pg_column_size({name}) < {_STORED}"
        f" THEN pg_catalog.left({name}::pg_catalog.text, {_CHARACTERS}) END"
    )
