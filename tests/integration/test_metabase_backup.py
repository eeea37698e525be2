"""Metabase's database: backed up, restored, and refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.meltano.ops import ops
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import OWNER, PASSWORD, Lab
from entrepot_lab.sources.s3 import S3Server

METABASE = (
    Path(__file__).parents[1] / "lab/entrepot_lab/sources/metabase.sql"
).read_text()


@pytest.fixture
def metabase(empty_lab: Lab) -> Iterator[dict[str, str]]:
    """Give Metabase's database, an empty one, and their variables."""
    names = [f"{empty_lab.name}_metabase", f"{empty_lab.name}_empty"]
    server = empty_lab.warehouse_server
    for name in names:
        server.create_database(name, OWNER)
    urls = [server.url(name, OWNER, PASSWORD) for name in names]
    with psycopg.connect(urls[0]) as session:
        session.execute(METABASE)
    yield {"METABASE_DATABASE_URL": urls[0], "empty": urls[1], "name": names[0]}
    for name in names:
        server.drop_database(name)


def _backup(lab: Lab, metabase: dict[str, str], **variables: str) -> Path:
    url = metabase["METABASE_DATABASE_URL"]
    status, output = ops(lab, "metabase-backup", METABASE_DATABASE_URL=url, **variables)
    assert status == 0, output
    assert "Metabase 50" in output
    (path,) = Path(lab.env["WORK_DIR"], "metabase").glob("*.dump")
    return path


def _restore(lab: Lab, url: str, *arguments: str, **more: str) -> tuple[int, str]:
    return ops(lab, "metabase-restore", *arguments, METABASE_DATABASE_URL=url, **more)


def _everything(url: str) -> dict[str, tuple]:
    with psycopg.connect(url) as session:
        names = session.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'v') ORDER BY 1"
        ).fetchall()
        query = (
            "SELECT md5(string_agg(t::text, E'\n' ORDER BY t::text)) FROM \"{}\" AS t"
        )
        return {
            name: session.execute(query.format(name)).fetchone() for (name,) in names
        }


def test_metabase_comes_back(empty_lab: Lab, metabase: dict[str, str]) -> None:
    lab = empty_lab
    path = _backup(lab, metabase)
    status, output = _restore(lab, metabase["empty"], str(path), "--dry-run")
    assert status == 0, output
    assert "would restore" in output
    assert not _everything(metabase["empty"])
    status, output = _restore(lab, metabase["empty"], str(path))
    assert status == 0, output
    assert _everything(metabase["empty"]) == _everything(
        metabase["METABASE_DATABASE_URL"]
    )
    with psycopg.connect(metabase["empty"]) as session:
        row = session.execute(
            "INSERT INTO core_user (email) VALUES ('new@example.org') RETURNING id"
        ).fetchone()
        assert row == (3,)


def test_metabase_goes_to_s3(
    empty_lab: Lab, metabase: dict[str, str], s3: S3Server
) -> None:
    lab = empty_lab
    variables = {**s3.variables(), "METABASE_BACKUPS": "s3://backups/metabase"}
    url = metabase["METABASE_DATABASE_URL"]
    status, output = ops(lab, "metabase-backup", METABASE_DATABASE_URL=url, **variables)
    assert status == 0, output
    (name,) = [name for name in s3.objects() if name.endswith(".dump")]
    status, output = _restore(
        lab, metabase["empty"], f"s3://backups/{name}", **variables
    )
    assert status == 0, output
    assert _everything(metabase["empty"]) == _everything(url)


def test_a_database_in_use_is_not_overwritten(
    empty_lab: Lab, metabase: dict[str, str]
) -> None:
    lab, url = empty_lab, metabase["METABASE_DATABASE_URL"]
    path = _backup(lab, metabase)
    with psycopg.connect(url) as session:
        session.execute("CREATE TABLE later (a integer)")
        session.execute("DELETE FROM setting")
    before = _everything(url)
    status, output = _restore(lab, url, str(path))
    assert status == 2, output
    assert f"--overwrite {metabase['name']}" in output
    status, output = _restore(lab, url, str(path), "--overwrite", "metabase")
    assert status == 2, output
    with psycopg.connect(url, application_name="Metabase v0.50"):
        status, output = _restore(lab, url, str(path), "--overwrite", metabase["name"])
    assert status == 2, output
    assert "in use by Metabase v0.50: stop Metabase" in output
    assert _everything(url) == before
    status, output = _restore(lab, url, str(path), "--overwrite", metabase["name"])
    assert status == 0, output
    assert set(before) - set(_everything(url)) == {"later"}


def test_backups_that_are_refused(
    empty_lab: Lab, metabase: dict[str, str], tmp_path: Path
) -> None:
    lab, empty = empty_lab, metabase["empty"]
    path = _backup(lab, metabase)
    content = path.read_bytes()
    damaged = tmp_path / path.name
    damaged.write_bytes(content[:2000] + b"x" + content[2001:])
    (tmp_path / f"{path.name}.sha256").write_bytes(
        path.with_name(f"{path.name}.sha256").read_bytes()
    )
    cut, text = tmp_path / "cut.dump", tmp_path / "text.dump"
    cut.write_bytes(content[: len(content) // 2])
    text.write_text("SELECT 1;")
    foreign = tmp_path / "foreign"
    ops(lab, "push-dump", "--of", "warehouse", "--to", str(foreign))
    for backup, status, words in (
        (damaged, 2, "is damaged"),
        (cut, None, ""),
        (text, 2, "no dump that can be read"),
        (next(foreign.glob("*.dump")), 2, "is no backup of Metabase"),
        (tmp_path / "none.dump", 2, "does not exist"),
    ):
        ended, output = _restore(lab, empty, str(backup))
        assert ended == (status or ended) != 0, output
        assert words in output, output
        assert not _everything(empty)


def test_a_newer_metabase_is_refused(empty_lab: Lab, metabase: dict[str, str]) -> None:
    path = _backup(empty_lab, metabase)
    url = metabase["METABASE_DATABASE_URL"]
    with psycopg.connect(url) as session:
        session.execute("DELETE FROM databasechangelog WHERE id LIKE 'v50%'")
    status, output = _restore(
        empty_lab, url, str(path), "--overwrite", metabase["name"]
    )
    assert status == 2, output
    assert "the backup is of Metabase 50, here is Metabase 49" in output


def test_an_older_server_takes_the_backup(
    empty_lab: Lab, metabase: dict[str, str], servers: dict[str, Cluster]
) -> None:
    """PostgreSQL 15 and what only a newer one knows; a backup of a newer server is refused."""
    if "system" not in servers:
        pytest.skip("this machine has no PostgreSQL of its own")
    lab, server = empty_lab, servers["system"]
    name = f"{lab.name}_old"
    server.create_role(OWNER, PASSWORD)
    for each in (name, f"{name}_copy"):
        server.create_database(each, OWNER)
    url, copy = (server.url(each, OWNER, PASSWORD) for each in (name, f"{name}_copy"))
    try:
        newer = _backup(lab, metabase)
        status, output = _restore(lab, url, str(newer))
        assert status == 2, output
        assert "restore it on a server at least as new" in output
        with psycopg.connect(url) as session:
            session.execute(METABASE)
        newer.unlink()
        path = _backup(lab, {"METABASE_DATABASE_URL": url})
        status, output = _restore(lab, copy, str(path))
        assert status == 0, output
        assert _everything(copy) == _everything(url)
    finally:
        for each in (name, f"{name}_copy"):
            server.drop_database(each)


def test_another_database_is_not_taken_for_metabase(empty_lab: Lab) -> None:
    status, output = ops(
        empty_lab, "metabase-backup", METABASE_DATABASE_URL=empty_lab.warehouse_url()
    )
    assert status == 2, output
    assert "Metabase's application database is meant" in output


KUBECTL = """\"\"\"kubectl port-forward as its users see it; the cluster is this machine.\"\"\"
import json, sys
from entrepot_lab.faults.proxy import Proxy
json.dump(sys.argv[1:], open({folder!r} + "/arguments", "w"))
if "no-such-pod" in sys.argv[3]:
    sys.exit('Error from server (NotFound): pods "no-such-pod" not found')
with Proxy("127.0.0.1", {port}) as proxy:
    print(f"Forwarding from 127.0.0.1:{{proxy.port}} -> 5432", flush=True)
    import threading; threading.Event().wait()
"""


def test_metabase_in_a_cluster(
    empty_lab: Lab, metabase: dict[str, str], tmp_path: Path
) -> None:
    lab = empty_lab
    program = tmp_path / "kubectl"
    port = lab.warehouse_server.port
    script = tmp_path / "kubectl.py"
    script.write_text(KUBECTL.format(folder=str(tmp_path), port=port))
    # The path of a #! line may hold no spaces.
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)
    inside = metabase["METABASE_DATABASE_URL"].replace(f":{port}/", ":5432/")
    variables = {
        "PATH": f"{tmp_path}:{lab.env['PATH']}",
        "METABASE_DATABASE_URL": inside,
        "METABASE_KUBE_NAMESPACE": "analytics",
    }
    status, output = ops(
        lab, "metabase-backup", METABASE_KUBE_POD="metabase-db-0", **variables
    )
    assert status == 0, output
    arguments = (tmp_path / "arguments").read_text()
    assert "pod/metabase-db-0" in arguments
    assert "--namespace=analytics" in arguments
    status, output = ops(
        lab, "metabase-backup", METABASE_KUBE_POD="no-such-pod", **variables
    )
    assert status == 1, output
    assert 'pods "no-such-pod" not found' in output
    variables["PATH"] = "/nowhere"
    status, output = ops(lab, "metabase-backup", METABASE_KUBE_POD="x", **variables)
    assert status == 2, output
    assert "there is no kubectl on PATH" in output
