"""How long a night will take, measured: a sample of rows goes from one server to the other."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg

from entrepot_core.postgres.catalog import Table
from entrepot_ops.init.findings import Findings, size

_SAMPLE = 20_000_000  # bytes that are copied, at most about
_FEWEST = 100_000  # bytes: fewer say nothing of the speed
_TIMEOUT = 20_000  # milliseconds after which there is no sample
_HOUR = 60  # minutes
_BEGINNING = 30.0  # seconds of a night whatever there is: processes, catalogs, models
_OF_A_TABLE = 0.05  # seconds: a table has to be made, locked, compared
_INDEXES = (
    2.0  # building an index takes about that much longer than writing rows of its size
)
# A line is one value, whatever is in it: neither of these characters is ever in a text of COPY.
_AS_LINES = "(FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')"


@dataclass(frozen=True)
class Measured:
    """A sample that was copied.

    Attributes:
        table: Whose rows.
        bytes: How many.
        seconds: In which time.
    """

    table: str
    bytes: int
    seconds: float


def measure(
    source: psycopg.Connection, warehouse: psycopg.Connection, found: Findings
) -> Measured | None:
    """Copy rows of the biggest table into a temporary table of the warehouse.

    Args:
        source: A session there.
        warehouse: A session there; nothing of it stays.
        found: What the source holds.

    Returns:
        What was copied; None where there is too little to learn from, or no right to.
    """
    table = next((each for each in found.tables if each.readable), None)
    if table is None or table.size < _FEWEST:
        return None
    try:
        return _copied(source, warehouse, table)
    except psycopg.Error:  # an estimate is worth no failure
        return None


def _copied(
    source: psycopg.Connection, warehouse: psycopg.Connection, table: Table
) -> Measured | None:
    percent = 100 * min(1.0, _SAMPLE / table.size)
    rows = f"SELECT * FROM ONLY {table.name.sql} TABLESAMPLE SYSTEM ({percent:.6f})"
    began, passed = time.monotonic(), 0
    with (
        source.transaction(force_rollback=True),
        warehouse.transaction(force_rollback=True),
        source.cursor() as reader,
        warehouse.cursor() as writer,
    ):
        for cursor in (reader, writer):
            cursor.execute(f"SET LOCAL statement_timeout = {_TIMEOUT}")
        writer.execute("CREATE TEMPORARY TABLE sample (line text)")
        with (
            reader.copy(f"COPY ({rows}) TO STDOUT") as given,
            writer.copy(f"COPY pg_temp.sample FROM STDIN {_AS_LINES}") as taken,
        ):
            for block in given:
                taken.write(block)
                passed += len(block)
    seconds = time.monotonic() - began
    return Measured(str(table.name), passed, seconds) if passed >= _FEWEST else None


def line(found: Findings, measured: Measured | None) -> str:
    """Say how long a night will take, and which space.

    Args:
        found: What the source holds.
        measured: The sample; None without one.

    Returns:
        A sentence.
    """
    seconds = _BEGINNING + _OF_A_TABLE * len(found.tables)
    how = "too few rows to measure the way"
    if measured:
        rate = measured.bytes / max(measured.seconds, 0.01)
        seconds += (found.row_bytes + _INDEXES * found.index_bytes) / rate
        how = f"measured on {size(measured.bytes)} of {measured.table}, {size(rate)} a second"
    space = found.row_bytes + found.index_bytes
    return (
        f"about {_duration(seconds)} ({how}); {size(space)} in the warehouse, twice that while a "
        "night runs"
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes <= 1:
        return "a minute"
    if minutes < _HOUR * 2:
        return f"{minutes} minutes"
    return f"{minutes / _HOUR:.1f} hours"
