"""What stands between us and a server, and what a server cannot do, is said before any work."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from entrepot_core.postgres.transit import is_local, with_encryption
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import OWNER, PASSWORD, SOURCE_OWNER, Lab

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
NOBODY = {"user": "nobody"} if os.geteuid() == 0 else {}


@contextmanager
def pooler(server: Cluster, database: str, user: str, mode: str) -> Iterator[str]:
    """Run pgbouncer before a database; give the database's URL through it."""
    if PGBOUNCER is None:
        pytest.skip("this machine has no pgbouncer (Debian: apt-get install pgbouncer)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer"))
    folder.chmod(0o755)
    quoted = PASSWORD.replace("'", "''")
    (folder / "ini").write_text(
        f"[databases]\n{database} = host=127.0.0.1 port={server.port} user={user}"
        f" password='{quoted}'\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = any\npool_mode = {mode}\n"
        "default_pool_size = 20\nunix_socket_dir =\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    (folder / "ini").chmod(0o644)
    process = subprocess.Popen([PGBOUNCER, "-q", str(folder / "ini")], **NOBODY)  # type: ignore[call-overload]
    url = f"postgresql://{user}@127.0.0.1:{port}/{database}"
    try:
        for _ in range(100):
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@pytest.mark.parametrize("side", ["source", "warehouse"])
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_that_shares_sessions_is_refused(
    empty_lab: Lab, side: str, mode: str
) -> None:
    """Innocent: the same pooler in session mode, in which a session is ours alone."""
    lab = empty_lab
    server, variable, user = {
        "source": (lab.source_server, "SOURCE_DATABASE_URL", SOURCE_OWNER),
        "warehouse": (lab.warehouse_server, "TARGET_DATABASE_URL", OWNER),
    }[side]
    with pooler(server, f"{lab.name}_{side}", user, mode) as url:
        for verb in ("check", "run"):
            status, output = lab.run(verb, **{variable: url})
            if mode == "session":
                assert status == 0, output
                continue
            assert status == 2, output
            assert f"the {side} (" in output
            assert "pool_mode transaction" in output
        if mode == "transaction":  # nothing of ours is left in the pool
            with psycopg.connect(url) as other:
                row = other.execute("SHOW search_path").fetchone()
                assert row is not None and row[0] != '""'


def test_a_warehouse_that_takes_no_writes_is_refused(empty_lab: Lab) -> None:
    lab = empty_lab
    database = f"{lab.name}_warehouse"
    with lab.warehouse_server.admin() as admin:
        admin.execute(
            f'ALTER DATABASE "{database}" SET default_transaction_read_only = on'
        )
    status, output = lab.run("check")
    assert status == 2, output
    assert "default_transaction_read_only is on" in output


def test_too_few_connections_are_counted_before(empty_lab: Lab) -> None:
    lab = empty_lab
    database = f"{lab.name}_warehouse"
    with lab.warehouse_server.admin() as admin:
        admin.execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT 4')
    status, output = lab.run("check", PG_RESTORE_JOBS="2")
    assert status == 2, output
    assert "a night needs 5 connections, the CONNECTION LIMIT of the database" in output
    with lab.warehouse_server.admin() as admin:
        admin.execute(f'ALTER DATABASE "{database}" CONNECTION LIMIT 5')
    status, output = lab.run("check", PG_RESTORE_JOBS="2")
    assert status == 0, output


@pytest.mark.parametrize(
    ("parts", "mode"),
    [
        ({"host": "db.example.org"}, "require"),
        ({"host": "10.0.0.1"}, "require"),
        ({"host": "localhost,db.example.org"}, "require"),
        ({"host": "localhost", "hostaddr": "10.0.0.1"}, "require"),
        ({"host": "db.example.org", "sslmode": "verify-full"}, "verify-full"),
        ({"host": "db.example.org", "sslmode": "disable"}, "disable"),
        ({"host": "127.8.0.1"}, None),
        ({"host": "::1"}, None),
        ({"host": "localhost"}, None),
        ({"host": "/var/run/postgresql"}, None),
        ({}, None),
    ],
)
def test_rows_are_encrypted_on_their_way_to_another_machine(
    parts: dict[str, str], mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert with_encryption(parts).get("sslmode") == mode
    if mode is None:
        assert is_local(parts)
    if parts and "sslmode" not in parts and not is_local(parts):
        monkeypatch.setenv("PGSSLMODE", "verify-ca")
        assert with_encryption(parts)["sslmode"] == "verify-ca"


def test_a_server_without_encryption_elsewhere_is_refused(empty_lab: Lab) -> None:
    """The wheel's server has no TLS; the machine's own address counts as elsewhere."""
    address = socket.gethostbyname(socket.gethostname())
    parts = urlsplit(empty_lab.source_url())
    if is_local({"host": address}):
        address = "0.0.0.0"
    url = empty_lab.source_url().replace(f"@{parts.hostname}:", f"@{address}:")
    assert url != empty_lab.source_url()
    status, output = empty_lab.run("check", SOURCE_DATABASE_URL=url)
    assert status == 2, output
    if "refused" not in output:
        assert "sslmode=disable" in output
