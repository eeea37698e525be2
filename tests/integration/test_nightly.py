"""What `ops nightly` promises, on steps that are tiny commands."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from entrepot_lab.meltano.nights import STEPS, Project
from entrepot_lab.postgres.warehouse import AN_HOUR_AHEAD


def test_a_night_is_recorded_and_the_next_one_is_another(project: Project) -> None:
    for night in (1, 2):
        status, output = project.ops("nightly")
        assert status == 0, output
        assert project.calls() == list(STEPS)
        assert project.last_night() == (night, "succeeded")
        assert set(project.last_steps().values()) == {("succeeded", 1)}


def test_a_failing_step_is_tried_again_until_it_succeeds(project: Project) -> None:
    """F15: the server refuses connections for a while."""
    project.fail_first("run tap-db target-db", 2, text="too many clients already")
    status, output = project.ops("nightly")
    assert status == 0, output
    assert project.last_steps()["incremental-replication"] == ("succeeded", 3)
    assert project.calls().count("run tap-db target-db") == 3


def test_a_source_that_stays_away_stops_no_other(project: Project) -> None:
    project.behave("invoke replica:run", "echo 'error: the source is away'; exit 1")
    status, output = project.ops("nightly")
    assert status == 1, output
    calls = project.calls()
    assert calls.count("invoke replica:run") == 3
    assert "run tap-lcms target-db" in calls
    # Models of what is stale keep the last night: none mixes two.
    assert "invoke dbt:build --exclude source:pix+" in calls
    steps = project.last_steps()
    assert steps["dbt:build"] == ("partial", 1)
    assert steps["replica:drop-previous"] == ("skipped", 1)
    assert steps["replica:audit"] == ("succeeded", 1)
    assert "the source is away" in output


def test_reference_data_that_stays_away_leaves_models_as_they_are_wanted(
    project: Project,
) -> None:
    project.behave("run tap-lcms target-db", "exit 1")
    status, output = project.ops("nightly")
    assert status == 1, output
    assert "invoke dbt:build" in project.calls()
    assert project.last_steps()["dbt:build"] == ("succeeded", 1)


def test_nothing_more_is_done_after_a_failure_if_so_asked(project: Project) -> None:
    project.behave("invoke replica:run", "exit 2")
    status, output = project.ops("nightly", "--stop-on-failure")
    assert status == 1, output
    assert project.calls() == ["invoke replica:run"]
    assert project.last_night()[1] == "failed"


@pytest.mark.parametrize(
    ("script", "attempts"),
    [
        ("exit 2", 1),
        ("exit 3", 3),
        ("kill -9 $$", 3),
        ("echo 'password authentication failed for user'; exit 1", 1),
        ("""echo '{"event": "x", "exit_codes": {"extractors": 2}}'; exit 1""", 1),
        ("echo 'server closed the connection'; exit 1", 3),
    ],
)
def test_only_what_a_retry_can_mend_is_tried_again(
    project: Project, script: str, attempts: int
) -> None:
    project.behave("invoke replica:run", script)
    project.ops("nightly", "--only", "full-replication")
    assert project.calls().count("invoke replica:run") == attempts


def test_a_failing_test_is_not_tried_again_but_a_lock_is(project: Project) -> None:
    test = "test.entrepot.not_null_users_id.abc"
    project.dbt_says(
        (test, "fail", "Got 3 results"), ("model.entrepot.a", "success", "")
    )
    status, output = project.ops("nightly")
    assert status == 4, output
    assert project.last_steps()["dbt:build"] == ("failed", 1)
    assert "not_null_users_id: Got 3 results" in output
    assert project.rows(
        "SELECT status FROM entrepot_ops.dbt_results WHERE kind = 'test'"
    ) == [("fail",)]
    project.dbt_says(
        ("model.entrepot.a", "error", "canceling statement due to lock timeout")
    )
    project.ops("nightly", "--only", "dbt:build")
    assert project.last_steps()["dbt:build"] == ("failed", 4)


def test_differences_end_with_4_and_are_no_failure(project: Project) -> None:
    project.behave("invoke replica:audit", "echo 'error: 3 rows differed'; exit 4")
    status, output = project.ops("nightly")
    assert status == 4, output
    assert project.last_night() == (1, "differs")
    assert project.ops("nightly")[0] == 4
    assert project.last_night()[0] == 2, "the night before was complete"


def test_killed_at_each_step_it_continues_where_it_was(project: Project) -> None:
    """F01, F06, F17: nothing that had succeeded is done again, nobody waits for a dead run."""
    beat = project.root / "beat"
    for place, step in enumerate(STEPS):
        project.behave(step, "while :; do date +%s%N >beat; sleep 0.05; done")
        beat.unlink(missing_ok=True)
        process = project.start("nightly")
        project.wait_until(beat.exists)
        project.kill(process)
        # The step in which it was killed before, then the one in which it is killed now.
        assert project.calls() == list(STEPS[max(0, place - 1) : place + 1])
        project.wait_until(lambda: _stands_still(beat))
        project.behave(step, "")
    status, output = project.ops("nightly")
    assert status == 0, output
    assert project.calls() == [STEPS[-1]]
    assert project.last_night() == (1, "succeeded")
    starts = project.rows(
        "SELECT status FROM entrepot_ops.night_starts ORDER BY started_at"
    )
    assert [status for (status,) in starts] == [*["interrupted"] * 6, "succeeded"]


def _stands_still(file: Path) -> bool:
    before = file.read_text()
    time.sleep(0.3)
    return before == file.read_text()


def test_sigterm_ends_the_children_and_is_no_failure(project: Project) -> None:
    """F05."""
    project.behave("run tap-db target-db", "sh -c 'echo $$ >child; sleep 300' & wait")
    process = project.start("nightly")
    child_file = project.root / "child"
    project.wait_until(lambda: child_file.exists() and child_file.read_text().strip())
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == 143, output
    child = int(child_file.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert project.last_night() == (1, "cancelled")
    assert project.last_steps()["incremental-replication"] == ("cancelled", 1)
    project.behave("run tap-db target-db", "")
    project.calls()
    assert project.ops("nightly")[0] == 0
    assert project.calls() == list(STEPS[1:])
    assert project.last_night() == (1, "succeeded")


def test_the_budget_ends_what_runs_and_leaves_out_the_rest(project: Project) -> None:
    project.behave("invoke replica:run", "echo begun; sleep 300")
    status, output = project.ops("nightly", "--budget", "2s")
    assert status == 1, output
    assert project.calls() == ["invoke replica:run"]
    assert project.last_steps()["full-replication"] == ("failed", 1)
    assert {s for s, _ in project.last_steps().values()} == {"failed", "skipped"}
    assert "the night's time (2s) is over" in output


def test_two_machines_started_together(project: Project, tmp_path: Path) -> None:
    """F16: one runs, the other says who does."""
    other = Project(tmp_path / "other", dict(project.env)).create()
    project.behave("invoke replica:run", "while [ ! -f go ]; do sleep 0.05; done")
    first = project.start("nightly")
    project.wait_for_call("replica:run")
    state = json.loads(other.ops("status", "--json")[1])
    assert state["is_running"] is True
    assert state["nights"][0]["step"] == "full-replication"
    status, output = other.ops("nightly")
    assert status == 3, output
    assert f"process {first.pid}" in output
    assert "in step full-replication" in output
    assert other.calls() == []
    (project.root / "go").touch()
    assert first.communicate() and first.returncode == 0
    assert other.ops("nightly")[0] == 0


def test_a_changed_input_is_done_again(project: Project) -> None:
    project.behave("invoke replica:audit", "exit 2")
    (project.root / "transform" / "a.sql").write_text("select 1")
    assert project.ops("nightly")[0] == 4
    project.calls()
    project.behave("invoke replica:audit", "")
    (project.root / "transform" / "a.sql").write_text("select 2")
    assert project.ops("nightly")[0] == 0
    assert project.calls() == [
        "invoke dbt:build",
        "invoke replica:drop-previous",
        "invoke replica:audit",
    ]


def test_a_source_that_comes_back_has_its_models_built_again(project: Project) -> None:
    project.behave("run tap-db target-db", "exit 2")
    assert project.ops("nightly")[0] == 1
    project.calls()
    project.behave("run tap-db target-db", "")
    assert project.ops("nightly")[0] == 0
    assert project.calls() == [STEPS[1], *STEPS[3:]]
    assert set(dict(project.last_steps().values())) == {"succeeded"}


@pytest.mark.parametrize("age", ["7 days", "25 hours"])
def test_an_old_night_is_not_continued(project: Project, age: str) -> None:
    """F55."""
    project.behave("invoke dbt:build", "exit 2")
    project.ops("nightly")
    project.rows(
        f"UPDATE entrepot_ops.nights SET started_at = now() - interval '{age}'"
    )
    project.behave("invoke dbt:build", "")
    project.calls()
    assert project.ops("nightly", SCHEDULE="0 2 * * *")[0] == 0
    assert project.calls() == list(STEPS)
    assert project.last_night()[0] == 2


def test_a_clock_set_back_confuses_nothing(project: Project) -> None:
    """F55: the night seems to begin in an hour."""
    project.behave("invoke dbt:build", "exit 2")
    project.ops("nightly")
    project.rows(AN_HOUR_AHEAD)
    project.behave("invoke dbt:build", "")
    project.calls()
    assert project.ops("nightly")[0] == 0
    assert project.calls() == list(STEPS[3:5])
    assert project.ops("report", "--format", "text")[0] == 0


def test_a_night_of_next_year_is_not_continued_until_then(project: Project) -> None:
    """F55: a clock that was wrong for a while would keep its sources from being read again."""
    project.behave("invoke dbt:build", "exit 2")
    project.ops("nightly")
    project.rows("UPDATE entrepot_ops.nights SET started_at = now() + interval '1 y'")
    project.calls()
    project.ops("nightly")
    assert project.calls()[:4] == list(STEPS[:4])


def test_parts_of_a_night(project: Project) -> None:
    assert project.ops("nightly", "--from", "transform")[0] == 0
    assert project.calls() == list(STEPS[3:])
    assert project.ops("nightly", "--only", "transform")[0] == 0
    assert project.calls() == list(STEPS[3:5])
    project.behave("invoke replica:audit", 'test "$ACCEPT_SHRINK" = true || exit 2')
    only = ("nightly", "--only", "replica:audit")
    assert project.ops(*only, "--accept-shrink")[0] == 0
    assert project.ops(*only)[0] == 4
    assert project.calls() == [STEPS[5], STEPS[5]]
    status, output = project.ops("nightly", "--from", "transfrom")
    assert status == 2
    assert "Did you mean 'transform'" in output
    assert project.ops("nightly", "--dry-run")[0] == 0
    assert project.calls() == []


def test_a_part_of_an_unfinished_night_does_not_finish_it(project: Project) -> None:
    project.behave("invoke replica:run", "exit 2")
    project.behave("invoke dbt:build", "exit 2")
    assert project.ops("nightly")[0] == 1
    project.behave("invoke dbt:build", "")
    status, output = project.ops("nightly", "--only", "dbt:build")
    assert status == 1, output
    assert "full-replication is still to be done" in output
    project.behave("invoke replica:run", "")
    project.calls()
    assert project.ops("nightly")[0] == 0
    assert project.calls() == [STEPS[0], *STEPS[3:5]]
    assert project.last_night() == (1, "succeeded")
    pages = Path(project.env["WORK_DIR"], "reports").glob("night-*.html")
    assert [page.name for page in pages] == ["night-1.html"]


def test_the_lock_is_taken_again_after_its_session_was_lost(project: Project) -> None:
    project.behave("invoke replica:run", "while [ ! -f go ]; do sleep 0.05; done")
    process = project.start("nightly")
    project.wait_for_call("replica:run")
    project.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE '%lock of the night' OR application_name LIKE '%ops record'"
    )
    (project.root / "go").touch()
    output = process.communicate()[0]
    assert process.returncode == 0, output
