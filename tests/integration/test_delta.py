"""Nights that bring what has changed, and their reasons for copying everything."""

from __future__ import annotations

import json

from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources import elearning

_DAY = """
UPDATE users SET "firstName" = 'Zoé' WHERE id % 7 = 0;
DELETE FROM "knowledge-elements" WHERE id % 11 = 0;
UPDATE answers SET id = -id WHERE id NOT IN (SELECT "answerId" FROM "knowledge-elements");
INSERT INTO tags (id, name) VALUES (900001, 'new'), (900002, 'newer');
"""
AUTO = {"REPLICATION": "auto"}


def way(lab: Lab) -> str:
    """Say which way a night would go now, and why."""
    status, output = lab.run("run", "--dry-run", **AUTO)
    assert status == 0, output
    return output.partition("Nothing stands in the way of a night.\n")[2]


def test_a_night_says_which_way_it_goes(lab: Lab) -> None:
    assert way(lab).startswith("full: the live night left no horizon")
    lab.night(**AUTO)
    said = way(lab)
    assert said.startswith("delta: "), said
    assert "  users: changed rows, for its rows are found" in said
    with lab.warehouse() as warehouse, lab.source() as source:
        forms = warehouse.execute(
            "SELECT DISTINCT confdeltype::text, confupdtype::text, condeferrable"
            " FROM pg_constraint WHERE contype = 'f'"
            " AND connamespace = 'pix'::regnamespace"
        ).fetchall()
        assert forms == [("a", "a", True)]
        states = warehouse.execute(
            "SELECT DISTINCT tgenabled::text FROM pg_trigger AS t"
            " JOIN pg_class AS c ON c.oid = t.tgrelid"
            " WHERE NOT tgisinternal AND relnamespace = 'pix'::regnamespace"
        ).fetchall()
        assert states == [("D",)]
        source.execute("TRUNCATE tags CASCADE")
        assert "  tags: whole, for emptied or written anew" in way(lab)
        source.execute("ALTER TABLE users ADD COLUMN nickname text")
        assert "full: definition changed since the last night: " in way(lab)
    assert lab.run("run", "--dry-run", "--full", **AUTO)[1].endswith(
        "full: --full was given\n"
    )


def delta(lab: Lab) -> None:
    """Run a night that must bring changes alone, and must be right."""
    output = lab.night(**AUTO)
    assert "everything is copied" not in output, output
    lab.assert_replicated(
        {"public": "pix", "pgboss": "pix_pgboss", "audit": "pix_audit"}
    )
    lab.assert_clean()


def test_a_night_brings_what_has_changed(lab: Lab) -> None:
    lab.night(**AUTO)
    delta(lab)  # nothing
    with lab.source() as source:
        source.execute(_DAY)
        elearning.next_day(source)
    delta(lab)
    status, output = lab.run("status", "--json")
    assert status == 0, output
    (newest, *_) = json.loads(output)
    assert newest["replication"] == "delta"
    changes = {each["table_name"]: each for each in newest["table_changes"]}
    assert changes["tags"]["inserted_rows"] == 2
    assert changes["knowledge-elements"]["deleted_rows"] > 0
    assert changes["users"]["updated_rows"] > 0
    status, output = lab.run("status")
    assert "2 of 3 nights brought changes alone." in output, output


def test_a_delta_night_publishes_no_emptiness(lab: Lab) -> None:
    lab.night(**AUTO)
    with lab.source() as source:
        source.execute('DELETE FROM "knowledge-elements"')
    status, output = lab.run("run", **AUTO)
    assert status == 1, output
    assert "SHRINK_LIMIT" in output
    with lab.warehouse() as warehouse:
        row = warehouse.execute(
            'SELECT count(*) FROM pix."knowledge-elements"'
        ).fetchone()
        assert row is not None
        assert row[0] > 0
    lab.run("run", "--accept-shrink", **AUTO)
    lab.assert_replicated()


def test_rows_changed_by_hand_are_put_right(lab: Lab) -> None:
    lab.night(**AUTO)
    with lab.warehouse() as warehouse:
        warehouse.execute("UPDATE pix.tags SET name = 'by hand' WHERE id = 1")
        warehouse.execute('DELETE FROM pix."badge-acquisitions" WHERE id % 3 = 0')
    output = lab.night(**AUTO)
    assert "table tags: compared as a whole: somebody else has written" in output
    assert "table badge-acquisitions: compared as a whole: rows are missing" in output
    lab.assert_replicated()
