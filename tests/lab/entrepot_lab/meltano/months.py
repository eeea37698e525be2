"""A month of invented nights: tables, steps and columns that behave, and what is planted."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

_STEPS = {
    "full-replication": 2400.0,
    "incremental-replication": 700.0,
    "learning-content-replication": 60.0,
    "open-data-quality": 180.0,
    "tap-csv--cpf target-postgres": 45.0,
    "dbt:build": 900.0,
    "pg-replica:publish-external": 20.0,
    "pg-replica:drop-previous": 4.0,
    "pg-replica:audit": 300.0,
}
_BRING = {
    "full-replication": 4_000_000,
    "incremental-replication": 90_000,
    "learning-content-replication": 6_000,
    "open-data-quality": 12_000,
    "tap-csv--cpf target-postgres": 30_000,
}
_OVERWRITES = ("learning-content-replication", "tap-csv--cpf target-postgres")
_WEEKEND = 5  # Saturday


@dataclass
class Morning:
    """What a morning finds.

    Attributes:
        day: The night's.
        tables: Rows and bytes by the table's name.
        steps: Seconds and rows by the step's name; rows are None where it brings none.
        columns: Of each table.
    """

    day: date
    tables: dict[str, tuple[int, int]]
    steps: dict[str, tuple[float, int | None]]
    columns: dict[str, list[str]] = field(default_factory=dict)


Growth = Callable[[random.Random, date, int], int]
Planted = Callable[[int, Morning, "Morning | None"], None]


def _steady(mean: float, noise: float) -> Growth:
    def grow(chance: random.Random, day: date, _rows: int) -> int:
        return max(1, round(mean * chance.lognormvariate(0, noise)))

    return grow


def _working_days(mean: float) -> Growth:
    def grow(chance: random.Random, day: date, _rows: int) -> int:
        if day.weekday() >= _WEEKEND:
            return 0
        return round(max(0.0, chance.gauss(mean, 0.2 * mean)))

    return grow


def _few(mean: float) -> Growth:
    """Rows that arrive by chance, a few each night (Knuth's way to Poisson's numbers)."""

    def grow(chance: random.Random, day: date, _rows: int) -> int:
        gaps, count = chance.expovariate(mean), 0
        while gaps < 1:
            gaps, count = gaps + chance.expovariate(mean), count + 1
        return count

    return grow


def _never(chance: random.Random, day: date, rows: int) -> int:
    return 0


def _up_and_down(chance: random.Random, day: date, rows: int) -> int:
    """Drafts, sessions, queues: filled and emptied."""
    return chance.randint(20, 5000) - rows


def _once_a_week(chance: random.Random, day: date, rows: int) -> int:
    return chance.randint(800, 1200) if day.weekday() == 0 else 0


def _purged(chance: random.Random, day: date, rows: int) -> int:
    """A log of a week: what comes in goes out again."""
    return round(chance.gauss(0, 0.02 * rows))


_KINDS: list[tuple[str, int, Growth]] = [
    *((f"app.events_{n}", 400_000, _steady(3000, 0.2)) for n in range(6)),
    *((f"app.orders_{n}", 90_000, _working_days(500)) for n in range(5)),
    *((f"app.tickets_{n}", 2_000, _few(4)) for n in range(5)),
    *((f"app.countries_{n}", 250, _never) for n in range(8)),
    *((f"app.drafts_{n}", 900, _up_and_down) for n in range(3)),
    *((f"app.imports_{n}", 30_000, _once_a_week) for n in range(2)),
    *((f"app.log_{n}", 20_000, _purged) for n in range(3)),
    *((f"files.lines_{n}", 50_000, _steady(400, 0.15)) for n in range(4)),
]


def month(
    seed: int, *planted: Planted, nights: int = 30, first: date = date(2026, 3, 4)
) -> list[Morning]:
    """Invent nights.

    Args:
        seed: Of chance.
        *planted: Each is given the night's number from 0, the morning and the one before, and
            changes the morning.
        nights: How many.
        first: The day of the first.

    Returns:
        The mornings.
    """
    chance = random.Random(seed)
    rows = {name: size for name, size, _ in _KINDS}
    mornings: list[Morning] = []
    for number in range(nights):
        day = first + timedelta(days=number)
        before = mornings[-1] if mornings else None
        for name, _, grow in _KINDS:
            now = before.tables[name][0] if before else rows[name]
            rows[name] = max(0, now + grow(chance, day, now))
        morning = Morning(
            day,
            {name: (count, _bytes(count)) for name, count in rows.items()},
            _steps(chance, day),
            {name: ["id\tinteger", "created_at\ttimestamp"] for name in rows},
        )
        for plant in planted:
            plant(number, morning, before)
        mornings.append(morning)
    return mornings


def _bytes(rows: int) -> int:
    return 8192 * (1 + rows // 60)


def _steps(chance: random.Random, day: date) -> dict[str, tuple[float, int | None]]:
    busy = 1.3 if day.weekday() == 0 else 1.0
    found: dict[str, tuple[float, int | None]] = {}
    for name, seconds in _STEPS.items():
        brought = _BRING.get(name)
        if brought and name not in _OVERWRITES:
            brought = round(brought * chance.lognormvariate(0, 0.15))
        found[name] = (seconds * busy * chance.lognormvariate(0, 0.1), brought)
    return found


def stops(table: str, night: int) -> Planted:
    """Let a table stop growing.

    Args:
        table: Which.
        night: From which night on.

    Returns:
        What `month` takes.
    """

    def plant(number: int, morning: Morning, before: Morning | None) -> None:
        if number >= night and before:
            morning.tables[table] = before.tables[table]

    return plant


def shrinks(table: str, night: int, share: float = 0.2) -> Planted:
    """Let a table lose a share of its rows in one night.

    Args:
        table: Which.
        night: In which night.
        share: Of its rows.

    Returns:
        What `month` takes.
    """

    def plant(number: int, morning: Morning, before: Morning | None) -> None:
        if number == night and before:
            left = round(before.tables[table][0] * (1 - share))
            morning.tables[table] = (left, _bytes(left))

    return plant


def slows(step: str, night: int, times: float = 2.0) -> Planted:
    """Let a step take longer.

    Args:
        step: Which.
        night: From which night on.
        times: How many times its time.

    Returns:
        What `month` takes.
    """

    def plant(number: int, morning: Morning, before: Morning | None) -> None:
        if number >= night:
            seconds, rows = morning.steps[step]
            morning.steps[step] = (seconds * times, rows)

    return plant


def falls_silent(step: str, schema: str, night: int) -> Planted:
    """Let a source bring nothing.

    Args:
        step: Which brings it.
        schema: Where its rows go.
        night: From which night on.

    Returns:
        What `month` takes.
    """

    def plant(number: int, morning: Morning, before: Morning | None) -> None:
        if number >= night and before:
            morning.steps[step] = (morning.steps[step][0], 0)
            for table in morning.tables:
                if table.startswith(f"{schema}."):
                    morning.tables[table] = before.tables[table]

    return plant


def gains_column(table: str, column: str, night: int) -> Planted:
    """Let a table have another column.

    Args:
        table: Which.
        column: Its name, a tab and its type.
        night: From which night on.

    Returns:
        What `month` takes.
    """

    def plant(number: int, morning: Morning, before: Morning | None) -> None:
        if number >= night:
            morning.columns[table] = [*morning.columns[table], column]

    return plant
