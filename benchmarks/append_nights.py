"""Time nights and audits of append tables, and measure the memory of both ends.

    .venv/bin/python benchmarks/append_nights.py --rows 5000000 --rounds 3

It makes its own servers in a temporary folder, and runs Meltano; so the plugins must be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.warehouse import Lab

ROOT = Path(__file__).resolve().parents[1]
TABLES = {"big": 1.0, "audited": 0.4}  # and their part of the rows
NEW_ROWS = 10_000
_ENDS = {"tap": "entrepot-tap-postgres", "target": "entrepot-target-postgres"}
_SUM = "SELECT count(*), sum(hashtext(t::text)) FROM {} AS t"
_SCANS = (
    "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_user_tables"
    " WHERE relname = 'big'"
)


class Memory:
    """The greatest resident size of both ends, as the kernel counts it."""

    def __init__(self) -> None:
        self.peaks: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    words = (entry / "cmdline").read_bytes()
                    status = (entry / "status").read_text()
                except OSError:
                    continue
                for end, program in _ENDS.items():
                    if program.encode() in words and "VmHWM" in status:
                        peak = int(status.split("VmHWM:")[1].split()[0])
                        self.peaks[end] = max(self.peaks.get(end, 0), peak)


class Bench:
    """Two servers, and Meltano between them."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.env = {
            **os.environ,
            **lab.env,
            "PATH": os.environ["PATH"],
            "MELTANO_PROJECT_ROOT": str(ROOT),
            "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
        }

    def fill(self, rows: int) -> None:
        """Make the source's tables, each with a primary key and two indexes."""
        with self.lab.source() as source:
            for name, part in TABLES.items():
                source.execute(
                    f"CREATE TABLE {name} (id bigserial PRIMARY KEY, value text,"
                    ' result varchar(255), "assessmentId" integer, "createdAt" timestamptz'
                    " NOT NULL DEFAULT now())"
                )
                self.add(source, name, int(rows * part))
                source.execute(
                    f'CREATE INDEX ON {name} ("assessmentId");'
                    f'CREATE INDEX ON {name} ("createdAt")'
                )
            source.execute("VACUUM ANALYZE")

    def add(self, source: psycopg.Connection, table: str, rows: int) -> None:
        """Add rows to a table."""
        source.execute(
            f'INSERT INTO {table} (value, result, "assessmentId")'
            f" SELECT md5(g::text), 'ok', g % 100000 FROM generate_series(1, {rows}) AS g"
        )

    def meltano(self, *arguments: str) -> float:
        """Run Meltano; give the seconds it took."""
        began = time.monotonic()
        done = subprocess.run(
            [str(ROOT / ".venv/bin/meltano"), *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr[-3000:])
        return time.monotonic() - began

    def audit(self) -> float:
        """Audit a table; give the seconds it took, the program's start included."""
        began = time.monotonic()
        status, output = self.lab.run("audit", "--all", "--table", "audited")
        if status:
            sys.exit(output)
        return time.monotonic() - began

    def sums(self) -> float:
        """Read the table once on each side; give the seconds of both."""
        began = time.monotonic()
        with self.lab.source() as source, self.lab.warehouse() as warehouse:
            there = source.execute(_SUM.format("audited")).fetchone()
            here = warehouse.execute(_SUM.format("pix_incremental.audited")).fetchone()
        if there != here:
            sys.exit("both sides differ")
        return time.monotonic() - began

    def scans(self) -> list[int]:
        """Give the sequential scans of the big table so far, on each side."""
        with self.lab.source() as source, self.lab.warehouse() as warehouse:
            found = []
            for side in (source, warehouse):
                side.execute("SELECT pg_stat_force_next_flush()")
                row = side.execute(_SCANS).fetchone()
                found.append(row[0] if row else 0)
        return found


def measure(bench: Bench, rows: int, rounds: int) -> dict:
    """Load, then let nights and audits take turns."""
    with Memory() as memory:
        first = bench.meltano("run", "incremental-replication")
    with bench.lab.warehouse() as warehouse:
        warehouse.execute("ANALYZE")
    print(f"first load: {first:.1f} s", flush=True)
    extra, nights, audits = [], [], []
    before = bench.scans()
    for number in range(rounds):
        with bench.lab.source() as source:
            bench.add(source, "big", NEW_ROWS)
        with Memory() as of_night:
            nights.append(bench.meltano("run", "incremental-replication"))
        extra.append(nights[-1] - bench.meltano("--version"))
        audits.append(bench.audit() / bench.sums())
        print(
            f"round {number + 1}: night {nights[-1]:.2f} s, {extra[-1]:.2f} s more than"
            f" meltano --version; audit {audits[-1]:.2f} of the sums",
            flush=True,
        )
    time.sleep(1)
    after = bench.scans()
    return {
        "rows": rows,
        "peak memory of the first load (MB)": _megabytes(memory),
        "peak memory of a night (MB)": _megabytes(of_night),
        "night, seconds": round(statistics.median(nights), 2),
        "night, seconds more than meltano --version": round(
            statistics.median(extra), 2
        ),
        "sequential scans of all nights (source, warehouse)": [
            new - old for new, old in zip(after, before, strict=True)
        ],
        "audit, to a sum on each side": round(statistics.median(audits), 2),
    }


def _megabytes(memory: Memory) -> dict[str, int]:
    return {end: peak // 1024 for end, peak in sorted(memory.peaks.items())}


def main() -> None:
    """Measure, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {"fsync": "off", "max_wal_size": "4GB", "shared_buffers": "512MB"}
        servers = [
            Cluster(folder / kind, embedded_binaries()).create(settings).start()
            for kind in ("source", "warehouse")
        ]
        source, warehouse = servers
        try:
            lab = Lab(source, warehouse, "nights", folder).create()
            lab.policy(
                json.dumps({"tables": {t: {"mode": "incremental"} for t in TABLES}})
            )
            bench = Bench(lab, folder)
            bench.fill(arguments.rows)
            print(
                json.dumps(measure(bench, arguments.rows, arguments.rounds), indent=2)
            )
        finally:
            for server in servers:
                server.stop("immediate")


if __name__ == "__main__":
    main()
