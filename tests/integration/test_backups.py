"""Dumps and the schema's export: taken, brought back, and broken."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from entrepot_core.postgres.connection import Database
from entrepot_core.warehouse.locks import warehouse_lock
from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.meltano.ops import ops, start
from entrepot_lab.postgres.warehouse import OWNER, PASSWORD, Lab
from entrepot_lab.sources.s3 import S3Server, full

MEMORY = 150 * 1024  # kilobytes, which a dump of any size may take


# ------------------------------------------------------------------------------- push-dump


def test_a_dump_goes_to_s3_and_comes_back(lab: Lab, s3: S3Server) -> None:
    status, output = ops(lab, "push-dump", **s3.variables())
    assert status == 0, output
    stored = s3.objects()
    (name,) = [name for name in stored if name.endswith(".dump")]
    assert stored[f"{name}.sha256"].decode().split() == [
        hashlib.sha256(stored[name]).hexdigest(),
        Path(name).name,
    ]
    status, output = lab.run(
        "run",
        **s3.variables(),
        SOURCE_DATABASE_URL="",
        DUMP_PATH=f"s3://backups/{name}",
    )
    assert status == 0, output
    lab.assert_replicated()


def test_the_newest_dumps_stay(lab: Lab, s3: S3Server) -> None:
    """Those of other databases, and what is no dump of ours, are not touched."""
    old = [f"{lab.name}_source-2026010{day}T020000Z.dump" for day in (1, 2, 3)]
    others = ["other-20200101T020000Z.dump", "notes.txt", f"x{old[0]}", f"{old[0]}.bak"]
    client = s3.client()
    for name in [*old, *(f"{name}.sha256" for name in old), *others]:
        client.put_object(Bucket="backups", Key=f"dumps/{name}", Body=b"x")
    before = set(s3.objects())
    status, output = ops(
        lab, "push-dump", "--dry-run", BACKUP_KEEP="2", **s3.variables()
    )
    assert status == 0, output
    assert output.count("would remove") == 2
    assert set(s3.objects()) == before
    status, output = ops(lab, "push-dump", BACKUP_KEEP="2", **s3.variables())
    assert status == 0, output
    names = {Path(name).name for name in s3.objects()}
    assert names >= {old[2], f"{old[2]}.sha256", *others}
    assert not names & {old[0], old[1], f"{old[0]}.sha256", f"{old[1]}.sha256"}


def test_a_dump_goes_to_a_folder(lab: Lab, tmp_path: Path) -> None:
    place = tmp_path / "a folder"
    status, output = ops(lab, "push-dump", "--of", "source", "--to", str(place))
    assert status == 0, output
    dump, checksum = sorted(place.iterdir())
    assert checksum.name == f"{dump.name}.sha256"
    subprocess.run(
        ["sha256sum", "--check", "--quiet", checksum.name], cwd=place, check=True
    )
    assert dump.stat().st_mode & 0o077 == 0


def _fill(lab: Lab, megabytes: int) -> None:
    """Add what no compression makes smaller."""
    with lab.source() as source:
        source.execute("CREATE TABLE noise (block bytea)")
        source.execute("ALTER TABLE noise ALTER block SET STORAGE EXTERNAL")
        with source.cursor().copy("COPY noise FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["bytea"])
            for _ in range(megabytes):
                copy.write_row([os.urandom(1024**2)])


def test_memory_does_not_grow_with_the_dump(lab: Lab, s3: S3Server) -> None:
    _fill(lab, 200)
    script = (
        "import resource, subprocess, sys; "
        "ended = subprocess.run([sys.executable, '-m', 'entrepot_ops', 'push-dump']); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); "
        "sys.exit(ended.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**lab.env, **s3.variables()},
        capture_output=True,
        text=True,
        check=True,
    )
    (name,) = [name for name in s3.objects() if name.endswith(".dump")]
    assert len(s3.objects()[name]) > 200 * 1024**2
    assert int(done.stdout.splitlines()[-1]) < MEMORY


def test_a_cut_connection_leaves_nothing(lab: Lab, s3: S3Server) -> None:
    """F51."""
    _fill(lab, 60)
    with Proxy(*s3.address) as proxy:
        proxy.throttle(20_000_000)
        process = start(
            lab, "push-dump", **s3.variables(proxy.port), NETWORK_TIMEOUT="1"
        )
        time.sleep(2)
        proxy.stall()
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "s3://backups" in output
    assert "Traceback" not in output, output
    assert not [name for name in s3.objects() if name.endswith(".dump")]
    assert ops(lab, "push-dump", **s3.variables())[0] == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SECRET_KEY": "wrong-secret"}, "ACCESS_KEY or SECRET_KEY"),
        ({"BUCKET_NAME": "nowhere"}, "no such bucket"),
        ({"BUCKET_NAME": ""}, "BUCKET_NAME is missing"),
        ({"SOURCE_DATABASE_URL": ""}, "SOURCE_DATABASE_URL is missing"),
        ({"BACKUP_KEEP": "none"}, "BACKUP_KEEP"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(
    empty_lab: Lab, s3: S3Server, variables: dict[str, str], words: str
) -> None:
    """F51, F53."""
    status, output = ops(empty_lab, "push-dump", **{**s3.variables(), **variables})
    assert status == 2, output
    assert words in output
    assert "wrong-secret" not in output
    assert not s3.objects()


def test_a_full_bucket_is_not_taken_for_a_wrong_key(lab: Lab, s3: S3Server) -> None:
    """F51: nothing is left, no part of an upload either."""
    _fill(lab, 20)
    with full(s3, 18_000_000) as port:
        status, output = ops(lab, "push-dump", **s3.variables(port))
    assert status == 1, output
    assert "QuotaExceeded" in output
    assert "the bucket is full: remove something" in output
    assert not s3.objects()
    listed = s3.client().list_multipart_uploads(Bucket="backups")
    assert not listed.get("Uploads")


def test_a_full_disk_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk."""
    _fill(lab, 20)
    limit = (
        "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000)); "
        f"sys.argv = ['ops', 'push-dump', '--to', {str(tmp_path / 'full')!r}]; "
        "runpy.run_module('entrepot_ops', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", limit],
        check=False,
        env=lab.env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert "cannot write" in done.stderr
    assert not list((tmp_path / "full").iterdir())


def test_a_pg_dump_that_fails_leaves_nothing(lab: Lab, s3: S3Server) -> None:
    """A table that our role may not read: pg_dump has begun to write when it finds out."""
    with lab.source_server.admin(f"{lab.name}_source") as admin:
        admin.execute("CREATE TABLE secret AS SELECT 1 AS a")
    status, output = ops(lab, "push-dump", **s3.variables())
    assert status == 1, output
    assert "permission denied for table secret" in output
    assert not s3.objects()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_push_leaves_nothing(
    lab: Lab, s3: S3Server, number: signal.Signals
) -> None:
    _fill(lab, 40)
    with Proxy(*s3.address) as proxy:
        proxy.throttle(5_000_000)
        process = start(lab, "push-dump", **s3.variables(proxy.port))
        time.sleep(3)
        assert process.poll() is None
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    wanted = -number if number == signal.SIGKILL else 128 + number
    assert process.returncode == wanted, output
    # Parts that nobody could take back have no name of a dump.
    assert not [name for name in s3.objects() if ".dump" in name]


def test_a_dump_of_the_warehouse_waits_for_no_run(lab: Lab, s3: S3Server) -> None:
    """F18: nor does an audit."""
    database = Database("warehouse", lab.warehouse_url())
    with warehouse_lock(database):
        assert lab.run("audit")[0] == 3
        status, output = ops(lab, "push-dump", "--of", "warehouse", **s3.variables())
    assert status == 3, output
    assert not s3.objects()
    status, output = ops(lab, "push-dump", "--of", "warehouse", **s3.variables())
    assert status == 0, output


# --------------------------------------------------------------------------- export-schema


@pytest.fixture
def catalogue(lab: Lab) -> Iterator[str]:
    """Give an empty database of the same owner."""
    name = f"{lab.name}_catalogue"
    lab.warehouse_server.create_database(name, OWNER)
    yield lab.warehouse_server.url(name, OWNER, PASSWORD)
    lab.warehouse_server.drop_database(name)


def export(lab: Lab, target: str, *arguments: str) -> tuple[int, str]:
    """Export the schema."""
    return ops(
        lab,
        *("export-schema", *arguments),
        DB_SCHEMA_EXPORTER_ENABLED="true",
        DB_SCHEMA_EXPORTER_DATABASE_TARGET=target,
    )


def _columns(session: psycopg.Connection) -> list[tuple]:
    return session.execute(
        "SELECT table_schema, table_name, column_name, data_type, is_nullable"
        " FROM information_schema.columns"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'public')"
        " ORDER BY table_schema, table_name, ordinal_position"
    ).fetchall()


def test_the_schema_is_exported_without_rows(lab: Lab, catalogue: str) -> None:
    with lab.source() as source:
        source.execute("CREATE EXTENSION IF NOT EXISTS citext")
        source.execute('CREATE TABLE "Odd ""name"" é" ("a b" citext PRIMARY KEY)')
    lab.night()
    with lab.warehouse() as warehouse:
        warehouse.execute('CREATE SCHEMA "Odd schema"')
        warehouse.execute('CREATE VIEW "Odd schema".v AS SELECT * FROM pix.users')
    for _ in range(2):
        status, output = export(lab, catalogue)
        assert status == 0, output
        with lab.warehouse() as warehouse, psycopg.connect(catalogue) as there:
            assert _columns(there) == _columns(warehouse)
            assert there.execute("SELECT count(*) FROM pix.users").fetchone() == (0,)
            keys = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2"
            assert there.execute(keys).fetchall() == warehouse.execute(keys).fetchall()


def test_what_has_vanished_vanishes_at_once(lab: Lab, catalogue: str) -> None:
    lab.night()
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA old; CREATE TABLE old.t (a integer)")
    assert export(lab, catalogue)[0] == 0
    with lab.warehouse() as warehouse:
        warehouse.execute("DROP SCHEMA old CASCADE")
    status, output = export(lab, catalogue, "--dry-run")
    assert status == 0, output
    assert "would remove: old" in output
    with psycopg.connect(catalogue) as there:
        assert there.execute("SELECT to_regclass('old.t')").fetchone() != (None,)
    assert export(lab, catalogue)[0] == 0
    with psycopg.connect(catalogue) as there:
        assert there.execute("SELECT to_regnamespace('old')").fetchone() == (None,)
        assert there.execute("SELECT to_regclass('pix.users')").fetchone() != (None,)


def test_an_export_that_fails_changes_nothing(lab: Lab, catalogue: str) -> None:
    lab.night()
    assert export(lab, catalogue)[0] == 0
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA mine; CREATE TABLE mine.t (a integer)")
    with psycopg.connect(catalogue) as there:
        before = _columns(there)
        there.execute("CREATE SCHEMA mine; CREATE TABLE mine.kept (a integer)")
    status, output = export(lab, catalogue)
    assert status == 2, output
    assert "has a schema mine that export-schema has not made" in output
    with psycopg.connect(catalogue) as there:
        there.execute("DROP TABLE mine.kept")
        assert _columns(there) == before


def test_an_export_never_meets_a_swap(lab: Lab, catalogue: str) -> None:
    """F18."""
    lab.night()
    with warehouse_lock(Database("warehouse", lab.warehouse_url())):
        status, output = export(lab, catalogue)
    assert status == 3, output
    with psycopg.connect(catalogue) as there:
        assert not _columns(there)


def test_exports_that_are_refused(lab: Lab, catalogue: str) -> None:
    status, output = ops(lab, "export-schema")
    assert status == 0, output
    assert "nothing to do" in output
    status, output = export(lab, lab.warehouse_url())
    assert status == 2, output
    assert "is the warehouse itself" in output
    status, output = export(lab, "")
    assert status == 2, output
    assert "DB_SCHEMA_EXPORTER_DATABASE_TARGET is missing" in output
