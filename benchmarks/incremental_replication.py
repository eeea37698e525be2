"""Time the first load of an append table against psql's copy and the stock Singer pair."""

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
from full_replication import Target, run

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = "entrepot_benchmark_sample"


class Contest:
    """A source table, and what loads it.

    Attributes:
        rows: In the table.
        sample_rows: In the part of it that the stock pair loads: it takes its time row by row.
    """

    def __init__(self, source: str, table: str, sample_rows: int) -> None:
        self._source = source
        self._table = table
        self.sample_rows = sample_rows
        with psycopg.connect(source, autocommit=True) as session:
            name = '"' + table.replace('"', '""') + '"'
            row = session.execute(f"SELECT count(*) FROM {name}").fetchone()
            self.rows = row[0] if row else 0
            session.execute(f"DROP TABLE IF EXISTS {SAMPLE}")
            session.execute(f"CREATE TABLE {SAMPLE} (LIKE {name} INCLUDING INDEXES)")
            session.execute(
                f"INSERT INTO {SAMPLE} SELECT * FROM {name} LIMIT {sample_rows}"
            )

    def ours(self, target: str, folder: Path) -> None:
        """Run the job as cron does, Meltano and its start included."""
        run(
            [str(ROOT / ".venv/bin/meltano"), "run", "incremental-replication"],
            SOURCE_DATABASE_URL=self._source,
            TARGET_DATABASE_URL=target,
            BACKUP_MODE=json.dumps({self._table: "incremental"}),
            MELTANO_PROJECT_ROOT=str(ROOT),
            MELTANO_DATABASE_URI=f"sqlite:///{folder / 'meltano.db'}",
        )

    def copy(self, target: str, _: Path) -> None:
        """Pipe one psql into another, into the indexed table."""
        name = '\\"' + self._table + '\\"'
        pipe = f'psql -q "$S" -c "\\copy {name} to stdout"'
        pipe += f' | psql -q "$T" -c "\\copy {name} from stdin"'
        run(["bash", "-o", "pipefail", "-c", pipe], S=self._source, T=target)

    def prepare_copy(self, target: str) -> None:
        """Make the table with its key and indexes, as the source has it."""
        dump = [
            "pg_dump",
            "--schema-only",
            "--no-owner",
            "-t",
            f'"{self._table}"',
            self._source,
        ]
        text = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
        statements = [part for part in text.split(";\n") if "FOREIGN KEY" not in part]
        script = ";\n".join(line for line in statements if "\\restrict" not in line)
        subprocess.run(
            ["psql", "-q", target],
            input=script,
            text=True,
            capture_output=True,
            check=False,
        )

    def stock(self, target: str, folder: Path, *, use_copy: bool = False) -> None:
        """Run MeltanoLabs' tap and target on the sample."""
        tap = str(ROOT / ".meltano/extractors/tap-postgres/venv/bin/tap-postgres")
        loader = str(ROOT / ".meltano/loaders/target-postgres/venv/bin/target-postgres")
        config, settings = folder / "tap.json", folder / "target.json"
        config.write_text(
            json.dumps(
                {
                    "sqlalchemy_url": _with_password(self._source),
                    "filter_schemas": ["public"],
                }
            )
        )
        settings.write_text(
            json.dumps(
                {
                    "sqlalchemy_url": target.replace(
                        "postgresql:", "postgresql+psycopg:"
                    ),
                    "use_copy": use_copy,
                }
            )
        )
        found = subprocess.run(
            [tap, "--config", str(config), "--discover"],
            capture_output=True,
            check=True,
        )
        streams = json.loads(found.stdout)["streams"]
        chosen = [
            each for each in streams if each["tap_stream_id"] == f"public-{SAMPLE}"
        ]
        for entry in chosen[0]["metadata"]:
            entry["metadata"]["selected"] = True
        (folder / "catalog.json").write_text(json.dumps({"streams": chosen}))
        run(
            [
                "bash",
                "-o",
                "pipefail",
                "-c",
                '"$TAP" --config "$C" --catalog "$K" | "$LOADER" --config "$S"',
            ],
            TAP=tap,
            LOADER=loader,
            C=str(config),
            K=str(folder / "catalog.json"),
            S=str(settings),
        )

    def stock_use_copy(self, target: str, folder: Path) -> None:
        """Run the same with the target's `use_copy`."""
        self.stock(target, folder, use_copy=True)


def _assert_loaded(url: str, rows: int) -> None:
    """Stop if a contender was quick because it did not load."""
    with psycopg.connect(url) as session:
        session.execute("ANALYZE")
        row = session.execute(
            "SELECT max(reltuples) FROM pg_class WHERE relkind = 'r'"
        ).fetchone()
    if row is None or abs(row[0] - rows) > rows / 20:
        sys.exit(
            f"{rows} rows were to be loaded, and about {row and row[0]:.0f} are there"
        )


def _with_password(url: str) -> str:
    """Give a URL a password where it has none: the stock tap insists on one."""
    user, separator, place = url.rpartition("@")
    return url if ":" in user.split("//")[1] else f"{user}:none{separator}{place}"


def main() -> None:
    """Time the rounds, and print rows a second, medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--source", required=True, help="URL of the source, as its owner"
    )
    parser.add_argument(
        "--admin", required=True, help="URL of a superuser of the target"
    )
    parser.add_argument("--table", default="answers")
    parser.add_argument(
        "--sample", type=int, default=200_000, help="rows for the stock pair"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="these contenders: ours copy stock …"
    )
    arguments = parser.parse_args()
    if not shutil.which("psql"):
        sys.exit("psql and pg_dump must be on PATH")
    contest = Contest(arguments.source, arguments.table, arguments.sample)
    contenders: dict[str, Callable[[str, Path], None]] = {
        "ours": contest.ours,
        "copy": contest.copy,
        "stock": contest.stock,
        "stock_use_copy": contest.stock_use_copy,
    }
    chosen = arguments.only or list(contenders)
    contenders = {name: contenders[name] for name in chosen}
    target = Target(arguments.admin)
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(arguments.rounds):
        for name, load in contenders.items():
            url = target.fresh()
            if name == "copy":
                contest.prepare_copy(url)
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                load(url, Path(folder))
                seconds = time.monotonic() - began
            rows = contest.sample_rows if name.startswith("stock") else contest.rows
            speeds[name].append(rows / seconds)
            _assert_loaded(url, rows)
            print(
                f"round {number + 1} {name}: {rows} rows in {seconds:.2f} s", flush=True
            )
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    ratios = {
        f"rows a second, ours to {name}": round(medians["ours"] / speed, 2)
        for name, speed in medians.items()
        if "ours" in medians and name != "ours"
    }
    rounded = {name: round(value) for name, value in medians.items()}
    print(json.dumps({"rows a second": rounded, "ratios": ratios}, indent=2))
    with psycopg.connect(arguments.source, autocommit=True) as session:
        session.execute(f"DROP TABLE {SAMPLE}")


if __name__ == "__main__":
    os.environ.setdefault("PGOPTIONS", "-c client_min_messages=error")
    main()
