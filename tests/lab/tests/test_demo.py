from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from entrepot_lab import demo as module
from entrepot_lab.demo import Demo
from entrepot_lab.sources import lcms

MIGHTY = (
    "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
    " FROM pg_roles WHERE rolname = user"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("a demo") / ".demo")
    demo.up(200)
    yield demo
    demo.clean()
    assert not demo.folder.exists()


def answers(demo: Demo) -> int:
    with psycopg.connect(demo.environment()["SOURCE_DATABASE_URL"]) as connection:
        return connection.execute("SELECT count(*) FROM answers").fetchone()[0]


def test_a_second_up_keeps_everything(demo: Demo) -> None:
    before = demo.env_file.read_text()
    with psycopg.connect(demo.environment()["SOURCE_DATABASE_URL"]) as connection:
        connection.execute('DELETE FROM "badge-acquisitions" WHERE id = 1')
    demo.up()
    assert demo.env_file.read_text() == before
    assert answers(demo) == 200
    with psycopg.connect(demo.environment()["SOURCE_DATABASE_URL"]) as connection:
        query = 'SELECT min(id) FROM "badge-acquisitions"'
        assert connection.execute(query).fetchone() == (2,)


def test_up_starts_what_was_stopped(demo: Demo) -> None:
    demo.down()
    stopped = [
        f"the {name} is stopped"
        for name in ("source", "warehouse", "LCMS", "open-data platform")
    ]
    assert demo.status().splitlines() == stopped
    demo.up()
    assert "the warehouse runs on 127.0.0.1:" in demo.status()
    assert f"the LCMS runs on 127.0.0.1:{demo.lcms.port}" in demo.status()


def test_the_lcms_speaks_of_what_the_source_has(demo: Demo) -> None:
    env = demo.environment()
    assert (
        requests.get(f"{env['LCMS_API_URL']}{lcms.PATH}", timeout=10).status_code == 401
    )
    answer = requests.get(
        f"{env['LCMS_API_URL']}{lcms.PATH}",
        headers={"Authorization": f"Bearer {env['LCMS_API_KEY']}"},
        timeout=10,
    )
    ids = {name: {each["id"] for each in rows} for name, rows in answer.json().items()}
    with psycopg.connect(env["SOURCE_DATABASE_URL"]) as connection:
        for stream, column, table in (
            ("challenges", "challengeId", "answers"),
            ("skills", "skillId", "knowledge-elements"),
            ("competences", "competenceId", "knowledge-elements"),
        ):
            query = f'SELECT DISTINCT "{column}" FROM "{table}"'
            used = {row[0] for row in connection.execute(query)}
            assert used <= ids[stream]


def test_another_size_makes_the_source_anew(demo: Demo) -> None:
    demo.up(300)
    assert answers(demo) == 300
    demo.up(200)


def test_nobody_is_a_superuser(demo: Demo) -> None:
    for name, url in demo.environment().items():
        if url.startswith("postgresql://"):
            with psycopg.connect(url) as connection:
                assert connection.execute(MIGHTY).fetchone() == (False,), name


@pytest.mark.parametrize("role", module.READERS)
def test_readers_may_create_nothing(demo: Demo, role: str) -> None:
    url = demo.environment()[f"DEMO_{role.upper()}_URL"]
    with psycopg.connect(url, autocommit=True) as reader:
        for statement in (
            "CREATE SCHEMA mine",
            "CREATE TABLE public.mine ()",
            "CREATE TEMP TABLE mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement)


def test_settings_are_for_their_owner_only(demo: Demo) -> None:
    for path in (
        demo.env_file,
        demo.folder / "services",
        *demo.folder.glob("password.*"),
        demo.folder / "lcms" / "key",
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_settings_of_the_caller_do_not_reach_the_demo(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DUMP_PATH", "BACKUP_MODE", "SOURCE_DATABASE_URL"):
        monkeypatch.setenv(name, "production")
    ran = []
    monkeypatch.setattr(os, "execvpe", lambda *call: ran.append(call))
    module.main(["--folder", str(demo.folder), "exec", "meltano", "run", "nightly"])
    [(program, command, env)] = ran
    assert (program, command) == ("meltano", ["meltano", "run", "nightly"])
    assert "production" not in env.values()
    assert env["PATH"] == os.environ["PATH"]


def test_the_guide_logs_in_without_a_password_in_arguments(demo: Demo) -> None:
    guide = demo.guide()
    assert "service=internal_reader" in guide
    services = (demo.folder / "services").read_text()
    assert f"port={demo.warehouse.port}\n" in services


def test_without_a_demo_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="run scripts/demo"):
        module.main(["--folder", str(tmp_path / ".demo"), "show"])
