"""Rows that the source deletes, where the policy says that they stay: marked, nobody named."""

from __future__ import annotations

import pytest

from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.warehouse import Lab

POLICY = """
tables:
  events:
    mode: incremental
    keep_deleted: true
    lookback: 10
    personal: [name]
    columns: {email: pseudonymise}
  log: {mode: incremental, replication_key: at, lookback: 10, keep_deleted: true}
"""
SECRET = "a secret of more than sixteen"
TABLES = """
CREATE TABLE events
(id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL, slug text UNIQUE);
INSERT INTO events SELECT g, 'n' || g, g || '@x.org', 's' || g FROM generate_series(1, 3000) AS g;
CREATE TABLE log (at timestamptz NOT NULL, line text);
INSERT INTO log SELECT '2024-01-01'::timestamptz + (g / 2) * interval '1 h', 'l' || g % 2
FROM generate_series(1, 3000) AS g;
"""
STATE = """
SELECT count(*), count(_deleted_at), count(name), count(email),
    count(*) FILTER (WHERE _deleted_at IS NOT NULL AND (name IS NOT NULL OR email IS NOT NULL))
FROM {}.events
"""


@pytest.fixture
def pipe(empty_lab: Lab) -> Pipe:
    empty_lab.policy(POLICY)
    empty_lab.env["PSEUDONYM_SECRET"] = SECRET
    with empty_lab.source() as source:
        source.execute(TABLES)
    pipe = Pipe(empty_lab, {"batch_rows": 1000})
    pipe.load()
    return pipe


def _state(lab: Lab, schema: str = "pix_incremental") -> tuple[int, ...]:
    with lab.warehouse() as warehouse:
        return warehouse.execute(STATE.format(schema)).fetchone()


def test_what_the_source_purges_stays_and_says_so(pipe: Pipe) -> None:
    lab = pipe.lab
    with lab.source() as source:
        source.execute("DELETE FROM events WHERE id <= 1000 OR id = 2995")
        source.execute("DELETE FROM log WHERE at < '2024-02-01' AND line = 'l0'")
    status, output = lab.run("audit", "--all", "--dry-run")
    assert status == 0, output
    assert _state(lab)[:2] == (3000, 0), "a dry run marks nothing"
    status, output = lab.run("audit", "--all")
    assert status == 0, output
    assert "1001 that the source has deleted and that stay" in " ".join(output.split())
    assert _state(lab) == (3000, 1001, 1999, 1999, 0)
    with lab.warehouse() as warehouse:
        marked = "SELECT line, count(*) FROM pix_incremental.log WHERE _deleted_at {} GROUP BY 1"
        assert warehouse.execute(marked.format("IS NOT NULL")).fetchall() == [
            ("l0", 743)
        ]
        assert dict(warehouse.execute(marked.format("IS NULL")).fetchall()) == {
            "l0": 757,
            "l1": 1500,
        }
    assert "0 rows compared" not in output
    status, output = lab.run("audit", "--all")
    assert (status, "that stay" in output) == (0, False), "no difference is left"

    # Within the lookback: one goes, one comes back, a value that was unique is another row's.
    with lab.source() as source:
        source.execute("DELETE FROM events WHERE id = 2998")
        source.execute(
            "INSERT INTO events VALUES (2995, 'back', 'b@x.org', 's1'),"
            " (3001, 'new', 'n@x.org', 's2998')"
        )
        source.execute("ALTER TABLE events ADD COLUMN more integer DEFAULT 7")
    pipe.load()
    assert _state(lab) == (3001, 1001, 2000, 2000, 0)
    with lab.warehouse() as warehouse:
        assert warehouse.execute(
            "SELECT id, name, more FROM pix_incremental.events"
            " WHERE id >= 2995 AND _deleted_at IS NULL ORDER BY 1 LIMIT 2"
        ).fetchall() == [(2995, "back", 7), (2996, "n2996", 7)]
    assert "_deleted_at" not in pipe.log, "the column is no drift"

    # All goes, others refer to rows here, and something changed: that is a difference.
    with lab.warehouse() as warehouse:
        warehouse.execute(
            "CREATE TABLE notes (id bigint REFERENCES pix_incremental.events)"
        )
        warehouse.execute("INSERT INTO notes VALUES (5), (3000)")
        warehouse.execute(
            "UPDATE pix_incremental.events SET slug = 'x' WHERE id = 1500"
        )
    with lab.source() as source:
        source.execute("DELETE FROM events WHERE id > 2000")
        source.execute("TRUNCATE log")
    status, output = lab.run("audit", "--all")
    assert status == 4, output
    assert "1 changed" in output
    assert _state(lab) == (3001, 2001, 1000, 1000, 0)
    with lab.source() as source:
        source.execute("INSERT INTO events VALUES (3000, 'again', 'a@x.org', 's')")
    pipe.load()
    assert _state(lab) == (3001, 2000, 1001, 1001, 0)
    assert lab.run("audit", "--all")[0] == 0


def test_each_replica_has_its_positions_and_its_view(pipe: Pipe) -> None:
    """A second replica of the same source is loaded from its own first row on."""
    lab = pipe.lab
    lab.night()
    state, pipe.state = pipe.state, None
    pipe.load(REPLICA_SCHEMA="second")
    pipe.state = state
    with lab.source() as source:
        source.execute("DELETE FROM events WHERE id <= 1000")
    assert lab.run("audit", "--all", REPLICA_SCHEMA="second")[0] == 0
    assert _state(lab, "second_incremental")[:2] == (3000, 1000)
    assert _state(lab, "pix")[:2] == (3000, 0)
    with lab.warehouse() as warehouse:
        rows = warehouse.execute(
            "SELECT table_schema, row_count FROM entrepot_ops.positions"
            " WHERE table_name = 'events' ORDER BY 1"
        ).fetchall()
        assert rows == [("pix_incremental", 3000), ("second_incremental", 3000)]
        warehouse.execute(
            "ALTER TABLE pix_incremental.events DROP COLUMN _deleted_at CASCADE"
        )
    lab.night()
    assert lab.run("audit", "--all")[0] == 0
    assert _state(lab, "pix")[:2] == (3000, 1000), (
        "the audit adds what the load had not"
    )


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "{mode: full, keep_deleted: true}",
            "keep_deleted is for tables of mode incremental",
        ),
        (
            "{mode: incremental, keep_deleted: true, personal: [id]}",
            "column id is of its key",
        ),
        (
            "{mode: incremental, keep_deleted: true, personal: [nam]}",
            "Did you mean 'name'?",
        ),
    ],
)
def test_what_cannot_stay_is_refused(pipe: Pipe, rule: str, said: str) -> None:
    pipe.lab.policy(f"tables: {{events: {rule}}}")
    status, output = pipe.lab.run("audit")
    assert status == 2, output
    assert said in " ".join(output.split())
