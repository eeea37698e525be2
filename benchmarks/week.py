"""A week of whole nights on data that changes, with what goes wrong in a week.

    .venv/bin/python benchmarks/week.py [--folder FOLDER] [--away SECONDS]

Real servers, Meltano, taps, target and dbt; `ops nightly` as cron calls it. After each night its
exit status, its report and what was notified must say exactly what happened; on the last morning
the warehouse must be equal to the source. The first wrong finding ends the week with exit status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
import time
from pathlib import Path

import psycopg

from entrepot_lab.meltano.nights import Received, webhooks
from entrepot_lab.meltano.real_nights import Night
from entrepot_lab.sources import lcms

_NOBODY = "http://127.0.0.1:9/x"
_INTO_IT = 1.5  # seconds after a step has begun, the shortest of which takes three
_PATIENCE = 300.0  # seconds, on a busy machine
_TABLES = (
    "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"
)
_SUM = "SELECT count(*), sum(hashtext(t::text)::bigint) FROM {}.{} AS t"
_ATTEMPTS = (
    "SELECT status FROM entrepot_ops.night_steps WHERE step = %s AND night_id ="
    " (SELECT max(night_id) FROM entrepot_ops.nights) ORDER BY attempt"
)
_TWICE = """
ALTER TABLE tags DROP CONSTRAINT tags_pkey CASCADE;
INSERT INTO tags SELECT id, name || ' again' FROM tags ORDER BY id LIMIT 1
"""
_ONCE = """
DELETE FROM tags WHERE name LIKE '% again';
ALTER TABLE tags ADD PRIMARY KEY (id);
ALTER TABLE "organization-tags" ADD FOREIGN KEY ("tagId") REFERENCES tags
"""


class Wrong(Exception):
    """Something is not as it should be."""


class Week(Night):
    """The demo's servers and their nights."""

    def __init__(
        self, folder: Path, receiver: str, received: list[Received], away: float
    ) -> None:
        """Start the servers.

        Args:
            folder: For all of it.
            receiver: A webhook.
            received: What it receives.
            away: Seconds for which the source is, after an attempt has failed for it.
        """
        super().__init__(folder)
        self.receiver = receiver
        self.away = away
        self._received = received
        self.env |= {
            "DOMAINS": "pix,lcms",
            "NOTIFICATIONS": json.dumps([{"url": receiver}]),
            "NOTIFICATION_TIMEOUT": "0.5",
            "MAX_RETRY_COUNT": "6",
            "EXPONENTIAL_RETRY_DELAY": "500",
            "CONNECT_BUDGET": "2",
            "SCHEDULE": "0 2 29 2 *",  # no night is due while a week lasts minutes
        }

    def night(self, expected: int, *options: str, **variables: str) -> None:
        """Let a night come.

        Args:
            expected: Its exit status.
            options: Of `ops nightly`.
            variables: Beside those of the week.
        """
        began = time.monotonic()
        status, output = self.meltano("invoke", "ops", "nightly", *options, **variables)
        print(f"  exit status {status} after {time.monotonic() - began:.0f} s")
        expect(status == expected, f"it is not {expected}:\n{output}")

    def reports(self, outcome: str, *words: str) -> None:
        """Look at what was told of the last night, and at its report.

        Args:
            outcome: What the webhook must have been told, once.
            words: What the report must say in this order, the first ones at once.
        """
        told = [one.body["outcome"] for one in self._received]
        self._received.clear()
        expect(told == [outcome], f"{told} was told, and not {outcome}")
        text = self.text()
        print("  " + "\n  ".join(text.split("\n\nSlowest items")[0].splitlines()))
        rest = text
        for word in words:
            _, found, rest = rest.partition(word)
            expect(found == word, f"no {word!r} in its place:\n{text}")

    def text(self) -> str:
        """Give the report of the last night, as text."""
        status, text = self.meltano("invoke", "ops", "report", "--format", "text")
        expect(status == 0, f"no report:\n{text}")
        return text

    def attempts(self, step: str) -> list[str]:
        """Give the status of each attempt at a step in the last night.

        Args:
            step: Its name.

        Returns:
            Such as `failed`, the first attempt first.
        """
        rows = self._rows(self.env["TARGET_DATABASE_URL"], _ATTEMPTS, [step])
        return [status for (status,) in rows]

    def wait_for(self, step: str, status: str) -> None:
        """Wait until the first attempt at a step has a status.

        Args:
            step: Its name.
            status: In the record of the newest night.
        """
        deadline = time.monotonic() + _PATIENCE
        while self.attempts(step)[:1] != [status]:
            expect(time.monotonic() < deadline, f"{step} was never {status}")
            time.sleep(0.1)

    def change(self, statement: str) -> None:
        """Change the source.

        Args:
            statement: SQL.
        """
        with psycopg.connect(self.env["SOURCE_DATABASE_URL"]) as connection:
            connection.execute(statement)

    def differences(self) -> list[str]:
        """Name the tables whose rows are not those of the source."""
        here, there = self.env["TARGET_DATABASE_URL"], self.env["SOURCE_DATABASE_URL"]
        return [
            table
            for (table,) in self._rows(there, _TABLES)
            if self._rows(here, _SUM.format("pix", table))
            != self._rows(there, _SUM.format("public", table))
        ]

    def _rows(self, url: str, query: str, values: list[str] | None = None) -> list:
        """Ask in UTC, so that both sides write times alike."""
        with psycopg.connect(url, options="-c TimeZone=UTC") as connection:
            return connection.execute(query, values).fetchall()


def expect(holds: bool, otherwise: str) -> None:
    """End the week at the first thing that is not as it should be.

    Args:
        holds: Whether it is.
        otherwise: What it is instead.

    Raises:
        Wrong: If it is not.
    """
    if not holds:
        raise Wrong(otherwise)


def monday(week: Week) -> None:
    """All is well."""
    week.night(0)
    week.reports("success", "Night 1: SUCCEEDED", "every step succeeded")


def tuesday(week: Week) -> None:
    """The source is away for longer than an attempt waits."""
    week.demo.source.stop("immediate")
    # The pauses between six attempts are 1, 3, 7, 15 and 31 times this: longer by a seventh.
    delay = max(500, 20 * week.away)
    process = week.start(
        "invoke", "ops", "nightly", EXPONENTIAL_RETRY_DELAY=f"{delay:.0f}"
    )
    week.wait_for("full-replication", "failed")
    time.sleep(week.away)
    week.demo.source.start()
    if process.wait() != 0:
        raise Wrong(f"exit status {process.returncode}:\n{week.text()}")
    week.reports(
        "success",
        "Night 2: SUCCEEDED",
        "every step succeeded, full-replication at attempt",
        "cannot connect to the source",
    )


def wednesday(week: Week) -> None:
    """The LCMS answers 500."""
    with lcms.Lcms() as broken:
        broken.faults = [lcms.status(500) for _ in range(1000)]
        week.night(1, MAX_RETRY_COUNT="2", **broken.variables())
    expect(week.attempts("dbt:build") == ["succeeded"], "the others did not go on")
    skills = week.ask(
        "SELECT count(*) FROM raw_lcms.skills", week.env["TARGET_DATABASE_URL"]
    )
    expect(skills > 0, "the old content is gone")
    week.reports(
        "failure", "Night 3: FAILED", "learning-content-replication failed", "500"
    )


def thursday(week: Week) -> None:
    """A key is doubled at the source, so that a test of dbt fails."""
    week.change(_TWICE)
    week.night(4, "--fresh")
    week.change(_ONCE)
    published = week.attempts("pg-replica:publish-external")
    expect(published == ["skipped"], f"partners were given it: {published}")
    week.reports(
        "failure",
        "Night 4: FAILED",
        "dbt:build failed:",
        "stg_pix__tags_tag_id",
        "FAILED test",
    )


def friday(week: Week) -> None:
    """One of two receivers is down."""
    both = json.dumps([{"url": _NOBODY}, {"url": week.receiver}])
    week.night(4, "--fresh", NOTIFICATIONS=both)
    week.reports("recovery", "Night 5: SUCCEEDED", "NOT TOLD", "127.0.0.1:9")


def saturday(week: Week) -> None:
    """The machine is killed twice, and the night continued in the morning."""
    for step in ("incremental-replication", "dbt:build"):
        process = week.start("invoke", "ops", "nightly")
        week.wait_for(step, "running")
        time.sleep(_INTO_IT)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        week.restart()
    week.night(0)
    expect(week.attempts("full-replication") == ["succeeded"], "it was done again")
    for step in ("incremental-replication", "dbt:build"):
        attempts = week.attempts(step)
        expect(attempts == ["interrupted", "succeeded"], f"{step}: {attempts}")
    week.reports("recovery", "Night 6: SUCCEEDED", "interrupted", "interrupted")


def sunday(week: Week) -> None:
    """All is well again."""
    week.night(0)
    # A server that was killed may leave out some numbers.
    week.reports("success", "SUCCEEDED", "every step succeeded")


def main() -> None:
    """Live through a week."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="kept; else one that is removed")
    parser.add_argument(
        "--away",
        type=float,
        default=0,
        metavar="SECONDS",
        help="for which the source is away, after an attempt has failed for it",
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, webhooks() as (url, received):
        folder = (given.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        week = Week(folder, f"{url}/ok", received, given.away)
        try:
            for day in (monday, tuesday, wednesday, thursday, friday, saturday, sunday):
                print(f"{day.__name__.capitalize()}: {day.__doc__}")
                week.a_day_passes()
                day(week)
            expect(not week.differences(), f"differing: {week.differences()}")
        except Wrong as finding:
            raise SystemExit(f"wrong: {finding}") from None
        finally:
            week.demo.down()
    print(
        "The warehouse is equal to the source, and everybody knows what had happened."
    )


if __name__ == "__main__":
    main()
