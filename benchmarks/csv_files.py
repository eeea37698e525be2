r"""Time the load of a CSV file by tap-csv and target-postgres against psql's copy of the same file.

Both are timed beyond the start of their processes, which the same command with a file of one line
tells. The tap's peak of memory is told too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from full_replication import Target

COLUMNS = "id,date,nom,code_postal,montant,motif,statut,texte"
TYPES = {"id": "bigint", "date": "date", "montant": "numeric"}
DECLARED = {"id": "integer", "date": "date", "montant": "number"}
NAMES = ("Jean Dupont", "Élodie Martin", "A. Durand", "Sté Générale")


def lines(rows: int, quoted: int) -> Iterator[str]:
    """Invent a file's lines.

    Args:
        rows: How many.
        quoted: How many of a hundred lines have a quoted cell.

    Yields:
        Each line, its line break included.
    """
    rng = random.Random(rows)
    yield f"{COLUMNS}\n"
    for number in range(rows):
        text = f"Demande d'information numéro {rng.randrange(10**6)}"
        if rng.randrange(100) < quoted:
            text = f'"Une, ""demande"" {number}"'
        yield (
            f"{number},{2000 + number % 24}-{1 + number % 12:02}-{1 + number % 28:02},"
            f"{NAMES[number % 4]},{number % 96000:05},{number % 1000}.{number % 100:02},"
            f"motif {number % 50},Traitée,{text}\n"
        )


class Contest:
    """A file, and what loads it."""

    def __init__(self, folder: Path, rows: int, quoted: int, *, typed: bool) -> None:
        self._folder = folder
        self._typed = typed
        self.large, self.small = folder / "large.csv", folder / "small.csv"
        for path, count in ((self.large, rows), (self.small, 1)):
            with path.open("w", encoding="utf-8") as file:
                file.writelines(lines(count, quoted))
        self.memory = 0

    def ours(self, url: str, path: Path) -> None:
        """Pipe the tap into the target, as Meltano does."""
        tap, target = self._folder / "tap.json", self._folder / "target.json"
        columns = {name: {"type": kind} for name, kind in DECLARED.items()}
        entry: dict[str, Any] = {"entity": "rows", "path": str(path)}
        if self._typed:
            entry["columns"] = columns
        settings = {
            "files": [entry],
            "batch_config": {
                "encoding": {"format": "pgcopy"},
                "storage": {"root": f"file://{self._folder / 'spool'}"},
            },
        }
        tap.write_text(json.dumps(settings))
        target.write_text(json.dumps({"default_target_schema": "raw"}))
        environment = {**os.environ, "TARGET_DATABASE_URL": url}
        command = [sys.executable, "-m"]
        reader = subprocess.Popen(
            [*command, "entrepot_tap_csv", "--config", str(tap)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        writer = subprocess.Popen(
            [*command, "entrepot_target_postgres", "--config", str(target)],
            stdin=reader.stdout,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        _, _, usage = os.wait4(reader.pid, 0)
        self.memory = max(self.memory, usage.ru_maxrss)
        if writer.wait():
            sys.exit("target-postgres failed")

    def psql(self, url: str, path: Path) -> None:
        """Copy the file with psql."""
        columns = ", ".join(
            f"{name} {TYPES.get(name, 'text') if self._typed else 'text'}"
            for name in COLUMNS.split(",")
        )
        script = (
            "CREATE SCHEMA IF NOT EXISTS raw;"
            f"CREATE TABLE raw.rows ({columns});\n"
            f"\\copy raw.rows from '{path}' csv header\n"
        )
        subprocess.run(["psql", "-qX", url], input=script, text=True, check=True)


def _loaded(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as session:
        row = session.execute("SELECT count(*) FROM raw.rows").fetchone()
        session.execute("DROP SCHEMA raw CASCADE")
        session.execute("CHECKPOINT" if _is_mighty(session) else "SELECT 1")
    return row[0] if row else 0


def _is_mighty(session: psycopg.Connection) -> bool:
    row = session.execute("SHOW is_superuser").fetchone()
    return row == ("on",)


def main() -> None:
    """Time the rounds, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--admin", required=True, help="URL of a superuser of the target"
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--quoted", type=int, default=0, help="of a hundred lines")
    parser.add_argument("--typed", action="store_true", help="declare three types")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if not shutil.which("psql"):
        sys.exit("psql must be on PATH")
    target = Target(arguments.admin)
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(
            Path(folder), arguments.rows, arguments.quoted, typed=arguments.typed
        )
        contenders: dict[str, Callable[[str, Path], None]] = {
            "ours": contest.ours,
            "psql": contest.psql,
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(arguments.rounds):
            for name, load in contenders.items():
                url = target.fresh()
                starts = _timed(load, url, contest.small, 1)
                whole = _timed(load, url, contest.large, arguments.rows)
                seconds[name].append(whole - starts)
                print(
                    f"round {number + 1} {name}: {whole:.2f} s, {starts:.2f} of it to start",
                    flush=True,
                )
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        json.dumps(
            {
                "seconds beyond the start": {
                    k: round(v, 2) for k, v in medians.items()
                },
                "ratio, ours/psql": round(medians["ours"] / medians["psql"], 2),
                "memory of the tap, MB": contest.memory // 1024,
            },
            indent=2,
        )
    )


def _timed(load: Callable[[str, Path], None], url: str, path: Path, rows: int) -> float:
    began = time.monotonic()
    load(url, path)
    seconds = time.monotonic() - began
    if (found := _loaded(url)) != rows:
        sys.exit(f"{rows} rows were to be loaded, and {found} are there")
    return seconds


if __name__ == "__main__":
    os.environ.setdefault("PGOPTIONS", "-c client_min_messages=error")
    main()
