"""Files into the warehouse: from folders, http and S3; edited, refused, killed, pseudonymised."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.processes import prepared
from entrepot_lab.sources import open_data
from entrepot_lab.sources.s3 import S3Server
from entrepot_lab.sources.web import Server, served

SCHEMA, SECRET = "raw_csv", "a secret of the tests, +/="
TAP, MAPPER, TARGET = (
    [sys.executable, "-m", module]
    for module in (
        "entrepot_tap_csv",
        "entrepot_map_transform",
        "entrepot_target_postgres",
    )
)
LOGS = {"entity": "logs", "path": "{FILES}/*.csv", "keys": ["id"]}


class Load:
    """The tap and the target, piped as Meltano pipes them, and the state between two runs."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.files = lab.folder / "files"
        self.files.mkdir()
        self.state: dict[str, Any] | None = None
        self.env = {
            **lab.env,
            "FILES": str(self.files),
            "MELTANO_PROJECT_ROOT": str(lab.folder / "project"),
        }

    def start(
        self,
        *entries: dict[str, Any],
        maps: dict[str, Any] | None = None,
        **settings: Any,
    ) -> list[subprocess.Popen[bytes]]:
        folder = self.lab.folder
        spool = {"root": f"file://{folder / 'spool'}"}
        batches = {"encoding": {"format": "pgcopy"}, "storage": spool}
        tap = {"files": list(entries), "network_timeout": 5, **settings}
        if maps is None:
            tap["batch_config"] = batches
        commands = [[*TAP, *self._config("tap", tap)]]
        if self.state is not None:
            (folder / "state.json").write_text(json.dumps(self.state))
            commands[0] += ["--state", str(folder / "state.json")]
        if maps is not None:
            commands.append([*MAPPER, *self._config("mapper", maps)])
        target = {"default_target_schema": SCHEMA}
        commands.append([*TARGET, *self._config("target", target)])
        started: list[subprocess.Popen[bytes]] = []
        with (folder / "log").open("ab") as log:
            for command in commands:
                before = started[-1].stdout if started else None
                started.append(
                    prepared.Popen(
                        command,
                        env=self.env,
                        stdin=before or subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=log,
                    )
                )
                if before:
                    before.close()
        return started

    def _config(self, name: str, content: dict[str, Any]) -> list[str]:
        path = self.lab.folder / f"{name}.json"
        path.write_text(json.dumps(content))
        return ["--config", str(path)]

    def finish(self, processes: list[subprocess.Popen[bytes]]) -> list[int]:
        output, _ = processes[-1].communicate(timeout=60)
        if lines := output.decode().splitlines():
            self.state = json.loads(lines[-1])
        return [process.wait(timeout=60) for process in processes]

    def run(self, *entries: dict[str, Any], **settings: Any) -> list[int]:
        (self.lab.folder / "log").unlink(missing_ok=True)
        return self.finish(self.start(*entries, **settings))

    def load(self, *entries: dict[str, Any], **settings: Any) -> None:
        statuses = self.run(*entries, **settings)
        assert set(statuses) == {0}, self.log

    @property
    def log(self) -> str:
        return (self.lab.folder / "log").read_text()

    def ask(self, query: str) -> list[tuple]:
        with self.lab.warehouse() as warehouse:
            return warehouse.execute(query).fetchall()

    def rows(self, table: str = "logs") -> list[tuple]:
        return self.ask(f"SELECT * FROM {SCHEMA}.{table} ORDER BY 1")


@pytest.fixture
def load(empty_lab: Lab) -> Load:
    return Load(empty_lab)


def test_an_edited_file_replaces_its_own_rows(load: Load) -> None:
    """F36: a file that is edited and sent again."""
    (load.files / "a.csv").write_text('id,what\n1,"x;\ny\\"\n2,\n')
    (load.files / "b.csv").write_text("id,what\n3,z\n")
    load.load(LOGS)
    both = [("1", "x;\ny\\", "a.csv", 2), ("2", None, "a.csv", 4)]
    assert load.rows() == [*both, ("3", "z", "b.csv", 2)]
    (load.files / "b.csv").write_text("id,what,more\n4,edited,m\n")
    load.load(LOGS)
    assert [row[:2] + row[4:] for row in load.rows()] == [
        ("1", "x;\ny\\", None),
        ("2", None, None),
        ("4", "edited", "m"),
    ]
    (load.files / "a.csv").unlink()
    load.load(LOGS)
    assert len(load.rows()) == 3
    load.load({**LOGS, "removed_files": "remove"})
    assert [row[0] for row in load.rows()] == ["4"]
    (load.files / "b.csv").write_text("id,what,more\n")
    load.load(LOGS)
    assert load.rows() == []


def test_a_key_that_is_there_twice_is_said_with_both_places(load: Load) -> None:
    (load.files / "a.csv").write_text("id,what\n1,x\n2,y\n")
    load.load(LOGS)
    (load.files / "b.csv").write_text("id,what\n3,y\n\n2,y\n")
    assert load.run(LOGS)[-1] == 1
    for word in (
        "_source_file b.csv, _source_line 4",
        "unique violation (SQLSTATE 23505)",
        "the other is of _source_file a.csv, _source_line 3",
    ):
        assert word in load.log
    (load.files / "b.csv").write_text("id,what\n3,y\n3,y\n")
    assert load.run(LOGS)[-1] == 1
    assert "the other is of _source_file b.csv, _source_line 2" in load.log
    (load.files / "b.csv").write_text("id,what\n,y\n")
    assert load.run(LOGS)[-1] == 1
    assert "_source_file b.csv, _source_line 2: not null violation" in load.log
    assert [row[0] for row in load.rows()] == ["1", "2"]


def test_what_does_not_fit_leaves_every_table_as_it_was(load: Load) -> None:
    """F36: no partial table."""
    typed = {**LOGS, "columns": {"what": {"type": "integer"}}}
    (load.files / "a.csv").write_text("id,what\n1,1\n")
    load.load(typed)
    lines = "".join(f"{number},{number}\n" for number in range(200_000))
    (load.files / "a.csv").write_text(f"id,what\n{lines}x,twelve\n")
    assert load.run(typed) == [1, 1]
    assert (
        "a.csv, line 200002, column what: what looks like 'aaaaaa' is not a whole number"
        in load.log
    )
    assert "Traceback" not in load.log
    assert load.rows() == [("1", 1, "a.csv", 2)]
    (load.files / "a.csv").write_text("id,what\n2,2\n")
    load.load(typed)
    assert load.rows() == [("2", 2, "a.csv", 2)]
    assert list((load.lab.folder / "spool").iterdir()) == []


@pytest.mark.parametrize("which", [0, 1])
def test_a_load_that_is_killed_is_done_again(load: Load, which: int) -> None:
    (load.files / "a.csv").write_text("id,what\n1,old\n")
    load.load(LOGS)
    lines = "".join(f"{number},new\n" for number in range(600_000))
    (load.files / "a.csv").write_text(f"id,what\n{lines}")
    processes = load.start(LOGS, spool_limit=1)  # so that the tap waits for the target
    query = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND query LIKE 'COPY%' AND state = 'active'"
    )
    deadline = time.monotonic() + 60
    while not load.ask(query):
        assert time.monotonic() < deadline and processes[1].poll() is None, load.log
        time.sleep(0.01)
    processes[which].send_signal(signal.SIGKILL)
    assert load.finish(processes)[1] != 0
    assert load.rows() == [("1", "old", "a.csv", 2)]
    load.load(LOGS)
    assert load.ask(f"SELECT count(*), min(what) FROM {SCHEMA}.logs") == [
        (600_000, "new")
    ]


def test_files_behind_a_url(load: Load) -> None:
    (load.files / "logs.csv").write_text("id,what\n1,x\n")
    Server.asked.clear()
    with served(partial(Server, directory=str(load.files))) as place:

        def at(path: str) -> dict[str, Any]:
            return {**LOGS, "path": f"http://me:password@{place}/{path}?key=s3cret"}

        load.load(at("logs.csv"))
        assert load.rows() == [("1", "x", "logs.csv", 2)]
        Server.asked.clear()
        load.load(at("logs.csv"))
        assert Server.asked == ["HEAD /logs.csv?key=s3cret"]
        load.state = None
        load.load({**at("broken"), "entity": "cut"})
        assert load.rows("cut") == [("1", "whole", "broken", 2)]
        load.load({**at("new"), "entity": "new"})
        before = load.ask(f"SELECT xmin::text FROM {SCHEMA}.new")
        load.load({**at("new"), "entity": "new"})
        assert load.ask(f"SELECT xmin::text FROM {SCHEMA}.new") == before
        for path, words in (
            ("page", "answered with a page (text/html)"),
            ("nothing", "answered 404"),
        ):
            assert load.run(at(path))[0] != 0
            assert words in load.log
            assert "password" not in load.log and "s3cret" not in load.log
    assert load.rows() == [("1", "x", "logs.csv", 2)]


def test_files_in_s3(load: Load, tmp_path: Path) -> None:
    with S3Server(tmp_path / "s3") as server:
        load.env.update(server.variables())
        client = server.client()
        for key, body in (
            ("in/a.csv", b"id,what\n1,x\n"),
            ("in/b c.csv", b"id,what\n2,y\n"),
            ("in/deep/c.csv", b"id,what\n9,z\n"),
            ("index.txt", b"no"),
        ):
            client.put_object(Bucket="backups", Key=key, Body=body)
        entry = {**LOGS, "path": "s3://backups/in/*.csv"}
        load.load(entry)
        assert [row[2] for row in load.rows()] == ["a.csv", "b c.csv"]
        client.put_object(Bucket="backups", Key="in/a.csv", Body=b"id,what\n1,new\n")
        load.load(entry)
        assert [row[1] for row in load.rows()] == ["new", "y"]
        load.load({**LOGS, "path": "s3://backups/in"})
        assert [row[2] for row in load.rows()] == ["a.csv", "b c.csv", "deep/c.csv"]
        assert load.run({**LOGS, "path": "s3://backups/none/*.csv"})[0] == 1
        assert "s3://backups/none/*.csv: there is no such file" in load.log
        assert load.run({**LOGS, "path": "s3://nobody/a.csv"})[0] == 1
        assert "s3://nobody/a.csv" in load.log
        load.env["SECRET_KEY"] = "another secret"
        assert load.run(entry)[0] == 1
        assert "s3://backups/in/*.csv" in load.log and "another secret" not in load.log


# -- the project's own sources


def test_the_catalogue_without_a_limit(load: Load, tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.csv"
    head, *some = open_data.Handler.source.read_bytes().splitlines(keepends=True)
    catalogue.write_bytes(head + some[0] * 2500)
    handler = type("Handler", (open_data.Handler,), {"source": catalogue})
    with served(handler) as place:
        path = f"http://{place}{open_data.PATH}?{open_data.query()}"
        load.load({"entity": "cpf_formations", "path": path, "delimiter": ";"})
    assert load.ask(f"SELECT count(*) FROM {SCHEMA}.cpf_formations") == [(2500,)]


EASIWARE = {
    "entity": "requests",
    "path": "{FILES}/*.csv",
    "delimiter": ";",
    "field_names": ["reference", "date", "canal", "motif"],
}
MAPS = {
    "stream_maps": {
        "requests": {
            "reference_hash": "pseudonym(reference)",
            "motif": "motif",
            "_source_file": "_source_file",
            "_source_line": "_source_line",
            "__else__": "__NULL__",
        },
        "__else__": "__NULL__",
    }
}


def test_references_become_pseudonyms_on_their_way(load: Load) -> None:
    (load.files / "a.csv").write_text("REQ-1;01/01/2024;Chat;Été\n;;;\n")
    assert load.run(EASIWARE, maps=MAPS)[1] == 2
    assert "PSEUDONYM_SECRET is missing" in load.log
    assert load.ask(f"SELECT to_regclass('{SCHEMA}.requests')") == [(None,)]
    load.state = None
    load.env["PSEUDONYM_SECRET"] = SECRET
    load.load(EASIWARE, maps=MAPS)
    digest = hmac.new(SECRET.encode(), b"REQ-1", hashlib.sha256).hexdigest()
    rows = [(digest, "Été", "a.csv", 1), (None, None, "a.csv", 2)]
    assert load.rows("requests") == rows
    (load.files / "a.csv").write_text("Référence;Date;Canal;Motif\nREQ-1;;;new\n")
    load.load(EASIWARE, maps=MAPS)
    assert load.rows("requests") == [(digest, "new", "a.csv", 2)]
    assert SECRET not in load.log and "REQ-1" not in load.log


def test_a_domain_that_is_off_costs_nothing(load: Load) -> None:
    entry = {**EASIWARE, "path": "{NO_SUCH_PLACE}/*.csv"}
    load.load(entry, maps={**MAPS, "domain": "barometre"}, domain="barometre")
    assert load.ask(f"SELECT to_regnamespace('{SCHEMA}')") == [(None,)]
    load.env["DOMAINS"] = "cpf"
    load.load(entry, domain="barometre")
    load.env["DOMAINS"] = "barometre"
    assert load.run(entry, domain="barometre")[0] == 1
    assert "NO_SUCH_PLACE is missing" in load.log


def test_samples_are_copied_as_they_are(load: Load) -> None:
    shutil.copytree(
        open_data.CONTENTS / "barometre" / "samples", load.files, dirs_exist_ok=True
    )
    load.load(
        {
            "entity": "experiences",
            "path": "{FILES}/voxusagers-experiences.csv",
            "keys": ["id"],
            "delimiter": ";",
            "normalize_headers": True,
        }
    )
    query = f"SELECT titre, code_postal_usager FROM {SCHEMA}.experiences"
    assert load.ask(f"{query} WHERE id = '1002'") == [
        ('On m\'a dit "revenez demain"', "01500")
    ]
    assert load.ask(f"{query} WHERE id = '1003'") == [
        ("Première ligne\net la suite", "20000")
    ]
