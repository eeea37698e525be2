"""Rows are sampled on both sides; what stands in the way of a sample is not a fault of the rows."""

from __future__ import annotations

from entrepot_lab.postgres.warehouse import Lab


def test_an_index_whose_function_the_planner_inlines(empty_lab: Lab) -> None:
    """No query on such a table can be planned under an empty search_path; COPY works."""
    with empty_lab.source() as source:
        source.execute(
            "CREATE FUNCTION point_of(a int) RETURNS int LANGUAGE sql IMMUTABLE"
            " AS 'SELECT a + 1';"
            "CREATE TABLE places (id int PRIMARY KEY, a int);"
            "INSERT INTO places SELECT n, n FROM generate_series(1, 200) AS n"
        )
        source.execute("CREATE INDEX placed ON places (public.point_of(a))")
        # Changed since: under an empty search_path its body cannot be inlined any more.
        source.execute(
            "SET check_function_bodies = off;"
            "CREATE FUNCTION inner_of(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + 1';"
            "CREATE OR REPLACE FUNCTION point_of(a int) RETURNS int LANGUAGE sql IMMUTABLE"
            " AS 'SELECT inner_of(a)'"
        )
    output = empty_lab.night()
    assert "rows of table places are counted, not sampled" in output
    with empty_lab.warehouse() as warehouse, warehouse.cursor() as cursor:
        # No other statement can be planned on it, there or here.
        with cursor.copy("COPY pix.places TO STDOUT") as copy:
            rows = b"".join(copy)
    assert rows.count(b"\n") == 200
