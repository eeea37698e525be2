"""The target as a command, and messages for it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.processes import prepared

Messages = list[dict[str, Any]]
SCHEMA = "raw_test"


class Loader:
    """The target, fed with messages."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.states: list[Any] = []
        self.output = ""

    def start(self, **settings: Any) -> subprocess.Popen[str]:
        config = self.lab.folder / "target.json"
        config.write_text(json.dumps({"default_target_schema": SCHEMA, **settings}))
        command = [sys.executable, "-m", "entrepot_target_postgres"]
        return prepared.Popen(
            [*command, "--config", str(config)],
            env=self.lab.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, messages: Messages, **settings: Any) -> int:
        process = self.start(**settings)
        lines = "".join(f"{json.dumps(each)}\n" for each in messages)
        out, self.output = process.communicate(lines, timeout=60)
        self.states = [json.loads(line) for line in out.splitlines()]
        assert "Traceback" not in self.output, self.output
        return process.returncode

    def load(self, messages: Messages, **settings: Any) -> None:
        assert self.run(messages, **settings) == 0, self.output

    def refuse(self, messages: Messages, *words: str, **settings: Any) -> None:
        assert self.run(messages, **settings) == 1, self.output
        for word in words:
            assert word in self.output, self.output

    def ask(self, query: str, user: str = "entrepot") -> list[tuple[Any, ...]]:
        with self.lab.warehouse(user) as warehouse:
            return warehouse.execute(query).fetchall()


def schema(stream: str, keys: list[str], **properties: Any) -> dict[str, Any]:
    """A SCHEMA message; a property may be given by its PostgreSQL type alone."""
    described = {
        name: {"x-postgres-type": each} if isinstance(each, str) else each
        for name, each in properties.items()
        if not name.startswith("x_")
    }
    more = {
        name.replace("_", "-"): value
        for name, value in properties.items()
        if name.startswith("x_")
    }
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": described, **more},
        "key_properties": keys,
    }


def record(stream: str, **values: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": values, "version": 1}


def activate(stream: str) -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": 1}


def state(**value: Any) -> dict[str, Any]:
    return {"type": "STATE", "value": value}


def row(file: str, value: Any) -> dict[str, Any]:
    return record("files", file=file, value=value)
