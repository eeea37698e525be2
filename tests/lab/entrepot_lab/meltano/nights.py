"""A Meltano project of tiny steps, for what concerns nights and not what happens in them.

Its `meltano` is a shell script: it notes its arguments, then does what a test has put into the
step's file. Everything else is real: the `ops` command, the warehouse, processes and signals.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from entrepot_lab.background import Answers, Silent
from entrepot_lab.processes import prepared

_PROJECT = """
version: 1
include_paths: [./orchestrate/*.meltano.yml]
"""
_JOBS = """
jobs:
  - {name: full-replication, tasks: ["replica:run"]}
  - {name: incremental-replication, tasks: [tap-db target-db]}
  - {name: learning-content-replication, tasks: [tap-lcms target-db]}
  - {name: transform, tasks: ["dbt:build", "replica:drop-previous"]}
  - name: nightly
    tasks: ["replica:run", tap-db target-db, tap-lcms target-db, "dbt:build",
      "replica:drop-previous", "replica:audit", "ops:notify"]
    annotations:
      entrepot:
        steps:
          full-replication: {feeds: [pix]}
          incremental-replication: {feeds: [pix]}
          "replica:drop-previous": {needs: [full-replication, "dbt:build"]}
          "replica:audit": {needs: [incremental-replication]}
schedules:
  - {name: nightly, interval: "0 2 * * *", job: nightly}
"""
_MELTANO = """#!/bin/sh
given=$(echo "$*" | sed 's/ --force//')
echo "$given" >>calls
step=$(echo "$given" | cut -d' ' -f1-3 | sed 's/--.*//; s/ *$//; s/[^a-z]/_/g')
if [ -f "steps/$step" ]; then . "steps/$step"; fi
"""
STEPS = (
    "invoke replica:run",
    "run tap-db target-db",
    "run tap-lcms target-db",
    "invoke dbt:build",
    "invoke replica:drop-previous",
    "invoke replica:audit",
)
_PATIENCE = 30.0


@dataclass
class Project:
    """The project's folder, and `ops` in it.

    Attributes:
        root: The folder.
        env: The variables of `ops`.
        outputs: What its runs have printed.
    """

    root: Path
    env: dict[str, str]
    outputs: list[str] = field(default_factory=list)

    def create(self) -> Project:
        """Write the files."""
        for folder in ("orchestrate", "steps", ".venv/bin", "transform"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "meltano.yml").write_text(_PROJECT)
        (self.root / "orchestrate" / "jobs.meltano.yml").write_text(_JOBS)
        meltano = self.root / ".venv" / "bin" / "meltano"
        meltano.write_text(_MELTANO)
        meltano.chmod(0o755)
        self.env = {
            "DOMAINS": "pix,lcms",
            "MAX_RETRY_COUNT": "3",
            "EXPONENTIAL_RETRY_DELAY": "1",
            "NOTIFICATION_TIMEOUT": "2",
            "CONNECT_BUDGET": "5",
            "SCHEDULE": "0 2 29 2 *",  # so that no night is due while a test runs
            **self.env,
            "MELTANO_PROJECT_ROOT": str(self.root),
        }
        return self

    def behave(self, step: str, script: str) -> None:
        """Say what a step does from now on.

        Args:
            step: As the step is given to `meltano`, such as `invoke dbt:build`.
            script: Shell; empty for nothing.
        """
        name = re.sub("[^a-z]", "_", step)
        (self.root / "steps" / name).write_text(script)

    def fail_first(
        self, step: str, times: int, status: int = 1, text: str = ""
    ) -> None:
        """Let a step fail some times.

        Args:
            step: Which.
            times: How often.
            status: Its exit status then.
            text: What it prints then.
        """
        counter = re.sub("[^a-z]", "_", step)
        self.behave(
            step,
            f"n=$(cat steps/{counter}.count 2>/dev/null || echo 0)\n"
            f"echo $((n + 1)) >steps/{counter}.count\n"
            f'if [ "$n" -lt {times} ]; then echo "{text}"; exit {status}; fi\n',
        )

    def dbt_says(self, *results: tuple[str, str, str]) -> None:
        """Let dbt's build end with results.

        Args:
            results: Node, status and message of each.
        """
        items: list[dict[str, Any]] = [
            {
                "unique_id": node,
                "status": status,
                "message": message,
                # dbt writes a whole number for what it skipped, a fraction for all else
                "execution_time": 0 if status == "skipped" else 0.1,
                "failures": 3 if status == "fail" else None,
                "adapter_response": {},
            }
            for node, status, message in results
        ]
        (self.root / "steps" / "results.json").write_text(
            json.dumps({"results": items})
        )
        failed = any(status in ("fail", "error") for _, status, _ in results)
        self.behave(
            "invoke dbt:build",
            "mkdir -p .entrepot/dbt/target\n"
            "cp steps/results.json .entrepot/dbt/target/run_results.json\n"
            f"exit {int(failed)}\n",
        )

    def calls(self) -> list[str]:
        """List what `meltano` was given, and forget it."""
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def ops(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run `ops`.

        Args:
            arguments: Its verb and options.
            variables: Beside those of `env`.

        Returns:
            Its exit status and all that it printed.
        """
        process = self.start(*arguments, **variables)
        output = process.communicate(timeout=120)[0]
        self.outputs.append(output)
        return process.returncode, output

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start `ops`.

        Args:
            arguments: Its verb and options.
            variables: Beside those of `env`.

        Returns:
            The process.
        """
        return prepared.Popen(
            [sys.executable, "-m", "entrepot_ops", *arguments],
            cwd=self.root,
            env={"PATH": os.environ["PATH"], **self.env, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_for_call(self, text: str) -> None:
        """Wait until `meltano` was given something.

        Args:
            text: Part of it.
        """
        path = self.root / "calls"
        self.wait_until(lambda: path.exists() and text in path.read_text())

    def wait_until(self, condition: Any) -> None:
        """Wait for something to become true.

        Args:
            condition: Called again and again.
        """
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not come"
            time.sleep(0.02)

    def rows(self, query: str) -> list[TupleRow]:
        """Ask the warehouse.

        Args:
            query: SQL.

        Returns:
            The rows; none for what is no query.
        """
        url = self.env["TARGET_DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def last_steps(self) -> dict[str, tuple[str, int]]:
        """Give the status and number of each step's last attempt in the newest night."""
        rows = self.rows(
            "SELECT DISTINCT ON (step) step, status, attempt FROM entrepot_ops.night_steps"
            " WHERE night_id = (SELECT max(night_id) FROM entrepot_ops.nights)"
            " ORDER BY step, attempt DESC"
        )
        return {step: (status, attempt) for step, status, attempt in rows}

    def last_night(self) -> tuple[int, str]:
        """Give the newest night's number and status."""
        ((night_id, status),) = self.rows(
            "SELECT night_id, status FROM entrepot_ops.nights ORDER BY night_id DESC LIMIT 1"
        )
        return night_id, status

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill `ops` as a power cut would.

        Args:
            process: As `start` gave it.
        """
        process.send_signal(signal.SIGKILL)
        process.communicate()


@dataclass
class Received:
    """A request that a webhook got.

    Attributes:
        path: Of its URL.
        authorization: The header; None when there was none.
        body: What was posted.
    """

    path: str
    authorization: str | None
    body: dict[str, Any]


@contextmanager
def webhooks() -> Iterator[tuple[str, list[Received]]]:
    """Serve webhooks: `/ok…` accepts, `/500` fails, `/loop` redirects to itself, `/big` babbles.

    Yields:
        The server's URL, and what it received.
    """
    received: list[Received] = []

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length) or b"{}"
            is_json = content.startswith(b"{")
            body = json.loads(content) if is_json else {"text": content.decode()}
            received.append(
                Received(self.path, self.headers.get("Authorization"), body)
            )
            if self.path.startswith("/loop"):
                self.send_response(307)
                self.send_header("Location", self.path)
                self.end_headers()
                return
            self.send_response(500 if self.path.startswith("/500") else 200)
            self.end_headers()
            if self.path.startswith("/500"):
                self.wfile.write(b"it has failed")
            if self.path.startswith("/big"):
                try:
                    for _ in range(1000):
                        self.wfile.write(b"x" * 10_000)
                except OSError:
                    return

    with Answers(Handler) as server:
        yield server.url, received


@contextmanager
def sentry() -> Iterator[tuple[str, list[str]]]:
    """Serve what Sentry's clients post to.

    Yields:
        The DSN, and the envelopes received, as text.
    """
    envelopes: list[str] = []

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            envelopes.append(body.decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    with Answers(Handler) as server:
        yield f"http://key@127.0.0.1:{server.port}/1", envelopes
