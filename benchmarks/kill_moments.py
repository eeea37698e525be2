"""Kill a first load at random moments, and check that nothing is lost, doubled or left behind.

    .venv/bin/python benchmarks/kill_moments.py --moments 30 --rows 2000000

It makes its own servers in a temporary folder, and runs `meltano run incremental-replication`; so
`scripts/demo` or the end-to-end tests must have installed the plugins.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.warehouse import Lab

ROOT = Path(__file__).resolve().parents[1]
TABLE = "knowledge-elements"
VICTIMS = (
    "tap",
    "target",
    "meltano",
    "source backend",
    "warehouse backend",
    "warehouse",
)
_SPELT = {"tap": "entrepot-tap-postgres", "target": "entrepot-target-postgres"}
_READING = ("tap", "source backend")  # they end before the indexes are built
_ENDED = 60.0  # seconds after which a process that has lost its parent must be gone


@dataclass
class Trial:
    """One source, one warehouse, and what has been killed so far.

    Attributes:
        lab: Both servers.
        folder: Of Meltano's state and of the COPY files.
        rows: In the source's table.
        killed: How often each victim died at work.
    """

    lab: Lab
    folder: Path
    rows: int
    killed: dict[str, int] = field(default_factory=dict)

    def fill(self) -> None:
        """Make the source's table."""
        with self.lab.source() as source:
            source.execute(
                f'CREATE TABLE "{TABLE}" (id bigserial PRIMARY KEY, source text NOT NULL,'
                ' status text NOT NULL, "createdAt" timestamptz NOT NULL DEFAULT now(),'
                ' "userId" integer, "skillId" text);'
                f'INSERT INTO "{TABLE}" (source, status, "userId", "skillId")'
                " SELECT 'direct', 'validated', g % 50000, md5(g::text)"
                f" FROM generate_series(1, {self.rows}) AS g;"
                f'CREATE INDEX ON "{TABLE}" ("userId"); CREATE INDEX ON "{TABLE}" ("createdAt")'
            )

    def start(self) -> subprocess.Popen[bytes]:
        """Start the job as cron does."""
        log = (self.folder / "log").open("ab")
        return subprocess.Popen(
            [
                str(ROOT / ".venv/bin/meltano"),
                *("run", "--force", "incremental-replication"),
            ],
            env={
                **os.environ,
                **self.lab.env,
                "MELTANO_PROJECT_ROOT": str(ROOT),
                "MELTANO_DATABASE_URI": f"sqlite:///{self.folder / 'meltano.db'}",
                "BACKUP_MODE": json.dumps({TABLE: "incremental"}),
                "TAP_POSTGRES_BATCH_ROWS": "50000",
                "TAP_POSTGRES_NETWORK_TIMEOUT": "20",
                # So that the source is at work as long as the target.
                "TAP_POSTGRES_SPOOL_LIMIT": "10000000",
                "TAP_POSTGRES_BATCH_CONFIG": json.dumps(
                    {
                        "encoding": {"format": "pgcopy"},
                        "storage": {"root": f"file://{self.folder / 'spool'}"},
                    }
                ),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def family(self, leader: int) -> dict[int, str]:
        """List the living processes of a run, with their command lines."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found[int(entry.name)] = words
        return found

    def wait_for_work(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the source is being read: before that, there is little to lose."""
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name LIKE 'entrepot tap-postgres work%'"
        )
        with self.lab.source_server.admin() as admin:
            while process.poll() is None and admin.execute(query).fetchone() == (0,):
                time.sleep(0.02)

    def kill(self, victim: str, process: subprocess.Popen[bytes]) -> bool:
        """Kill a victim, if it is at work; say whether it was."""
        if victim == "meltano":
            if process.poll() is not None:
                return False
            process.kill()
            return True
        if victim == "warehouse":
            self.lab.warehouse_server.kill()
            self.lab.warehouse_server.start()
            return process.poll() is None
        if victim in _SPELT:
            family = self.family(process.pid)
            found = [pid for pid, words in family.items() if _SPELT[victim] in words]
        else:
            server, prefix = (
                (self.lab.source_server, "tap")
                if victim == "source backend"
                else (self.lab.warehouse_server, "target")
            )
            with server.admin() as admin:
                found = [
                    row[0]
                    for row in admin.execute(
                        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE %s",
                        [f"entrepot {prefix}%"],
                    )
                ][:1]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return bool(found)

    def content(self, connection: psycopg.Connection, schema: str) -> tuple | None:
        """Count and hash the table's rows."""
        return self.lab.content(connection, schema).get(TABLE)

    def is_same(self) -> bool:
        """Say whether the warehouse holds what the source holds."""
        with self.lab.source() as source, self.lab.warehouse() as warehouse:
            there = self.content(source, "public")
            return there == self.content(warehouse, "pix_incremental")

    def forget(self) -> None:
        """Begin again from nothing."""
        with self.lab.warehouse() as warehouse:
            warehouse.execute(f'DROP TABLE pix_incremental."{TABLE}" CASCADE')
        (self.folder / "meltano.db").unlink()

    def wait_for_servers(self) -> None:
        """Wait until both servers have recovered from the death of a process of theirs."""
        for server in (self.lab.source_server, self.lab.warehouse_server):
            deadline = time.monotonic() + _ENDED
            while True:
                try:
                    server.admin().close()
                    break
                except psycopg.OperationalError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)

    def time_at_work(self) -> dict[str, float]:
        """Load once; give the seconds for which the source is read, and those of the whole."""
        process = self.start()
        self.wait_for_work(process)
        began = time.monotonic()
        while any(
            _SPELT["tap"] in words for words in self.family(process.pid).values()
        ):
            time.sleep(0.05)
        reading = time.monotonic() - began
        if process.wait() != 0:
            sys.exit((self.folder / "log").read_text()[-3000:])
        whole = time.monotonic() - began
        self.forget()
        return {v: reading if v in _READING else whole for v in VICTIMS}

    def moment(self, victim: str, chance: random.Random, seconds: float) -> bool:
        """Run, kill, and look at what comes of it; say whether the victim was at work."""
        process, was_at_work = self.start(), False
        self.wait_for_work(process)
        try:
            status = process.wait(chance.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            was_at_work = self.kill(victim, process)
            status = process.wait(300)
            self.wait_for_servers()
            if was_at_work:
                self.killed[victim] = self.killed.get(victim, 0) + 1
                if status == 0 and not self.is_same():
                    sys.exit(f"{victim} was killed, and the run ended with 0")
        deadline = time.monotonic() + _ENDED
        while left := self.family(process.pid):
            if time.monotonic() > deadline:
                sys.exit(f"{victim} was killed, and these go on: {list(left.values())}")
            time.sleep(0.1)
        if status == 0:
            if not self.is_same():
                sys.exit(f"a run ended with 0, and rows are missing ({victim})")
            self.forget()
        return was_at_work


def main() -> None:
    """Kill as often as wanted, then load to the end, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=30)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=20240229)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"fsync": "off", "max_wal_size": "4GB"}
        servers = [
            Cluster(folder / kind, embedded_binaries()).create(settings).start()
            for kind in ("source", "warehouse")
        ]
        source, warehouse = servers
        try:
            lab = Lab(source, warehouse, "kills", folder).create()
            trial = Trial(lab, folder, arguments.rows)
            trial.fill()
            seconds = trial.time_at_work()
            print(f"seed {arguments.seed}; at work: {seconds}", flush=True)
            for number in range(arguments.moments):
                victim = VICTIMS[number % len(VICTIMS)]
                while not trial.moment(victim, chance, seconds[victim]):
                    pass
                print(f"moment {number + 1}: {victim}", flush=True)
            status = trial.start().wait()
            same = trial.is_same()
            spool = [one for one in (folder / "spool").rglob("*") if one.is_file()]
            print(
                json.dumps(
                    {
                        "killed at work": trial.killed,
                        "last run": status,
                        "content equal": same,
                        "files left": len(spool),
                    },
                    indent=2,
                )
            )
            sys.exit(status or not same or bool(spool))
        finally:
            for server in servers:
                server.stop("immediate")


if __name__ == "__main__":
    main()
