"""Time a full replication against its peers, in turn, on the same data."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

ROLE = DATABASE = "entrepot_benchmark"


class Target:
    """The target's server, and the database in which each contender starts anew."""

    def __init__(self, admin: str) -> None:
        self._admin = admin
        parts = conninfo_to_dict(admin)
        self._place = f"{parts.get('host', '127.0.0.1')}:{parts.get('port', 5432)}"
        with psycopg.connect(admin, autocommit=True) as session:
            if not session.execute(
                "SELECT FROM pg_roles WHERE rolname = %s", [ROLE]
            ).fetchall():
                session.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")

    def fresh(self) -> str:
        """Make the database anew, and give its URL.

        There is only one: autovacuum would work on what another contender left, at the cost of
        the next.

        Returns:
            The URL, of an ordinary role that owns the database.
        """
        with psycopg.connect(self._admin, autocommit=True) as session:
            session.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            session.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
            session.execute("CHECKPOINT")
        os.sync()
        return f"postgresql://{ROLE}:{ROLE}@{self._place}/{DATABASE}"


def ours(source: str, target: str, folder: Path, **variables: str) -> None:
    """Run pg-replica."""
    (folder / "tables.yml").write_text("tables: {}\n")
    run(
        [sys.executable, "-m", "pg_replica", "run"],
        SOURCE_DATABASE_URL=source,
        TARGET_DATABASE_URL=target,
        TABLES_FILE=str(folder / "tables.yml"),
        WORK_DIR=str(folder),
        **variables,
    )


def ours_validated(source: str, target: str, folder: Path) -> None:
    """Run pg-replica with every foreign key checked."""
    ours(source, target, folder, RESTORE_FK_CONSTRAINTS="true")


def pgcopydb(source: str, target: str, folder: Path) -> None:
    """Run pgcopydb clone."""
    jobs = ["--table-jobs", "4", "--index-jobs", "4", "--no-owner"]
    where = ["--dir", str(folder / "pgcopydb"), "--source", source, "--target", target]
    run(["pgcopydb", "clone", *jobs, *where])


def dump_and_restore(source: str, target: str, folder: Path) -> None:
    """Run pg_dump, then pg_restore, as the replaced system does."""
    dump = str(folder / "dump")
    run(["pg_dump", "-Fc", "-f", dump, source])
    run(["pg_restore", "--jobs", "4", "--no-owner", "-d", target, dump])


CONTENDERS: dict[str, Callable[[str, str, Path], None]] = {
    "ours": ours,
    "ours_validated": ours_validated,
    "pgcopydb": pgcopydb,
    "dump_and_restore": dump_and_restore,
}


def run(command: list[str], **variables: str) -> None:
    """Run a contender, quietly."""
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{command[0]}: {done.stderr[-2000:]}")


def main() -> None:
    """Time the rounds, and print seconds, medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--source", required=True, help="URL of the source, as its owner"
    )
    parser.add_argument(
        "--admin", required=True, help="URL of a superuser of the target"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=[*CONTENDERS])
    arguments = parser.parse_args()
    target = Target(arguments.admin)
    names = [
        name
        for name in arguments.only
        if name != "pgcopydb" or shutil.which("pgcopydb")
    ]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(arguments.rounds):
        for name in names:
            url = target.fresh()
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                CONTENDERS[name](arguments.source, url, Path(folder))
                seconds[name].append(time.monotonic() - began)
            print(f"round {number + 1} {name}: {seconds[name][-1]:.2f} s", flush=True)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = {
        f"{mine}/{peer}": round(medians[mine] / medians[peer], 3)
        for mine in names
        for peer in names
        if mine.startswith("ours") and not peer.startswith("ours")
    }
    rounded = {name: round(value, 2) for name, value in medians.items()}
    print(json.dumps({"medians": rounded, "ratios": ratios}, indent=2))


if __name__ == "__main__":
    main()
