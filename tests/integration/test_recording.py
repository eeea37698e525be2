"""The night goes on, and is recorded, whatever dbt, Meltano or a verb prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from entrepot_lab.meltano.nights import STEPS, Project


def write_results(project: Project, content: bytes, status: int) -> None:
    (project.root / "steps" / "results.json").write_bytes(content)
    project.behave(
        "invoke dbt:build",
        "mkdir -p .entrepot/dbt/target\n"
        "cp steps/results.json .entrepot/dbt/target/run_results.json\n"
        f"exit {status}\n",
    )


def test_a_failed_model_and_skipped_ones_are_recorded(project: Project) -> None:
    project.dbt_says(
        ("model.entrepot.a", "error", "column x is not there"),
        ("model.entrepot.b", "skipped", ""),
        ("model.entrepot.c", "success", "SELECT 3"),
    )
    status, output = project.ops("nightly")
    assert status == 4, output
    assert project.calls() == list(STEPS[:4] + STEPS[5:]), "all that need no dbt"
    assert project.rows(
        "SELECT node, status, seconds FROM entrepot_ops.dbt_results ORDER BY node"
    ) == [
        ("model.entrepot.a", "error", 0.1),
        ("model.entrepot.b", "skipped", 0.0),
        ("model.entrepot.c", "success", 0.1),
    ]
    assert project.last_steps()["dbt:build"] == ("failed", 1)
    assert project.last_night()[1] == "failed"


STRANGE = [
    {
        "unique_id": "model.e.nul\0\ud800",
        "status": "error",
        "execution_time": float("nan"),
        "failures": 10**30,
        "message": "a\0b \ud800 \x1b[31m",
        "adapter_response": {"rows_affected": 2**70},
    },
    {"unique_id": "test.e.no_more_keys"},
    {"unique_id": None, "status": 1},
    {
        "unique_id": "model.e.texts",
        "status": ["x"],
        "execution_time": "0.1",
        "failures": 1.5,
        "message": {"a": 1},
        "adapter_response": "SELECT 3",
    },
    "no object at all",
    None,
]


@pytest.mark.parametrize("build", [0, 1])
def test_results_of_any_shape_are_recorded(project: Project, build: int) -> None:
    write_results(project, json.dumps({"results": STRANGE}).encode(), build)
    status, output = project.ops("nightly")
    assert status == (4 if build else 0), output
    assert "could not be recorded" not in output
    assert project.rows("SELECT count(*) FROM entrepot_ops.dbt_results") == [(3,)]
    assert "running" not in {s for s, _ in project.last_steps().values()}


@pytest.mark.parametrize("content", [b"", b'{"results": [', b"\xff\x00\xfe", b"[]"])
def test_results_that_cannot_be_read_end_no_night(
    project: Project, content: bytes
) -> None:
    write_results(project, content, 0)
    status, output = project.ops("nightly")
    assert status == 0, output
    assert "dbt's results cannot be read" in output
    assert project.last_night() == (1, "succeeded")


def test_a_step_that_prints_anything_at_all_is_recorded(project: Project) -> None:
    printed = project.root / "printed"
    lines = [
        b"\x00 NUL \xff\xfe \x1b]0;title\x07",
        json.dumps({"event": "x\0\ud800", "exit_codes": [1]}).encode(),
        json.dumps({"event": None, "exit_codes": {"extractors": None}}).encode(),
        json.dumps(
            {
                "event": 'METRIC: {"metric": "record_count", "value": 1e400}',
                "stdio": "stderr",
                "producer": True,
            }
        ).encode(),
        b"[" * 19_000,
        b"\xc3",
    ]
    printed.write_bytes(b"\n".join(lines))
    project.behave("invoke replica:run", f"cat '{printed}'; exit 2")
    status, output = project.ops("nightly", "--verbose")
    assert status == 1, output
    assert project.last_steps()["full-replication"] == ("failed", 1)
    assert project.last_steps()["replica:audit"] == ("succeeded", 1)
    assert "\x1b" not in output and "\0" not in output
    log = next((Path(project.env["WORK_DIR"]) / "logs").glob("nightly.log"))
    assert b"\x1b" not in log.read_bytes()


def test_a_night_goes_on_while_the_record_refuses(project: Project) -> None:
    """The record breaks under the first step: later steps run, and everybody is told."""
    url = project.env["TARGET_DATABASE_URL"]
    project.ops("nightly", "--only", "dbt:build")  # makes the tables
    project.calls()
    table = "ALTER TABLE entrepot_ops.night_steps"
    broken, mended = f"{table} RENAME step TO x", f"{table} RENAME x TO step"
    (project.root / "sql.py").write_text(
        "import sys, psycopg\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as c: c.execute(sys.argv[2])\n"
    )
    (project.root / "url").write_text(url)
    run = f'"{sys.executable}" sql.py "$(cat url)"'
    project.behave("invoke replica:run", f"{run} '{broken}'")
    project.behave("invoke replica:audit", f"{run} '{mended}'")
    status, output = project.ops("nightly", "--fresh")
    assert status == 4, output
    assert project.calls() == list(STEPS)
    assert "the end of full-replication could not be recorded" in output
    steps = project.last_steps()
    assert steps["replica:audit"] == ("succeeded", 1), "noted when that was possible"
    assert steps["full-replication"][0] == "interrupted"
    assert project.last_night()[1] == "succeeded"
