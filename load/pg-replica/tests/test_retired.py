from __future__ import annotations

import re
from pathlib import Path

import pytest

from pg_replica import retired

ROOT = Path(__file__).parents[3]
MIGRATION = (ROOT / "docs/migration.md").read_text()
# Of libraries, which read it themselves.
FOREIGN = {"AWS_REGION"}


@pytest.mark.parametrize("name", sorted(retired.SUCCESSORS))
def test_a_retired_variable_is_refused_with_its_successor(name: str) -> None:
    successor, _ = retired.SUCCESSORS[name]
    (problem,) = retired.problems({name: "x"})
    assert name in problem
    assert f"set {successor}" in problem
    assert not retired.problems({name: "x", successor: "y"})
    assert not retired.problems({name: ""})


@pytest.mark.parametrize("name", sorted(retired.NEEDLESS))
def test_what_is_needless_is_said_to_be(name: str) -> None:
    (note,) = retired.notes({name: "x"})
    assert note.startswith(f"{name} is not read")


def test_all_are_documented() -> None:
    documented = set(re.findall(r"`([A-Z0-9_]+)`", MIGRATION))
    assert documented >= set(retired.SUCCESSORS) | set(retired.NEEDLESS)


def test_successors_exist_and_the_retired_do_not() -> None:
    present = set(
        re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    )
    wanted = {successor for successor, _ in retired.SUCCESSORS.values()} - FOREIGN
    assert not wanted - present
    assert not present & (set(retired.SUCCESSORS) | set(retired.NEEDLESS))
