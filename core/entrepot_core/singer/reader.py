"""Who reads a tap: COPY files are given to our target alone, records to any other.

Meltano tells a tap nothing of the target that it starts beside it, and pipes both through itself.
So the tap looks at Meltano's other children, as Linux shows them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entrepot_core.base.logs import event
from entrepot_core.singer.batch import FORMAT
from entrepot_core.singer.plugin import NO_SYNC

_OURS = (b"entrepot-target-postgres", b"entrepot_target_postgres")
# Commands that start a target; `meltano invoke` starts a tap alone.
_PIPES = (b"run", b"el", b"elt")
_PATIENCE = 60.0  # seconds that Meltano may take from the tap to the target
_POLL = 0.05
_PROCESSES = Path("/proc")


def suited(config: dict[str, Any], processes: Path = _PROCESSES) -> dict[str, Any]:
    """Leave COPY files out of a tap's configuration where somebody else's target reads it.

    Args:
        config: The configuration.
        processes: Where the system shows them.

    Returns:
        The same, perhaps without `batch_config`: rows then come as records.
    """
    batch = config.get("batch_config")
    encoding = batch.get("encoding") if isinstance(batch, dict) else None
    if not isinstance(encoding, dict) or encoding.get("format") != FORMAT:
        return config
    if _reads_copies(processes):
        return config
    event("the target is not Entrepôt's: rows go to it as records, not as COPY files")
    return {name: value for name, value in config.items() if name != "batch_config"}


def _reads_copies(processes: Path) -> bool:
    """Say whether our target reads us, or nobody whom Meltano has started."""
    if not NO_SYNC.isdisjoint(sys.argv):
        return True
    parent = os.getppid()
    meltano = _command(processes / str(parent))
    if not any(b"meltano" in word for word in meltano[:3]):
        return True
    if not set(_PIPES).intersection(meltano):
        return True
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        readers = [
            command
            for command in _children(processes, parent)
            # Between fork and exec a child still shows its parent's words.
            if command and command != meltano
        ]
        if readers:
            return all(_is_ours(command) for command in readers)
        time.sleep(_POLL)
    return True


def _is_ours(command: list[bytes]) -> bool:
    return any(name in word for word in command[:3] for name in _OURS)


def _children(processes: Path, parent: int) -> Iterator[list[bytes]]:
    """Give the command lines of a process's children, but ours."""
    for entry in processes.iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            status = (entry / "stat").read_bytes()
        except OSError:  # it has just ended
            continue
        # The name in parentheses may hold anything; then come state and parent.
        fields = status.rpartition(b")")[2].split()
        if len(fields) > 1 and int(fields[1]) == parent:
            yield _command(entry)


def _command(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:  # another system, or it has just ended
        return []
