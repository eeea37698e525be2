"""The tap of the LCMS as a command, against a server of this machine."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from entrepot_lab.processes import prepared
from entrepot_lab.sources import lcms
from entrepot_lab.sources.lcms import KEY, Lcms
from entrepot_tap_lcms import payload
from entrepot_tap_lcms.client import Answer
from entrepot_tap_lcms.content import CONTENTS
from entrepot_tap_lcms.reading import Reading

STREAMS = {content.name for content in CONTENTS}
QUICK = {"retry_wait": 0.01, "deadline": 20, "tries": 3}
Messages = list[dict[str, Any]]


class Runner:
    """The tap as a command, and the server."""

    def __init__(self, server: Lcms, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.output = ""
        self.lines: list[str] = []

    def env(self, **variables: str) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "DOMAINS": "pix,lcms"}
        folder = str(self.folder)
        given = self.server.variables()
        return {**own, "HOME": folder, "TMPDIR": folder, **given, **variables}

    def run(self, variables: dict[str, str] | None = None, **settings: Any) -> int:
        config = self.folder / "tap.json"
        config.write_text(json.dumps({**QUICK, **settings}))
        done = prepared.run(
            [sys.executable, "-m", "entrepot_tap_lcms", "--config", str(config)],
            env=self.env(**(variables or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        status, self.output, sent = done.returncode, done.stderr, done.stdout
        self.lines = sent.splitlines()
        assert "Traceback" not in self.output, self.output
        for text in (sent, self.output):
            for spelling in (KEY, base64.b64encode(KEY.encode()).decode()):
                assert spelling not in text
        assert [each for each in self.folder.iterdir() if each.is_dir()] == []
        return status

    def messages(self, **settings: Any) -> Messages:
        assert self.run(**settings) == 0, self.output
        return [json.loads(line) for line in self.lines]

    def refuse(self, *words: str, status: int = 1, **settings: Any) -> None:
        """Run it; nothing may be sent."""
        assert self.run(**settings) == status, self.output
        for word in words:
            assert word in self.output, self.output
        assert self.lines == []

    def record(self, stream: str, **settings: Any) -> dict[str, Any]:
        """Give the only record of a stream."""
        found: dict[str, Any]
        (found,) = (
            m["record"]
            for m in self.messages(**settings)
            if m["type"] == "RECORD" and m["stream"] == stream
        )
        return found


def small(**changed: Any) -> dict[str, list[dict[str, Any]]]:
    """Content of one record by stream, changed: a list for a stream, or its record's fields."""
    given = {name: lcms.content()[name][:1] for name in STREAMS}
    for name, fields in changed.items():
        given[name] = (
            fields if not isinstance(fields, dict) else [{**given[name][0], **fields}]
        )
    return given


def answer(body: bytes) -> Answer:
    return Answer(io.BytesIO(body), "application/json", "GET http://lcms")


def read(given: Any, max_bad_values: int = 0) -> Reading:
    """Read content without a server."""
    reading = Reading(CONTENTS, max_bad_values)
    reading.fill(payload.records(answer(json.dumps(given).encode()), STREAMS))
    return reading
