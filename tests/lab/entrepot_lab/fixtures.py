"""Fixtures of all tests: servers, a source and a warehouse, and a night of tiny steps.

A plugin of pytest, which `pyproject.toml` names. It also keeps together, in one process of
pytest-xdist, the tests that share what a fixture has made for their module.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.meltano.nights import Project
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.servers import ANSWERS, ROOT, Servers, data_folder, started
from entrepot_lab.postgres.warehouse import PASSWORD, SOURCE_OWNER, Lab
from entrepot_lab.sources import elearning

_TEMPLATE = "the_source"
_OWNED = pytest.StashKey[dict[str, tuple[int, int]]]()
_numbers = itertools.count(1)


# Before pytest-xdist, which then writes the group into the names of the tests.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests that share a fixture of their module, and put groups first.

    A group is one process's work from its beginning to its end: the last to begin would be what
    the other process waits for.
    """
    for item in items:
        if _shares(item) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=_rank)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Note what the owner of this folder has from nights and builds of their own."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_OWNED] = _owned()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where a test has changed what is the owner's, such as the published catalogue."""
    before = session.config.stash.get(_OWNED, None)
    if before is None or before == (after := _owned()):
        return
    changed = sorted(dict(before.items() ^ after.items()))
    print(f"\nERROR: tests have changed the project's own files: {', '.join(changed)}")
    session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _owned() -> dict[str, tuple[int, int]]:
    """Give size and time of each file that nights leave in the project's folder.

    Locks of the spool are nobody's: a tap that was killed leaves one, the next removes it.
    """
    files = (
        path
        for path in (ROOT / ".entrepot").rglob("*")
        if path.is_file() and path.parent.parent.name != "spool"
    )
    return {
        str(path.relative_to(ROOT)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in files
    }


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("plugins"):
        return 0  # whole nights, the longest of all
    return 1 if item.get_closest_marker("xdist_group") else 2


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say what to do where a test lacks Meltano's plugins."""
    if item.get_closest_marker("plugins") and not (ROOT / ".meltano").exists():
        pytest.fail(
            "Meltano's plugins are not installed: run scripts/test, or scripts/setup"
        )


def _shares(item: pytest.Item) -> bool:
    found = getattr(item, "_fixtureinfo", None)
    definitions = found.name2fixturedefs.values() if found else ()
    return any(each[-1].scope == "module" for each in definitions)


@pytest.fixture(scope="session")
def all_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Give what makes servers, in memory if there is room."""
    with data_folder(tmp_path_factory.mktemp("with space")) as folder:
        yield Servers(folder)


@pytest.fixture(scope="session")
def servers(all_servers: Servers) -> Iterator[dict[str, Cluster]]:
    """Give one server of each kind, by name: `wheel`, and `system` if the machine has one."""
    with started(all_servers) as clusters:
        yield clusters


@pytest.fixture(scope="session")
def source_template(servers: dict[str, Cluster]) -> str:
    """Give the name of a database with the invented source, small, on the wheel's server."""
    server = servers["wheel"]
    server.create_role(SOURCE_OWNER, PASSWORD)
    server.create_database(_TEMPLATE, SOURCE_OWNER)
    url = server.url(_TEMPLATE, SOURCE_OWNER, PASSWORD)
    with psycopg.connect(url, autocommit=True) as connection:
        elearning.create(connection, ANSWERS)
    return _TEMPLATE


@pytest.fixture
def empty_lab(servers: dict[str, Cluster], tmp_path: Path) -> Iterator[Lab]:
    """Give an empty source and an empty warehouse."""
    server = servers["wheel"]
    lab = Lab(server, server, f"t{next(_numbers)}", tmp_path).create()
    yield lab
    lab.drop()


@pytest.fixture
def lab(
    servers: dict[str, Cluster], source_template: str, tmp_path: Path
) -> Iterator[Lab]:
    """Give the invented source, small, and an empty warehouse."""
    server = servers["wheel"]
    made = Lab(server, server, f"t{next(_numbers)}", tmp_path).create(source_template)
    yield made
    made.drop()


@pytest.fixture
def own_lab(all_servers: Servers, tmp_path: Path) -> Iterator[Lab]:
    """Give a source and a warehouse on servers of their own, which the test may kill."""
    pair = all_servers.own()
    yield Lab(*pair, "own", tmp_path).prepare()
    for server in pair:
        server.stop("immediate")
        shutil.rmtree(server.folder)


@pytest.fixture
def project(empty_lab: Lab, tmp_path: Path) -> Project:
    """Give a project whose nights are of tiny steps."""
    env = {
        "TARGET_DATABASE_URL": empty_lab.env["TARGET_DATABASE_URL"],
        "WORK_DIR": str(tmp_path / "work"),
    }
    return Project(tmp_path / "project", env).create()
