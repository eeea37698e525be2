from __future__ import annotations

from pathlib import Path

import pytest

from entrepot_core.base.errors import Refused
from entrepot_ops.meltano import plan
from entrepot_ops.meltano.project import Job, Project

TASKS = ("pg-replica:run", "tap-x target", "dbt:build", "pg-replica:drop-previous")


def _project(**said: dict) -> Project:
    steps = {
        name.replace("__", ":").replace("_", "-"): own for name, own in said.items()
    }
    return Project(Path(), {"nightly": Job("nightly", TASKS, {"steps": steps})}, ())


def test_a_step_of_a_domain_that_is_off_is_left_out_with_what_needed_it() -> None:
    project = _project(
        pg_replica__run={"feeds": ["pix"], "domains": ["replica", "pix"]},
        pg_replica__drop_previous={"needs": ["pg-replica:run", "dbt:build"]},
    )
    on = plan.steps_of(project, frozenset({"replica"}))
    assert [step.name for step in on] == list(TASKS)
    off = plan.steps_of(project, frozenset({"barometre"}))
    assert [step.name for step in off] == list(TASKS[1:])
    assert off[-1].needs == ("dbt:build",)


def test_a_tap_and_a_target_do_not_wait_for_a_dead_run_of_theirs() -> None:
    _, pair, *_ = plan.steps_of(_project(), frozenset({"pix"}))
    assert pair.arguments() == ["run", "--force", "tap-x", "target"]


def test_what_a_job_says_of_its_steps_is_checked() -> None:
    with pytest.raises(Refused) as refusal:
        plan.steps_of(
            _project(pg_replica__run={"domains": ["piks"], "fed": []}), frozenset()
        )
    assert any("'piks'" in problem for problem in refusal.value.problems)
    assert any("'fed'" in problem for problem in refusal.value.problems)
