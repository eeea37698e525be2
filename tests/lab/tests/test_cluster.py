from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.postgres import programs as module
from entrepot_lab.postgres.cluster import (
    FAST_BUT_FORGETFUL,
    Cluster,
    embedded_binaries,
    system_binaries,
)
from entrepot_lab.postgres.warehouse import PASSWORD

EVERY_KIND = [embedded_binaries(), *system_binaries()]


@pytest.fixture(params=EVERY_KIND, ids=lambda path: path.parent.name)
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """Give a server of each kind that the machine has, in a folder with a space."""
    server = Cluster(tmp_path / "with space", request.param)
    server.create(FAST_BUT_FORGETFUL).start()
    yield server
    server.stop("immediate")


def test_a_server_comes_back_after_stop_and_kill(own_server: Cluster) -> None:
    port = own_server.port
    with own_server.admin() as admin:
        admin.execute("CREATE TABLE kept ()")
        admin.execute("CHECKPOINT")
    for end in (own_server.stop, own_server.kill):
        end()
        assert not own_server.is_running()
        own_server.start()
        assert own_server.port == port
        with own_server.admin() as admin:
            row = admin.execute("SELECT to_regclass('kept')::text").fetchone()
            assert row == ("kept",)


def test_create_and_start_twice_change_nothing(own_server: Cluster) -> None:
    before = own_server.password, own_server.port
    own_server.create({"max_connections": "7"}).start()
    assert (own_server.password, own_server.port) == before
    with own_server.admin() as admin:
        assert admin.execute("SHOW max_connections").fetchone() != ("7",)


def test_roles_and_databases_are_closed_to_strangers(own_server: Cluster) -> None:
    for role in ("owner", "guest", "stranger"):
        own_server.create_role(role, PASSWORD)
        own_server.create_role(role, PASSWORD)
    own_server.create_database("a-b C", "owner", readers=("guest",))
    own_server.create_database("a-b C", "owner", readers=("guest",))
    with psycopg.connect(own_server.url("a-b C", "owner", PASSWORD)) as owner:
        owner.execute("CREATE TABLE t ()")
        row = owner.execute("SELECT rolsuper FROM pg_roles WHERE rolname = user")
        assert row.fetchone() == (False,)
    with psycopg.connect(own_server.url("a-b C", "guest", PASSWORD)) as guest:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            guest.execute("CREATE TABLE public.u ()")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(own_server.url("a-b C", "stranger", PASSWORD))
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(own_server.url("a-b C", "owner", "wrong"))


def test_secrets_are_for_their_owner_only(server: Cluster) -> None:
    mode = stat.S_IMODE((server.folder / "password").stat().st_mode)
    assert mode == 0o600
    with server.admin() as admin:
        assert admin.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert admin.execute("SHOW unix_socket_directories").fetchone() == ("",)


def test_an_interrupted_initdb_leaves_nothing_to_trust(tmp_path: Path) -> None:
    server = Cluster(tmp_path, embedded_binaries())
    unfinished = tmp_path / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")
    server.create(FAST_BUT_FORGETFUL).start()
    server.stop("immediate")
    assert not unfinished.exists()


def test_a_port_that_was_taken_meanwhile_is_replaced(
    server: Cluster, tmp_path: Path
) -> None:
    late = Cluster(tmp_path, embedded_binaries()).create(FAST_BUT_FORGETFUL)
    (tmp_path / "port").write_text(str(server.port))
    late.start()
    assert late.port != server.port
    late.stop("immediate")


def test_a_stranger_with_the_old_process_number_is_no_server(
    server: Cluster, tmp_path: Path
) -> None:
    other = Cluster(tmp_path, embedded_binaries()).create(FAST_BUT_FORGETFUL)
    (other.data / "postmaster.pid").write_text(f"{os.getpid()}\n{other.data}\n")
    assert not other.is_running()
    other.start()
    assert other.is_running()
    other.stop("immediate")


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    broken = Cluster(tmp_path, embedded_binaries()).create({"shared_buffers": "x"})
    with pytest.raises(RuntimeError, match="shared_buffers"):
        broken.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
def test_root_without_namespaces_becomes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_namespaces_work", lambda: False)
    with tempfile.TemporaryDirectory() as open_folder:
        Path(open_folder).chmod(0o755)
        server = Cluster(Path(open_folder) / "pg", embedded_binaries())
        try:
            server.create(FAST_BUT_FORGETFUL).start()
        except (PermissionError, RuntimeError) as error:
            pytest.skip(f"nobody may not read the wheel here: {error}")
        assert server.data.stat().st_uid == 65534
        server.stop("immediate")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
def test_a_closed_folder_without_namespaces_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_namespaces_work", lambda: False)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(RuntimeError, match="nobody may not enter"):
        Cluster(closed / "pg", embedded_binaries()).create()
