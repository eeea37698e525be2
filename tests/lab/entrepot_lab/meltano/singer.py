"""The tap and the target of the project, piped as Meltano pipes them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg.rows import TupleRow

from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.processes import prepared


@dataclass
class Pipe:
    """Both ends, and the state between two runs.

    Attributes:
        lab: The source and the warehouse.
        settings: Of the tap, beside those that every run needs.
        state: What the target has last confirmed; None before the first run.
        tap_prefix: A command that runs the tap, such as one that limits it.
        relay: A command between both ends, in the place of Meltano; none if empty.
        between: That command's process.
    """

    lab: Lab
    settings: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] | None = None
    tap_prefix: list[str] = field(default_factory=list)
    relay: list[str] = field(default_factory=list)
    between: subprocess.Popen[bytes] | None = None

    @property
    def spool(self) -> Path:
        """Where the COPY files go."""
        return self.lab.folder / "spool"

    def start(
        self, **variables: str
    ) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
        """Start both ends."""
        folder = self.lab.folder
        config, state = folder / "tap.json", folder / "state.json"
        config.write_text(
            json.dumps(
                {
                    "batch_config": {
                        "encoding": {"format": "pgcopy"},
                        "storage": {"root": f"file://{self.spool}"},
                    },
                    "tables_file": self.lab.env["TABLES_FILE"],
                    "network_timeout": 20,
                    **self.settings,
                }
            )
        )
        arguments = ["--config", str(config)]
        if self.state is not None:
            state.write_text(json.dumps(self.state))
            arguments += ["--state", str(state)]
        environment = {**self.lab.env, **variables}
        log = (folder / "log").open("ab")
        command = [sys.executable, "-m", "entrepot_tap_postgres", *arguments]
        start = subprocess.Popen if self.tap_prefix else prepared.Popen
        tap: subprocess.Popen[bytes] = start(
            [*self.tap_prefix, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        output = tap.stdout
        assert output is not None
        if self.relay:
            self.between = subprocess.Popen(
                self.relay, stdin=output, stdout=subprocess.PIPE
            )
            output.close()
            output = self.between.stdout
            assert output is not None
        target: subprocess.Popen[bytes] = prepared.Popen(
            [sys.executable, "-m", "entrepot_target_postgres"],
            env=environment,
            stdin=output,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        output.close()
        log.close()
        return tap, target

    def finish(
        self, tap: subprocess.Popen[bytes], target: subprocess.Popen[bytes]
    ) -> tuple[int, int]:
        """Wait for both ends, and keep the last state.

        Returns:
            The exit status of the tap, and of the target.
        """
        output, _ = target.communicate(timeout=120)
        if lines := output.decode().splitlines():
            self.state = json.loads(lines[-1])
        return tap.wait(timeout=60), target.returncode

    def run(self, **variables: str) -> tuple[int, int]:
        """Run both ends."""
        return self.finish(*self.start(**variables))

    def load(self, **variables: str) -> None:
        """Run a load that must succeed."""
        assert self.run(**variables) == (0, 0), self.log

    @property
    def log(self) -> str:
        """All that both ends have said."""
        return (self.lab.folder / "log").read_text()

    def content(self, schema: str, table: str) -> tuple[TupleRow, TupleRow]:
        """Count and hash a table's rows, on the source and in the warehouse."""
        with self.lab.source() as source, self.lab.warehouse() as warehouse:
            there = self.lab.content(source, schema)[table]
            return there, self.lab.content(warehouse, "pix_incremental")[table]

    def assert_same(self, table: str, schema: str = "public") -> None:
        """Check that the warehouse holds what the source holds."""
        there, here = self.content(schema, table)
        assert here == there
