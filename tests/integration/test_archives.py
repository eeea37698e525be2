"""Every form of dump, and everything that can be wrong with one."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.sources import elearning, scalingo
from entrepot_lab.sources.downloads import CutDownloads
from entrepot_lab.sources.s3 import S3Server

SCHEMAS = {"public": "pix", "pgboss": "pix_pgboss", "audit": "pix_audit"}
FORMATS = {"custom": "c", "directory": "d", "tar": "t", "plain": "p"}


@pytest.fixture(scope="module")
def archives(
    servers: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lab, Path]]:
    """A source, and dumps of it in every form."""
    folder = tmp_path_factory.mktemp("dumps")
    lab = Lab(servers["wheel"], servers["wheel"], "archives", folder).create()
    with lab.source() as connection:
        elearning.create(connection, 1000)
    for name, letter in FORMATS.items():
        pg_dump(lab, f"-F{letter}", "-f", folder / name)
    for name in ("custom", "tar", "plain"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    for name in FORMATS:
        with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as tar:
            tar.add(folder / name, arcname=f"backup/{name}")
    yield lab, folder
    lab.drop()


def pg_dump(lab: Lab, *arguments: object) -> None:
    """Dump the lab's source."""
    command = [embedded_binaries() / "pg_dump", *arguments, lab.source_url()]
    subprocess.run([str(part) for part in command], check=True)


def restore(lab: Lab, place: object, **variables: str) -> tuple[int, str]:
    """Run a night from a dump."""
    return lab.run("run", SOURCE_DATABASE_URL="", DUMP_PATH=str(place), **variables)


@pytest.mark.parametrize(
    "form",
    [
        *FORMATS,
        "custom.gz",
        "tar.gz",
        "plain.gz",
        *(f"{name}.tar.gz" for name in FORMATS),
    ],
)
def test_every_form(archives: tuple[Lab, Path], form: str) -> None:
    lab, folder = archives
    status, output = restore(lab, folder / form)
    assert status == 0, output
    lab.assert_replicated(SCHEMAS)
    assert lab.run("drop-previous")[0] == 0
    lab.assert_clean()
    assert (folder / form).exists()


@pytest.mark.parametrize(
    "options",
    [("-Fp", "--inserts"), ("-Fc", "--column-inserts", "--rows-per-insert=9")],
)
def test_rows_as_inserts(archives: tuple[Lab, Path], options: tuple[str, ...]) -> None:
    lab, folder = archives
    pg_dump(lab, *options, "-f", folder / "inserts")
    status, output = restore(lab, folder / "inserts")
    assert status == 0, output
    lab.assert_replicated(SCHEMAS)
    assert lab.run("drop-previous")[0] == 0
    lab.assert_clean()


def test_sequences_and_foreign_keys_of_a_dump(archives: tuple[Lab, Path]) -> None:
    lab, folder = archives
    assert restore(lab, folder / "custom", RESTORE_FK_CONSTRAINTS="true")[0] == 0
    with lab.warehouse() as warehouse, lab.source() as there:
        sequence = "SELECT last_value FROM {}answers_id_seq"
        assert (
            warehouse.execute(sequence.format("pix.")).fetchone()
            == there.execute(sequence.format("")).fetchone()
        )
        valid = warehouse.execute(
            "SELECT bool_and(convalidated), count(*) FROM pg_constraint"
            " WHERE contype = 'f' AND connamespace = 'pix'::regnamespace"
        ).fetchone()
        assert valid and valid[0] and valid[1] > 15


def test_over_http_resumed_when_cut(archives: tuple[Lab, Path]) -> None:
    lab, folder = archives
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(CutDownloads, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/custom?signature=s3cr3tsignature"
    status, output = restore(lab, url)
    server.shutdown()
    server.server_close()
    assert status == 0, output
    lab.assert_replicated(SCHEMAS)
    lab.assert_clean()


def test_a_providers_backup(archives: tuple[Lab, Path], tmp_path: Path) -> None:
    """The whole night, from a provider that answers here; its secrets are never shown."""
    lab, folder = archives
    content = (folder / "custom.tar.gz").read_bytes()
    with scalingo.Provider(content=content) as provider:
        provider.lists = [[scalingo.backup("b", "running")], [scalingo.backup("b")]]
        provider.cut_after = [3000]
        elsewhere = f"""
import sys
from pg_replica import cli
from pg_replica.dump import providers
from pg_replica.dump.providers import scalingo
def here():
    found = scalingo.from_environment()
    return scalingo.Scalingo(found._app, found._token, "here", **{provider.endpoints()!r})
providers.PROVIDERS["scalingo"] = here
sys.argv[1:] = ["run"]
cli.main()
"""
        program = tmp_path / "night.py"
        program.write_text(elsewhere)
        variables = {
            "SOURCE_DATABASE_URL": "",
            "DUMP_PATH": "scalingo:",
            "SCALINGO_APP": scalingo.APP,
            "SCALINGO_API_TOKEN": scalingo.TOKEN,
        }
        done = subprocess.run(
            [sys.executable, str(program)],
            env={**lab.env, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        assert provider.ranges == ["", "bytes=3000-"]
        lab.outputs.append(output)
        lab.assert_replicated(SCHEMAS)
        lab.assert_clean()
        assert not [secret for secret in provider.secrets() if secret in output]


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3Server]:
    """Start a real S3 server."""
    with S3Server(tmp_path / "s3") as server:
        yield server


@pytest.mark.parametrize("form", ["custom", "directory"])
def test_from_s3(archives: tuple[Lab, Path], s3: S3Server, form: str) -> None:
    lab, folder = archives
    bucket, variables, client = "backups", s3.variables(), s3.client()
    files = [folder / form] if form == "custom" else list((folder / form).iterdir())
    for file in files:
        client.upload_file(str(file), bucket, f"night/{file.relative_to(folder)}")
    status, output = restore(lab, f"s3://{bucket}/night/{form}", **variables)
    assert status == 0, output
    lab.assert_replicated(SCHEMAS)
    lab.assert_clean()
    status, output = restore(
        lab,
        f"s3://{bucket}/night/{form}",
        **{**variables, "SECRET_KEY": "wrong-secret"},
    )
    assert status == 2, output  # as with http: waiting mends no key
    assert "wrong-secret" not in output
    assert variables["SECRET_KEY"] not in output


def _bad_dumps(folder: Path, bad: Path) -> dict[str, tuple[Path, str]]:
    """Write one file for each way in which a dump can be bad, with what must be said of it."""
    custom = (folder / "custom").read_bytes()
    plain = (folder / "plain").read_text()
    two = bad / "two.tar.gz"
    with tarfile.open(two, "w:gz") as tar:
        tar.add(folder / "custom", arcname="a.dump")
        tar.add(folder / "tar", arcname="b.dump")
    climbing = bad / "climbing.tar"
    with tarfile.open(climbing, "w") as tar:
        tar.add(folder / "custom", arcname="../../escaped.dump")
    files = {
        "empty": (b"", "is empty"),
        "magic": (b"\x00\x01garbage" * 100, "not a dump"),
        "text": (b"hello\nworld;\n", "line 1"),
        "header": (custom[:5], "cannot be read"),
        "newer": (custom[:6] + bytes([99]) + custom[7:], "version 1.99 are not known"),
        "cut.dump": (custom[:-500], ""),  # within the rows, after the list
        "gzip": (gzip.compress(custom)[:-200], "damaged gzip"),
        "bomb.gz": (gzip.compress(b"\0" * 10_000_000), "bomb is not a dump"),
        "connect": (
            plain.replace("\nSET ", "\n\\connect other\nSET ", 1).encode(),
            "\\connect",
        ),
        "shell": (
            plain.replace("\nSET ", "\n\\! touch /tmp/owned\nSET ", 1).encode(),
            "\\!",
        ),
        "program": (
            plain.replace(
                "\nSET ", "\nCOPY public.users FROM PROGRAM 'id';\nSET ", 1
            ).encode(),
            "COPY public.users FROM PROGRAM",
        ),
        "inserts": (b"INSERT INTO users SELECT 1;\n", "INSERT INTO users"),
        "cut.sql": (plain[: plain.index("\\.\n") - 3].encode(), "truncated"),
    }
    for name, (content, _) in files.items():
        (bad / name).write_bytes(content)
    found = {name: (bad / name, words) for name, (_, words) in files.items()}
    return {
        **found,
        "two": (two, "must hold one dump"),
        "climbing": (climbing, "elsewhere"),
    }


@pytest.mark.timeout(180)
def test_bad_dumps(archives: tuple[Lab, Path], tmp_path: Path) -> None:
    """F30, F48: each is refused by name, nothing is dropped, and the dump stays."""
    lab, folder = archives
    assert restore(lab, folder / "custom")[0] == 0
    for name, (path, words) in _bad_dumps(folder, tmp_path).items():
        status, output = restore(lab, path)
        assert status == (1 if name == "cut.dump" else 2), f"{name}: {output}"
        assert words in output, f"{name}: {output}"
        assert "Traceback" not in output, f"{name}: {output}"
        assert path.exists()
        with lab.warehouse(READER) as reader:
            assert reader.execute("SELECT count(*) FROM pix.answers").fetchone() == (
                1000,
            )
    assert not Path("/tmp/owned").exists()
    assert not (tmp_path.parent / "escaped.dump").exists()
    assert restore(lab, folder / "custom")[0] == 0


@pytest.mark.timeout(120)
def test_a_killed_pg_restore(archives: tuple[Lab, Path]) -> None:
    """What it had written is not believed; the previous night stays, and so does the dump."""
    lab, folder = archives
    assert restore(lab, folder / "custom")[0] == 0
    for seconds in (0.0, 0.1, 0.2, 0.4, 0.6):
        process = lab.start(
            "run", SOURCE_DATABASE_URL="", DUMP_PATH=str(folder / "custom")
        )
        killed = kill_a_child(process.pid, "pg_restore", seconds)
        status, output = lab.finish(process)
        assert "Traceback" not in output
        assert not (killed and status == 0), output
        with lab.warehouse(READER) as reader:
            assert reader.execute("SELECT count(*) FROM pix.answers").fetchone() == (
                1000,
            )
    assert restore(lab, folder / "custom")[0] == 0
    lab.assert_replicated(SCHEMAS)
    assert lab.run("drop-previous")[0] == 0
    lab.assert_clean()


def kill_a_child(parent: int, program: str, after: float) -> bool:
    """Kill the first child of that program seen after some time in which there was one.

    One that only says its version is left alone: its death is survived.
    """
    seen_at = None
    while Path(f"/proc/{parent}").exists():
        found = subprocess.run(
            ["ps", "-ww", "-o", "pid=,stat=,args=", "--ppid", str(parent)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        fields = [line.split() for line in found.splitlines() if _works(program, line)]
        alive = [int(field[0]) for field in fields if not field[1].startswith("Z")]
        if alive:
            seen_at = seen_at or time.monotonic()
            if time.monotonic() - seen_at >= after:
                return _kill_at_work(alive[0])
        status = Path(f"/proc/{parent}/stat")
        with suppress(OSError):
            if status.read_text().rpartition(")")[2].split()[0] == "Z":
                break
    return False


def _kill_at_work(pid: int) -> bool:
    """Kill a process, unless it has ended by itself meanwhile."""
    with suppress(ProcessLookupError, OSError):
        os.kill(pid, signal.SIGSTOP)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state in "TZX":
                os.kill(pid, signal.SIGKILL)
                return state == "T"
    return False


def _works(program: str, line: str) -> bool:
    return program in line and "--version" not in line


def test_a_flipped_byte(archives: tuple[Lab, Path], tmp_path: Path) -> None:
    """F30: damage in the rows is noticed by the compression's checksum."""
    lab, folder = archives
    content = bytearray((folder / "custom").read_bytes())
    content[len(content) * 2 // 3] ^= 0xFF
    (tmp_path / "flipped").write_bytes(content)
    status, output = restore(lab, tmp_path / "flipped")
    assert status in (1, 2), output
    assert (tmp_path / "flipped").exists()
    assert restore(lab, folder / "custom")[0] == 0
    lab.assert_replicated(SCHEMAS)


def test_an_item_that_cannot_be_made(
    archives: tuple[Lab, Path], tmp_path: Path
) -> None:
    """F31: all failed items are listed with their entry; a tolerated one does not hold back."""
    lab, _ = archives
    with lab.source() as connection:
        connection.execute(
            "CREATE FUNCTION odd() RETURNS int LANGUAGE sql AS 'SELECT 1'"
        )
        connection.execute("CREATE VIEW looks_odd AS SELECT odd()")
    try:
        pg_dump(lab, "-Fp", "-f", tmp_path / "odd.sql")
    finally:
        with lab.source() as connection:
            connection.execute("DROP FUNCTION odd CASCADE")
    text = (tmp_path / "odd.sql").read_text()
    (tmp_path / "odd.sql").write_text(
        text.replace(
            "LANGUAGE sql\n    AS $$SELECT 1", "LANGUAGE nosuch\n    AS $$SELECT 1"
        )
    )
    status, output = restore(lab, tmp_path / "odd.sql")
    assert status == 1, output
    assert "FUNCTION public odd()" in output
    assert "VIEW public looks_odd" in output
    lab.policy("tolerated_items: ['FUNCTION odd()', 'VIEW looks_odd']\n")
    status, output = restore(lab, tmp_path / "odd.sql")
    lab.policy("tables: {}\n")
    assert status == 0, output
    assert "which is tolerated" in output
