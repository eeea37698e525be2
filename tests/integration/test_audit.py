"""The audit of append tables: what differs is found, said and repaired."""

from __future__ import annotations

import pytest

from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.warehouse import Lab

APPEND = """
tables:
  answers: {mode: incremental}
  knowledge-elements: {mode: incremental}
  knowledge-element-snapshots: {mode: incremental}
"""
TABLES = ("answers", "knowledge-elements", "knowledge-element-snapshots")


@pytest.fixture
def pipe(lab: Lab) -> Pipe:
    lab.policy(APPEND)
    return Pipe(lab, {"batch_rows": 500})


def damage(lab: Lab) -> None:
    """Change, delete and insert far below the bookmark, and lose rows here."""
    with lab.source() as there, lab.warehouse() as here:
        there.execute("UPDATE answers SET value = 'changed' WHERE id IN (5, 10005)")
        there.execute(
            'DELETE FROM "knowledge-elements" WHERE "answerId" = 7;'
            " DELETE FROM answers WHERE id = 7"
        )
        here.execute(
            "DELETE FROM pix_incremental.answers WHERE id BETWEEN 30000 AND 30009"
        )


@pytest.fixture
def damaged(pipe: Pipe) -> Pipe:
    """An append table of 42,000 rows, twelve of which are not as the source's, one too many."""
    pipe.settings["batch_rows"] = 50_000
    with pipe.lab.source() as connection:
        connection.execute(
            'INSERT INTO answers (value, "challengeId")'
            " SELECT 'x', 'r' FROM generate_series(1, 40000)"
        )
    pipe.load()
    damage(pipe.lab)
    return pipe


def test_the_audit_repairs_only_what_differs(damaged: Pipe) -> None:
    """F27."""
    lab = damaged.lab
    versions = (
        "SELECT count(*), count(DISTINCT xmin::text) FROM pix_incremental.answers"
    )
    with lab.warehouse() as warehouse:
        assert warehouse.execute(versions).fetchone()[1] == 1
    status, output = lab.run("audit", "--all", "--dry-run")
    assert status == 4, output
    assert "table answers: 10 rows missing, 2 changed, 1 too many" in output
    assert (
        damaged.content("public", "answers")[0]
        != damaged.content("public", "answers")[1]
    )
    status, output = lab.run("audit", "--all")
    assert status == 4, output
    assert "repaired" in output
    damaged.assert_same("answers")
    damaged.assert_same("knowledge-elements")
    with lab.warehouse() as warehouse:
        rewritten = warehouse.execute(
            "SELECT sum(n) - max(n) FROM (SELECT count(*) AS n"
            " FROM pix_incremental.answers GROUP BY xmin::text) AS v"
        ).fetchone()[0]
    assert 0 < rewritten <= 4 * 1000, output
    status, output = lab.run("audit", "--all")
    assert status == 0, output
    lab.assert_no_secret(output)


def test_every_row_is_audited_in_so_many_nights(damaged: Pipe) -> None:
    statuses = [damaged.lab.run("audit", AUDIT_DAYS="3")[0] for _ in range(3)]
    assert set(statuses) <= {0, 4}
    for table in TABLES:
        damaged.assert_same(table)


def test_an_audit_names_what_it_does_not_know(damaged: Pipe) -> None:
    status, output = damaged.lab.run("audit", "--table", "anwsers")
    assert status == 2, output
    assert "Did you mean 'answers'?" in output
    status, output = damaged.lab.run("audit", SOURCE_DATABASE_URL="", DUMP_PATH="/x")
    assert status == 2, output
    assert "SOURCE_DATABASE_URL is missing" in output


def test_an_audit_of_nothing(lab: Lab) -> None:
    assert lab.run("audit")[0] == 0
