"""A line is written as it stands only where reading it cell by cell would change nothing."""

from __future__ import annotations

import random

import pytest

from entrepot_tap_csv import quotes
from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.records import Batch
from entrepot_tap_csv.rows import Layout
from entrepot_tap_csv.values import Column

CELLS = {
    "text": ["", "a", "NULL", r"\N", "é,", "x\ny", "0"],
    "integer": ["", "0", "-7", "+7", " 7", "9" * 18, "9" * 19, "1.0", "NULL", r"\N"],
    "number": ["", "1", "-1.50", ".5", "1e3", "1,5", "NaN", "0"],
    "boolean": ["", "true", "false", "oui", "TRUE", "2"],
    "date": [
        "",
        "2024-02-29",
        "2023-02-29",
        "1900-02-29",
        "2000-02-29",
        "2024-04-31",
        "2024-12-31",
        "0000-01-01",
        "2024-00-10",
        "2024-13-01",
        "2024-1-1",
        "2024-05-30",
    ],
    "datetime": [
        "",
        "2024-02-29 23:59:59",
        "2024-02-29T10:00:00",
        "2024-05-01 24:00:00",
        "2023-02-29 10:00:00",
        "2024-05-01 10:00",
        "2024-05-01 10:00:00Z",
    ],
    "timestamptz": ["", "2024-05-01T10:00:00+00:00", "2024-05-01 10:00:00Z"],
}
NULLS = [("",), (), ("NULL",), ("", r"\N"), ("é,", "0"), ("", "x\ny", "true")]


def _line(cells: list[str]) -> bytes:
    return ",".join(quotes.coded(cell, ",") for cell in cells).encode()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_written_as_it_stands_is_what_reading_gives(seed: int) -> None:
    rng = random.Random(seed)
    written = 0
    for _ in range(1500):
        kinds = rng.choices(list(CELLS), k=2)
        columns = [
            Column(f"c{place}", kind, null_values=rng.choice(NULLS))
            for place, kind in enumerate(kinds)
        ]
        cells = [rng.choice(CELLS[kind]) for kind in kinds]
        layout = Layout("f", columns, 0, {}, ",")
        try:
            line, _ = layout.copied(Batch([], [], [(1, cells)]))
        except Misfit:
            with pytest.raises(Misfit):
                layout.copied(Batch([1], [_line(cells)]))
            continue
        again, _ = layout.copied(Batch([1], [_line(cells)]))
        assert _as_copy_reads(again, layout.null) == _as_copy_reads(line, layout.null)
        written += 1
    assert written > 200


def _as_copy_reads(line: bytes, null: str) -> list[str | None]:
    nulls = {"": "", "\0": r"\N"}
    cells = _split(line.decode().removesuffix("\n"))
    return [
        None if cell == nulls[null] else _without_escapes(cell).removeprefix("+")
        for cell in cells
    ]


def _split(line: str) -> list[str]:
    """Cut at the commas that no backslash protects."""
    return line.replace(r"\\", "\1").replace(r"\,", "\2").split(",")


def _without_escapes(cell: str) -> str:
    for code, sign in (
        (r"\x2c", ","),
        (r"\x0a", "\n"),
        ("\\\n", "\n"),
        (r"\n", "\n"),
        (r"\x5c", "\1"),
        ("\2", ","),
        ("\1", "\\"),
    ):
        cell = cell.replace(code, sign)
    return cell
