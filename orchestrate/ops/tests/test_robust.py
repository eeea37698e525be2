"""What is usual: medians, spreads and slopes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from entrepot_ops.quality.history import Night, StepRun, one_a_day
from entrepot_ops.quality.robust import slope, usual


def test_nothing_is_usual_without_nights() -> None:
    assert usual([], 0) is None


def test_one_odd_night_moves_nothing() -> None:
    samples = [(n % 7, 100.0) for n in range(21)]
    samples[5] = (5, 1e9)
    found = usual(samples, 5)
    assert found is not None
    assert (found.middle, found.spread) == (100.0, 0.0)


def test_a_weekday_that_differs_is_compared_with_itself() -> None:
    samples = [(n % 7, 0.0 if n % 7 == 6 else 100.0 + n % 3) for n in range(28)]
    sunday, monday = usual(samples, 6), usual(samples, 0)
    assert sunday is not None
    assert monday is not None
    assert (sunday.middle, sunday.values) == (0.0, (0.0,) * 4)
    assert monday.middle == pytest.approx(101, abs=1)


def test_slope_of_a_disk() -> None:
    points = [(float(day), 1000.0 - 10 * day) for day in range(10)]
    points[4] = (4.0, 5.0)  # a night when somebody filled it for a while
    assert slope(points) == pytest.approx(-10)
    assert slope(points[:1]) is None


def test_a_night_done_again_replaces_that_of_the_day() -> None:
    day = date(2026, 3, 4)
    nights = [Night(1, day), Night(2, day), Night(3, day + timedelta(days=1))]
    assert [night.night_id for night in one_a_day(nights)] == [2, 3]
    assert not Night(1, day, steps={"a": StepRun("failed")}).is_whole
