"""A delta night that is struck: the night before or the new one is there, never a part."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

import psycopg
import pytest

from entrepot_lab.faults.moments import settle
from entrepot_lab.postgres.warehouse import Lab

_SEED = os.environ.get("KILL_SEED", "1")
_MOMENTS = int(os.environ.get("KILL_MOMENTS", "5"))
_A_NIGHT = 1.6  # seconds
_DAY = """
UPDATE users SET cgu = NOT coalesce(cgu, false), "lastName" = %(day)s;
UPDATE tags SET name = name || '.';
INSERT INTO tags (id, name) VALUES (900000 + %(day)s::integer, 'new');
DELETE FROM "knowledge-elements" WHERE id %% 50 = %(day)s::integer;
"""
_LIVE = (
    "SELECT (SELECT string_agg(DISTINCT \"lastName\", ',') FROM pix.users),"
    " (SELECT max(id) FROM pix.tags WHERE id >= 900000)"
)


def _change(lab: Lab, day: int) -> None:
    with psycopg.connect(lab.source_url()) as source:
        for statement in _DAY.strip().split(";\n"):
            source.execute(statement, {"day": str(day)})


def _strike(lab: Lab, victim: str, pid: int) -> None:
    """Kill the process, or the sessions that change the replica."""
    if victim == "pg-replica":
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return
    with lab.warehouse_server.admin() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'entrepot pg-replica work%%' AND datname = %s",
            [f"{lab.name}_warehouse"],
        )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["pg-replica", "warehouse sessions"])
def test_a_delta_night_struck_at_random_moments(lab: Lab, victim: str) -> None:
    moments = random.Random(f"{_SEED} {victim}")
    lab.night(REPLICATION="auto")
    _change(lab, 0)
    lab.night(REPLICATION="auto")
    before = 0
    for day in range(1, _MOMENTS + 1):
        _change(lab, day)
        process = lab.start("run", REPLICATION="auto")
        time.sleep(moments.uniform(0.2, _A_NIGHT))
        _strike(lab, victim, process.pid)
        status, output = lab.finish(process)
        assert "Traceback" not in output, output
        assert status in (0, 1, -signal.SIGKILL), output
        with lab.warehouse() as warehouse:
            found = warehouse.execute(_LIVE).fetchone()
        # All of one night: whole, and of the night before or of this one.
        assert found in {(str(live), 900_000 + live) for live in (before, day)}, output
        before = int(found[0])
    lab.env["REPLICATION"] = "auto"
    settle(lab)
