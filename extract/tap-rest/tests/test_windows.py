"""Which windows a run reads."""

from __future__ import annotations

from datetime import date

import pytest

from entrepot_tap_rest.windows import Unit, spans

START, TODAY = date(2023, 11, 15), date(2024, 2, 3)


def _names(unit: Unit, known: str | None, lookback: int = 1) -> list[str]:
    return [span.name for span in spans(unit, START, TODAY, known, lookback)]


@pytest.mark.parametrize(
    ("known", "lookback", "expected"),
    [
        (None, 1, ["2023-11", "2023-12", "2024-01", "2024-02"]),
        ("2024-01", 0, ["2024-01", "2024-02"]),
        ("2024-01", 1, ["2023-12", "2024-01", "2024-02"]),
        ("2024-02", 9, ["2023-11", "2023-12", "2024-01", "2024-02"]),
        ("1999-01", 1, ["2023-11", "2023-12", "2024-01", "2024-02"]),
    ],
)
def test_the_last_window_is_always_read_again(
    known: str | None, lookback: int, expected: list[str]
) -> None:
    assert _names("month", known, lookback) == expected


def test_windows_meet_and_end_today() -> None:
    found = spans("month", START, TODAY, None, 1)
    assert [(span.first, span.last) for span in found] == [
        (date(2023, 11, 15), date(2023, 11, 30)),
        (date(2023, 12, 1), date(2023, 12, 31)),
        (date(2024, 1, 1), date(2024, 1, 31)),
        (date(2024, 2, 1), date(2024, 2, 3)),
    ]
    assert len(_names("day", None)) == (TODAY - START).days + 1
    assert _names("year", None) == ["2023", "2024"]


def test_nothing_is_read_of_a_start_that_is_to_come() -> None:
    assert spans("day", date(2999, 1, 1), TODAY, None, 1) == []
