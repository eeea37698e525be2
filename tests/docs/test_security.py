"""Promises name tests that exist, and no attack goes without a mention."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/-]+\.py)(?:::(test_\w+))?`")


def names_of_tests(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(
    ("page", "at_least"), [("SECURITY.md", 10), ("docs/personal-data.md", 10)]
)
def test_each_promise_is_shown_by_a_test_that_exists(page: str, at_least: int):
    found = NAMED.findall((ROOT / page).read_text())
    assert len(found) > at_least
    for file, test in found:
        assert (ROOT / file).is_file(), file
        assert not test or test in names_of_tests(ROOT / file), f"{file}::{test}"


def test_every_actor_of_the_attacks_is_in_security_md():
    text = (ROOT / "SECURITY.md").read_text()
    for file in (ROOT / "tests" / "attacks").glob("test_*.py"):
        assert str(file.relative_to(ROOT)) in text, "say in SECURITY.md what it shows"
