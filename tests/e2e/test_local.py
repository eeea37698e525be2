"""A stranger's own sources, added by following docs/local.md alone: one night brings them all."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.meltano.real_nights import MELTANO
from entrepot_lab.postgres.servers import ROOT
from entrepot_lab.postgres.warehouse import PASSWORD, SOURCE_OWNER, Lab

pytestmark = [pytest.mark.plugins, pytest.mark.timeout(900)]
PAGE = (ROOT / "docs" / "local.md").read_text(encoding="utf-8")
TAP = "tap-rest-api-msdk"
STATIONS = [{"id": n, "name": f"station {n}", "height": n / 2} for n in range(1, 4)]
ON = "replica,prices,stations,crm"


class _Stations(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"stations": STATIONS}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class House:
    """A copy of the project, of which every file is committed.

    Attributes:
        folder: Where it is.
        lab: The source and the warehouse.
        env: The variables of each call.
    """

    folder: Path
    lab: Lab
    env: dict[str, str] = field(default_factory=dict)

    def copy(self) -> None:
        """Copy what Git would."""
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.folder / name)
        (self.folder / ".meltano").mkdir()
        for kind in ("extractors", "loaders", "mappers", "utilities"):
            (ROOT / ".meltano" / kind).mkdir(exist_ok=True)
            (self.folder / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")
        self.git("init", "--quiet")
        (self.folder / ".git" / "info" / "exclude").write_text(".venv\n")
        self.git("add", "--all")
        who = ("-c", "user.name=owner", "-c", "user.email=owner@example.org")
        self.git(*who, "commit", "--quiet", "--message", "As it was cloned")

    @property
    def elsewhere(self) -> str:
        """A database that is not there."""
        server = self.lab.source_server
        return server.url("nowhere", SOURCE_OWNER, PASSWORD)

    def git(self, *arguments: str) -> str:
        """Run Git there."""
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, check=True, text=True
        )
        return done.stdout

    def write(self, name: str, text: str) -> None:
        """Write a file of the owner's own."""
        file = self.folder / "local" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def meltano(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run Meltano; give its exit status and all that it printed."""
        done = subprocess.run(
            [MELTANO, *arguments],
            cwd=self.folder,
            env={**self.env, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def ask(self, query: str) -> list[tuple]:
        """Ask the warehouse, as an analyst."""
        with self.lab.warehouse("internal_reader") as connection:
            return connection.execute(query).fetchall()


def _of_the_page(name: str) -> str:
    """Give the file that the page says to write."""
    found = re.search(
        rf"`local/{re.escape(name)}`.*?```yaml\n(.*?)```", PAGE, re.DOTALL
    )
    assert found, name
    return found[1]


@pytest.fixture
def house(empty_lab: Lab, tmp_path: Path) -> Iterator[House]:
    """Give the project with a first database, a CSV file, a JSON API and a second database."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Stations)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    second = f"{empty_lab.name}_crm"
    empty_lab.source_server.create_database(second, SOURCE_OWNER)
    url = empty_lab.source_server.url(second, SOURCE_OWNER, PASSWORD)
    folder = tmp_path / "house"
    folder.mkdir()
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / "2026.csv").write_text("sku,price\na,1.50\nb,2.00\n")
    made = House(folder, empty_lab)
    made.copy()
    own = {k: v for k, v in empty_lab.env.items() if k not in ("HOME", "TABLES_FILE")}
    made.env = {
        **os.environ,
        **own,
        "PATH": f"{MELTANO.parent}{os.pathsep}{os.environ['PATH']}",
        "MELTANO_PROJECT_ROOT": str(folder),
        "DOMAINS": ON,
        "INTERNAL_READER": "internal_reader",
        "REPLICA_SCHEMA": "shop",
        "PRICES_FILES": str(tmp_path / "prices"),
        "STATIONS_URL": f"http://127.0.0.1:{server.server_port}",
        "CRM_SOURCE_DATABASE_URL": url,
        **{
            f"CRM_{name}": own[name]
            for name in own
            if name.startswith(("BUILD_ROLE", "REPLICA_ROLE"))
        },
        "MAX_RETRY_COUNT": "1",
    }
    with empty_lab.source() as source, psycopg.connect(url, autocommit=True) as crm:
        source.execute("CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL)")
        source.execute("INSERT INTO people VALUES (1, 'of the shop')")
        crm.execute("CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL)")
        crm.execute("INSERT INTO people VALUES (7, 'of the crm'), (8, 'again')")
    yield made
    server.shutdown()
    server.server_close()
    empty_lab.source_server.drop_database(second)


def _follow_the_page(house: House) -> None:
    for name in ("prices", "stations", "crm"):
        house.write(
            f"{name}/{name}.meltano.yml", _of_the_page(f"{name}/{name}.meltano.yml")
        )
    models = "crm/models/staging/crm"
    sources = f"{models}/_crm__sources.yml"
    house.write(sources, _of_the_page(sources))
    house.write(
        f"{models}/stg_crm__people.sql",
        "select id as person_id, name from {{ source('crm', 'people') }}\n",
    )


def test_own_sources_come_in_the_same_night(house: House) -> None:
    _follow_the_page(house)
    if not (ROOT / ".meltano" / "extractors" / TAP).exists():
        status, output = house.meltano("install", "extractor", TAP)
        assert status == 0, output
    status, output = house.meltano("invoke", "pg-replica", "check", STATIONS_URL="x")
    assert status == 2, output
    assert "STATIONS_URL is no address" in output

    status, output = house.meltano(
        "invoke", "pg-replica", "check", CRM_SOURCE_DATABASE_URL=house.elsewhere
    )
    assert status == 2, output
    assert "crm, a second database: see what its own check says" in output

    status, output = house.meltano("invoke", "ops", "nightly")
    assert status == 0, output
    assert house.ask("SELECT id, name FROM shop.people") == [(1, "of the shop")]
    assert house.ask("SELECT id, name FROM crm.people ORDER BY 1") == [
        (7, "of the crm"),
        (8, "again"),
    ]
    assert house.ask("SELECT person_id FROM staging.stg_crm__people ORDER BY 1") == [
        (7,),
        (8,),
    ]
    assert len(house.ask("SELECT * FROM raw_prices.prices")) == 2
    stations = house.ask(
        "SELECT id::int, name, height::float FROM raw_stations.stations ORDER BY 1"
    )
    assert stations == [tuple(station.values()) for station in STATIONS]
    with house.lab.warehouse() as owner:
        steps = owner.execute("SELECT step, status FROM entrepot_ops.night_steps")
        recorded: dict[str, str] = dict(steps.fetchall())
    own = {"prices", "stations", "pg-replica--crm:run", "pg-replica--crm:drop-previous"}
    assert own <= recorded.keys() and set(recorded.values()) == {"succeeded"}
    (report,) = Path(house.env["WORK_DIR"]).rglob("night-*.html")
    assert "pg-replica--crm:run" in report.read_text()

    # A target of somebody else's gets records, not COPY files.
    jsonl = house.folder / ".entrepot" / "jsonl" / "public-people.jsonl"
    house.write("tables.yml", "tables: {people: {replication_key: id}}")
    status, output = house.meltano(
        "run",
        "tap-postgres",
        "target-jsonl",
        BACKUP_MODE='{"people":"incremental"}',
    )
    assert status == 0, output
    assert json.loads(jsonl.read_text()) == {"id": 1, "name": "of the shop"}
    assert house.git("status", "--porcelain") == ""
