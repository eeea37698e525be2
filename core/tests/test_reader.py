"""Who reads a tap: COPY files for our target, records for any other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from entrepot_core.singer import reader

COPIES = {"encoding": {"format": "pgcopy"}, "storage": {"root": "file:///spool"}}
MELTANO = "python /x/.venv/bin/meltano run tap-postgres TARGET"
TAP = "python /x/bin/entrepot-tap-postgres --config c"
OURS = "python /x/bin/entrepot-target-postgres --config c"
STOCK = "python /x/bin/target-jsonl --config c"
MAPPER = "python /x/bin/entrepot-map-transform --config c"


def _process(folder: Path, pid: int, parent: int, command: str) -> None:
    (folder / str(pid)).mkdir()
    (folder / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} 1 1")
    (folder / str(pid) / "cmdline").write_text(command.replace(" ", "\0") + "\0")


@pytest.mark.parametrize(
    ("parent", "beside", "copies"),
    [
        (MELTANO, [OURS], True),
        (MELTANO, [STOCK], False),
        (MELTANO, [MAPPER, OURS], False),
        (MELTANO, [MELTANO, OURS], True),  # a child that is not itself yet
        ("python -m meltano el tap target", [STOCK], False),
        ("/x/.venv/bin/meltano invoke tap-postgres", [], True),
        ("bash", [STOCK], True),  # a pipe by hand: the configuration says what is sent
        ("", [], True),  # a system that shows no processes
    ],
)
def test_copy_files_are_for_our_target(
    tmp_path: Path, parent: str, beside: list[str], copies: bool
) -> None:
    me = os.getppid()
    if parent:
        _process(tmp_path, me, 1, parent)
    _process(tmp_path, os.getpid(), me, TAP)
    for place, command in enumerate(beside):
        _process(tmp_path, 900_000_000 + place, me, command)
    _process(tmp_path, 800_000_000, me + 1, STOCK)  # of somebody else
    config = reader.suited({"batch_config": COPIES, "jobs": 2}, tmp_path)
    assert ("batch_config" in config) == copies
    assert config["jobs"] == 2


@pytest.mark.parametrize("batch", [None, "x", {}, {"encoding": {"format": "jsonl"}}])
def test_what_asks_for_no_copy_files_stays(tmp_path: Path, batch: object) -> None:
    assert reader.suited({"batch_config": batch}, tmp_path) == {"batch_config": batch}
