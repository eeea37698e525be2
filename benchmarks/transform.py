"""Time dbt's build against the full replication of the same data, and a second night's build.

Rounds of a full replication with the project's table policy, and a build on it. Then, with the
big tables as append tables: their first load, a first build, a day of new rows on the source,
their load, and a build that follows. Last, the enrichment queries that the README gives.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from full_replication import Target

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(sys.executable).parent
# As `meltano invoke dbt:build`, which each night runs.
BUILD = ("build", "--exclude-resource-type", "unit_test")
APPEND = json.dumps(
    dict.fromkeys(
        ("answers", "knowledge-elements", "knowledge-element-snapshots"), "incremental"
    )
)
# As an evening does: one row in a hundred is new, of people and skills that are known.
A_DAY = """
INSERT INTO answers (result, "assessmentId", "challengeId", "createdAt", "updatedAt",
    "elapsedTime")
SELECT 'ok', a."assessmentId", a."challengeId", now(), now(), 5
FROM answers AS a ORDER BY a.id DESC LIMIT {rows};
INSERT INTO "knowledge-elements" (source, status, "createdAt", "answerId", "assessmentId",
    "skillId", "earnedPix", "userId", "competenceId")
SELECT 'direct', 'validated', now(), k."answerId", k."assessmentId", k."skillId", 1, k."userId",
    k."competenceId"
FROM "knowledge-elements" AS k ORDER BY k.id DESC LIMIT {rows};
"""
# Ids were given, not drawn, where a database was filled for measuring.
SEQUENCES = """
SELECT setval(pg_get_serial_sequence('answers', 'id'), (SELECT max(id) FROM answers)),
    setval(pg_get_serial_sequence('"knowledge-elements"', 'id'),
    (SELECT max(id) FROM "knowledge-elements"))
"""


class Nights:
    """The steps of a night, one at a time.

    Attributes:
        env: Their variables.
        folder: What they write.
    """

    def __init__(self, source: str, target: str, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **os.environ,
            "SOURCE_DATABASE_URL": source,
            "TARGET_DATABASE_URL": target,
            "TABLES_FILE": str(ROOT / "extract" / "tables.yml"),
            "WORK_DIR": str(folder / "work"),
            "MELTANO_PROJECT_ROOT": str(folder),
            "DOMAINS": "pix",
        }
        (folder / "transform").symlink_to(ROOT / "transform")

    def replicate(self, **variables: str) -> float:
        """Run a full replication; give its seconds."""
        return self._run([sys.executable, "-m", "pg_replica", "run"], **variables)

    def load(self) -> float:
        """Load what is new in the append tables; give its seconds."""
        config = self.folder / "tap.json"
        storage = {"root": f"file://{self.folder / 'spool'}"}
        batch = {"encoding": {"format": "pgcopy"}, "storage": storage}
        config.write_text(
            json.dumps({"batch_config": batch, "tables_file": self.env["TABLES_FILE"]})
        )
        state = self.folder / "state.json"
        given = ["--state", str(state)] if state.exists() else []
        began = time.monotonic()
        tap = subprocess.Popen(
            [PROGRAMS / "entrepot-tap-postgres", "--config", str(config), *given],
            env={**self.env, "BACKUP_MODE": APPEND},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        done = subprocess.run(
            [PROGRAMS / "entrepot-target-postgres"],
            env=self.env,
            stdin=tap.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
        if tap.wait() or done.returncode:
            sys.exit(f"the load failed: {done.stderr[-2000:]}")
        state.write_text(done.stdout.splitlines()[-1])
        return time.monotonic() - began

    def build(self) -> float:
        """Build all models and run their tests; give its seconds."""
        return self._run([str(PROGRAMS / "entrepot-dbt"), *BUILD])

    def _run(self, command: list[str], **variables: str) -> float:
        began = time.monotonic()
        done = subprocess.run(
            command,
            env={**self.env, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(f"{command}: {(done.stdout + done.stderr)[-3000:]}")
        return time.monotonic() - began


def sample_queries() -> list[str]:
    """Give the enrichment queries of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [
        query
        for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
        for query in re.findall(r"select.*?;", block, re.DOTALL)
        if " enrichment." in query
    ]


def time_queries(url: str) -> dict[str, float]:
    """Time each of them once, with its session's start."""
    seconds = {}
    for query in sample_queries():
        with psycopg.connect(url) as session:
            began = time.monotonic()
            session.execute(query).fetchall()
            seconds[" ".join(query.split())] = round(time.monotonic() - began, 3)
    return seconds


def main() -> None:
    """Time the rounds, and print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--source", required=True, help="URL of the source, as its owner; it gains rows"
    )
    parser.add_argument(
        "--admin", required=True, help="URL of a superuser of the target"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--day", type=int, default=30_000, help="new rows of a day")
    arguments = parser.parse_args()
    target = Target(arguments.admin)
    figures: dict[str, list[float]] = {"replication": [], "build": []}
    with tempfile.TemporaryDirectory() as folder:
        url = target.fresh()
        nights = Nights(arguments.source, url, Path(folder))
        for _ in range(arguments.rounds):
            figures["replication"].append(nights.replicate())
            figures["build"].append(nights.build())
        nights.replicate(BACKUP_MODE=APPEND)
        figures["first load"] = [nights.load()]
        figures["first build that will follow"] = [nights.build()]
        figures["build without a change"] = [nights.build()]
        with psycopg.connect(arguments.source, autocommit=True) as session:
            session.execute(SEQUENCES)
            session.execute(A_DAY.format(rows=arguments.day))
        figures["load of a day"] = [nights.load()]
        figures["build after a day"] = [nights.build()]
        queries = time_queries(url)
    medians = {name: round(statistics.median(v), 2) for name, v in figures.items()}
    ratio = round(medians["build"] / medians["replication"], 3)
    print(
        json.dumps(
            {"medians": medians, "build/replication": ratio, "queries": queries},
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
