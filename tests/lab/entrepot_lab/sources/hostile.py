"""Taps run against a server of this machine that means no good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entrepot_lab.faults.pages import Reply

FLAT = 300  # megabytes: what a tap takes with nothing to read, and some more
# Runs a command, and says last what memory it took at most, in kilobytes.
_MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


@dataclass
class Outcome:
    """What a tap did.

    Attributes:
        status: Its exit status.
        records: The records that it sent.
        said: What it logged.
        peak: Memory that it took, in megabytes.
    """

    status: int
    records: list[dict[str, Any]]
    said: str
    peak: int

    def assert_refused(self, *words: str) -> None:
        """Check that it ended with a sentence, sent nothing, and took no memory."""
        assert self.status != 0
        for each in words:
            assert each in self.said
        assert "Traceback" not in self.said
        assert not self.records
        assert self.peak < FLAT, self.said[-500:]


def run(name: str, folder: Path, config: dict[str, Any], **variables: str) -> Outcome:
    """Run a tap alone."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    command = [sys.executable, "-m", f"entrepot_tap_{name}", "--config", str(path)]
    kept = ("PATH", "HOME", "LANG")
    environment = {each: os.environ[each] for each in kept if each in os.environ}
    environment |= {"DOMAINS": "lcms,barometre,ecospheres,cpf", **variables}
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *command],
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    records = [each["record"] for each in messages if each["type"] == "RECORD"]
    said, _, peak = done.stderr.decode().rstrip().rpartition("\n")
    return Outcome(done.returncode, records, said, int(peak) // 1024)


def moved(url: str) -> list[Reply]:
    return [Reply(status=302, headers={"Location": url})]


# -- CSV files


def files(
    folder: Path, path: str, entry: dict[str, Any] | None = None, **more: Any
) -> Outcome:
    entries = [{"entity": "rows", "path": path, **(entry or {})}]
    return run("csv", folder, {"files": entries, "replaces_files": False, **more})


PATH = "/databases/airtable"
