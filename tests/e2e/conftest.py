"""Tests of the whole project, in its own folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.meltano.real_nights import Night


# Before pytest-xdist, which then writes the group into the names of the tests.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of nights in one process: they share what Meltano writes in the project."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("plugins"):
            item.add_marker(pytest.mark.xdist_group("project"))


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """Give the demo after its first night."""
    night = Night(tmp_path_factory.mktemp("nights"))
    status, output = night.meltano("run", "nightly")
    assert status == 0, output
    yield night
    night.demo.clean()
