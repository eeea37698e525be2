"""Nights as cron runs them: Meltano, the plugins' own environments, two servers."""

from __future__ import annotations

import json
import os
import random
import time

import psycopg
import pytest

from entrepot_lab.meltano.real_nights import Night
from entrepot_lab.postgres.readers import Poller

SEED = int(os.environ.get("ENTREPOT_TEST_SEED", "20240229"))
MOMENTS = int(os.environ.get("ENTREPOT_TEST_MOMENTS", "4"))
USERS = "SELECT count(*) FROM pix.users"
DAYS = "SELECT sum(answers)::bigint FROM enrichment.answers_by_day"
pytestmark = pytest.mark.plugins


def test_the_second_night_replaces_the_first(night: Night) -> None:
    before = night.ask(USERS), night.ask(DAYS)
    night.a_day_passes()
    with Poller(night.reader, [USERS, DAYS]) as poller:
        status, output = night.meltano("run", "nightly")
    assert status == 0, output
    after = night.ask(USERS), night.ask(DAYS)
    poller.assert_undisturbed()
    assert poller.values(USERS) == {before[0], after[0]}
    assert poller.values(DAYS) == {before[1], after[1]}
    assert after > before
    assert not night.has_previous(), "it goes once dbt has passed"


def test_a_failed_step_ends_the_night_and_readers_keep_the_last(night: Night) -> None:
    before = night.ask(USERS)
    night.a_day_passes()
    status, output = night.meltano(
        "run", "nightly", BACKUP_MODE=json.dumps({"anwsers": "none"})
    )
    assert status != 0
    assert "answers" in output, "the nearest name is suggested"
    assert "Running with dbt" not in output
    assert night.ask(USERS) == before


def test_each_step_runs_alone(night: Night) -> None:
    for command in (
        ("invoke", "pg-replica:check"),
        ("run", "full-replication"),
        ("run", "transform"),
        ("run", "notification"),
        ("invoke", "dbt:docs-generate"),
    ):
        status, output = night.meltano(*command)
        assert status == 0, output
    status, output = night.meltano("invoke", "pg-replica", "status", "--json")
    assert status == 0, output
    assert '"succeeded"' in output


def test_a_night_cut_between_the_swap_and_dbt_goes_on_with_dbt(night: Night) -> None:
    """F06: what is published is not restored again."""
    night.a_day_passes()
    before = night.ask(DAYS)
    status, output = night.meltano("run", "full-replication")
    assert status == 0, output
    assert night.ask(DAYS) == before, "bound to the previous night until dbt has run"
    users, published = night.ask(USERS), night.published()
    night.restart()
    for job in ("incremental-replication", "transform"):
        status, output = night.meltano("run", job)
        assert status == 0, output
    assert night.ask(DAYS) > before
    assert night.ask(USERS) == users
    assert night.published() == published
    assert not night.has_previous()


def test_a_manual_build_while_the_night_is_published(night: Night) -> None:
    """F18: both end well, readers see one night or the other, nothing is left behind."""
    before = night.ask(DAYS)
    night.a_day_passes()
    with Poller(night.reader, [USERS, DAYS]) as poller:
        replication = night.start("run", "full-replication")
        for _ in range(2):
            status, output = night.meltano("invoke", "dbt:build")
            assert status == 0, output
        assert replication.wait() == 0
        status, output = night.meltano("run", "transform")
        assert status == 0, output
    poller.assert_undisturbed()
    assert poller.values(DAYS) <= {before, night.ask(DAYS)}
    assert not night.has_previous()


@pytest.mark.timeout(600)
def test_meltano_killed_at_random_moments(night: Night) -> None:
    """F43: what it had started ends by itself, and the next night is whole."""
    moments = random.Random(SEED)
    with Poller(night.reader, [USERS, DAYS]) as poller:
        for _ in range(MOMENTS):
            process = night.start("run", "full-replication")
            time.sleep(moments.uniform(0.5, 4))
            process.kill()
            process.wait()
    poller.assert_undisturbed()
    deadline = time.monotonic() + 30
    while night.sessions():
        assert time.monotonic() < deadline, "an orphan goes on"
        time.sleep(0.1)
    status, output = night.meltano("run", "nightly")
    assert status == 0, output
    assert not night.has_previous()


def test_ops_runs_the_same_night_and_continues_it_after_a_signal(night: Night) -> None:
    """F05, through Meltano: what had succeeded is not done again."""
    night.a_day_passes()
    before = night.ask(USERS), night.published()
    process = night.start("invoke", "ops", "nightly")
    deadline = time.monotonic() + 60
    while night.published() == before[1]:
        assert time.monotonic() < deadline, "nothing was published"
        time.sleep(0.1)
    process.terminate()
    assert process.wait(timeout=40) == 143
    assert not night.sessions(), "what it had started has ended"
    status, output = night.meltano("invoke", "ops", "status", "--json")
    assert '"cancelled"' in output
    status, output = night.meltano("invoke", "ops", "nightly")
    assert status == 0, output
    assert night.published() <= before[1] + 2
    assert night.ask(USERS) > before[0]
    assert not night.has_previous()
    for query in (USERS, "SELECT count(*) FROM pix.answers"):
        source_url = night.demo.environment()["SOURCE_DATABASE_URL"]
        assert night.ask(query) == night.ask(
            query.replace("pix.", "public."), source_url
        )
    status, output = night.meltano("invoke", "ops", "report", "--format", "text")
    assert status == 0, output
    assert "SUCCEEDED" in output


def test_a_partner_sees_nothing_that_was_not_given(night: Night) -> None:
    partner = night.demo.environment()["DEMO_EXTERNAL_READER_URL"]
    for query in (USERS, DAYS, "SELECT count(*) FROM entrepot_ops.runs"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            night.ask(query, partner)
    given = "SELECT count(*) FROM external.participation_by_organization"
    assert night.ask(given, partner) >= 0


def test_nothing_printed_holds_a_password(night: Night) -> None:
    printed = "".join(night.outputs)
    for path in night.demo.folder.glob("password.*"):
        assert path.read_text() not in printed, path.name
