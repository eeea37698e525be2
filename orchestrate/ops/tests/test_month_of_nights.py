"""A month of invented nights: what is planted is said the same morning, and hardly more."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest

from entrepot_lab.meltano.months import (
    Morning,
    falls_silent,
    gains_column,
    month,
    shrinks,
    slows,
    stops,
)
from entrepot_ops.quality import anomalies
from entrepot_ops.quality.history import Night, Size, StepRun
from entrepot_ops.quality.shapes import column_changes

_SEEDS = (20260304, 7, 11, 23, 42, 1789)


def _nights(mornings: list[Morning]) -> list[Night]:
    return [
        Night(
            number,
            morning.day,
            {table: Size(*size) for table, size in morning.tables.items()},
            {step: StepRun("succeeded", *run) for step, run in morning.steps.items()},
        )
        for number, morning in enumerate(mornings, start=1)
    ]


def _said(mornings: list[Morning]) -> dict[int, set[tuple[str, str]]]:
    """Give what each morning says for the first time, by the night's number from 0."""
    nights = _nights(mornings)
    found: dict[int, set[tuple[str, str]]] = {}
    for number in range(len(nights)):
        found[number] = {
            (one.kind, one.subject)
            for one in anomalies.find(nights[: number + 1])
            if one.is_new
        }
        if number:
            found[number] |= {
                ("personal_column", f"{change.table}.{change.column}")
                for change in column_changes(
                    mornings[number - 1].columns, mornings[number].columns
                )
                if change.looks_personal
            }
    return found


@pytest.mark.parametrize("seed", _SEEDS)
def test_what_is_planted_is_said_and_little_else(seed: int) -> None:
    planted = {
        (11, "lost_rows", "app.events_1"),
        (14, "stopped_growing", "app.events_3"),
        (17, "slow_step", "incremental-replication"),
        (20, "no_news", "tap-csv--cpf target-postgres"),
        (20, "no_news", "files"),
        (22, "personal_column", "app.orders_2.contact_email"),
        (23, "stopped_growing", "app.orders_0"),
        (27, "lost_rows", "app.countries_4"),
    }
    said = _said(
        month(
            seed,
            shrinks("app.events_1", 11),
            stops("app.events_3", 14),
            slows("incremental-replication", 17),
            falls_silent("tap-csv--cpf target-postgres", "files", 20),
            gains_column("app.orders_2", "contact_email\ttext", 22),
            gains_column("app.orders_2", "colour\ttext", 24),
            stops("app.orders_0", 23),
            shrinks("app.countries_4", 27),
        )
    )
    found = {(night, *one) for night, ones in said.items() for one in ones}
    assert planted - found == set()
    known = {one[1:] for one in planted}
    alarms = [one for one in found - planted if one[1:] not in known]
    assert len(alarms) <= 1, alarms


@pytest.mark.parametrize("seed", _SEEDS[:2])
def test_a_quiet_month_is_quiet(seed: int) -> None:
    alarms = [(n, *one) for n, ones in _said(month(seed)).items() for one in ones]
    assert len(alarms) <= 1, alarms


def test_a_thousand_tables_are_judged_in_a_moment() -> None:
    first = date(2026, 1, 5)
    nights = [
        Night(
            number,
            first + timedelta(days=number),
            {f"app.t{n}": Size(1000 * n + 10 * number * (n % 7)) for n in range(1000)},
        )
        for number in range(57)
    ]
    began = time.process_time()
    assert anomalies.find(nights) == []
    assert time.process_time() - began < 20
