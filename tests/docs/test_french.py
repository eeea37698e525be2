"""The French README says what the English one says: the same sections, and the same commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = r"(?:\.venv/bin/)?(?:entrepot|meltano|scripts/\w+|cp)\b"
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(rf"`({PROGRAMS}[^`]*)`")
FENCED = re.compile(rf"^({PROGRAMS}[^#\n]*?)(?: {{2,}}| #|$)", re.MULTILINE)
# Sections that the French page leaves to the English one, with a link.
ELSEWHERE = ("When step N fails", "The house", "Ask")


def headings(text: str) -> list[int]:
    return [len(marks) for marks in HEADING.findall(FENCE.sub("", text))]


def commands(text: str) -> set[str]:
    fenced = {each for block in FENCE.findall(text) for each in FENCED.findall(block)}
    inline = INLINE.findall(FENCE.sub("", text))
    return {" ".join(each.split()) for each in (*fenced, *inline)}


def without_sections(text: str) -> str:
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return "".join(
        p for p in parts if not p.startswith(tuple(f"## {e}" for e in ELSEWHERE))
    )


def test_sections_and_commands_are_the_same() -> None:
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    french = (ROOT / "README.fr.md").read_text(encoding="utf-8")
    assert headings(english) == headings(french)
    wanted = commands(without_sections(english))
    assert wanted - commands(french) == set()
    assert commands(french) - commands(english) == set()


@pytest.mark.parametrize(
    "change",
    [("entrepot night", "entrepot nuit"), ("\n## ", "\n### "), ("--yes", "--oui")],
)
def test_a_difference_is_noticed(change: tuple[str, str]) -> None:
    french = (ROOT / "README.fr.md").read_text(encoding="utf-8")
    other = french.replace(*change)
    assert (headings(other), commands(other)) != (headings(french), commands(french))
