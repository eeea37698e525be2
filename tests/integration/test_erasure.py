"""A person whom the source has deleted: where the values still are, and when they are gone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from psycopg import sql

from entrepot_lab.postgres.cluster import embedded_binaries
from entrepot_lab.postgres.warehouse import Lab

_SOURCE = """
CREATE TABLE people (id int PRIMARY KEY, name text, secret text);
INSERT INTO people VALUES (1, 'Zebulon', 'Zebulon''s own'), (2, 'Marie', 'x'), (3, 'Jean', 'y');
CREATE VIEW shown AS SELECT name FROM people;
CREATE MATERIALIZED VIEW counted AS SELECT name, count(*) FROM people GROUP BY 1;
"""
_POLICY = "tables: {people: {columns: {secret: exclude}}}\n"


def _where(lab: Lab, value: str) -> set[str]:
    """Find the relations of the warehouse in which a value is."""
    with lab.warehouse() as warehouse:
        names = warehouse.execute(
            "SELECT n.nspname, c.relname FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^(pg_|information_schema)'"
        ).fetchall()
        query = sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text LIKE %s")
        found = set()
        for schema, name in names:
            table = sql.Identifier(schema, name)
            row = warehouse.execute(query.format(table), [f"%{value}%"]).fetchone()
            if row and row[0]:
                found.add(f"{schema}.{name}")
        return found


def test_a_deleted_person_is_gone_once_the_previous_night_is(empty_lab: Lab) -> None:
    lab = empty_lab
    lab.policy(_POLICY)
    with lab.source() as source:
        source.execute(_SOURCE)
    lab.night()
    assert _where(lab, "Zebulon") == {"pix.people", "pix.counted"}
    assert not _where(lab, "Zebulon's own"), "what is excluded never was here"
    with lab.source() as source:
        source.execute("DELETE FROM people WHERE id = 1")
        source.execute("REFRESH MATERIALIZED VIEW counted")
    lab.night()
    before = {"pix_previous.people", "pix_previous.counted"}
    assert _where(lab, "Zebulon") == before, "readers see it no more"
    assert lab.run("drop-previous")[0] == 0
    assert not _where(lab, "Zebulon")
    work = Path(lab.env["WORK_DIR"])
    assert not [file for file in work.rglob("*") if file.is_file()]
    assert "Zebulon" not in "".join(lab.outputs)


def test_the_release_of_before_goes_on_with_its_own_record(empty_lab: Lab) -> None:
    """As docs/operations.md has it: the record of before comes back, the replica is made anew."""
    lab = empty_lab
    with lab.source() as source:
        source.execute(_SOURCE)
    lab.night()
    tools, record = embedded_binaries(), str(lab.folder / "record.dump")
    of_record = ["-Fc", "-n", "entrepot_ops", "-f", record, "-d", lab.warehouse_url()]
    subprocess.run([tools / "pg_dump", *of_record], check=True)
    lab.night()
    with lab.warehouse() as warehouse:
        warehouse.execute(
            "INSERT INTO entrepot_ops.schema_version (number, name, who)"
            " VALUES (999, 'tomorrow', 'a newer release')"
        )
    status, output = lab.run("run")
    assert status == 2
    assert "has version 999" in output, "nothing older works in a newer record"
    with lab.warehouse() as warehouse:
        warehouse.execute("DROP SCHEMA entrepot_ops CASCADE")
        warehouse.execute("ALTER SCHEMA pix RENAME TO pix_newer")
        warehouse.execute("ALTER SCHEMA pix_previous RENAME TO pix_newer_previous")
    restore = ["-d", lab.warehouse_url(), record]
    subprocess.run([tools / "pg_restore", *restore], check=True)
    lab.night()
    lab.assert_replicated()
