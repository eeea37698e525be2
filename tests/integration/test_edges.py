"""Odd names, odd shapes, odd settings; and facts about PostgreSQL that the design rests on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.warehouse import Lab

NAMES = [
    "knowledge-elements",
    "Users",
    "users",
    "a.b",
    'say "hi"',
    "50%",
    "%s",
    "été 🎓",
    "select",
    "back\\slash",
    "semi;colon",
    "{{ braces }}",
    "it's",
    "new\nline",
    "x" * 63,
    "_leading",
    "users_id_seq_like",
]


def test_names(empty_lab: Lab) -> None:
    """F32: identical on arrival, two nights in a row, as tables and as columns."""
    with empty_lab.source() as connection:
        for number, name in enumerate(NAMES):
            table = psycopg.sql.Identifier(name)
            connection.execute(
                psycopg.sql.SQL(
                    "CREATE TABLE {0} ({0} serial PRIMARY KEY, t text UNIQUE)"
                ).format(table)
            )
            connection.execute(
                psycopg.sql.SQL("INSERT INTO {} (t) VALUES ({})").format(
                    table, str(number)
                )
            )
            connection.execute(
                psycopg.sql.SQL("COMMENT ON TABLE {} IS {}").format(table, f"of {name}")
            )
    for _ in range(2):
        empty_lab.night()
    empty_lab.assert_replicated()
    status, output = empty_lab.run("drop-previous")
    assert status == 0, output
    with empty_lab.warehouse() as warehouse:
        found = warehouse.execute(
            "SELECT array_agg(relname::text) FROM pg_class"
            " WHERE relnamespace = 'pix'::regnamespace AND relkind = 'r'"
        ).fetchone()
    assert found is not None
    assert sorted(found[0]) == sorted(NAMES)
    empty_lab.assert_clean()


_TIED = """
CREATE TYPE money_of AS (amount int, unit text);
CREATE FUNCTION text_of(money_of) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ($1).unit';
CREATE CAST (money_of AS text) WITH FUNCTION text_of(money_of);
CREATE TABLE price (a int, m money_of);
CREATE FUNCTION is_fine(price) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT ($1).a > 0';
ALTER TABLE price ADD CHECK (is_fine(price));
INSERT INTO price VALUES (1, (2, 'EUR'));
CREATE FUNCTION prices(i int) RETURNS bigint BEGIN ATOMIC
    SELECT count(*) FROM price WHERE a = i;
    SELECT CASE WHEN i > 0 THEN 1 END;
END;
SELECT lo_from_bytea(4242, 'large');
"""


def test_objects_tied_in_circles(empty_lab: Lab) -> None:
    """W8, W9: casts, functions of rows, bodies in standard SQL: live, then as plain SQL."""
    with empty_lab.source() as connection:
        connection.execute(_TIED)
    dump = empty_lab.folder / "dump.sql"
    pg_dump = [str(embedded_binaries() / "pg_dump"), "--clean", "--if-exists"]
    subprocess.run([*pg_dump, "-f", dump, empty_lab.source_url()], check=True)
    empty_lab.night()
    empty_lab.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(dump))
    empty_lab.assert_replicated()
    status, output = empty_lab.run("drop-previous")
    assert status == 0, output
    empty_lab.assert_clean()


def test_shapes(empty_lab: Lab) -> None:
    """F46: no column, no row, no key, duplicate rows, 1,600 columns, a large value."""
    with empty_lab.source() as connection:
        connection.execute("CREATE TABLE no_column ()")
        connection.execute("INSERT INTO no_column DEFAULT VALUES")
        connection.execute("CREATE TABLE no_row (id int PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE twins (a int); INSERT INTO twins VALUES (1), (1), (NULL)"
        )
        columns = ", ".join(f"c{number} smallint" for number in range(1600))
        connection.execute(f"CREATE TABLE wide ({columns})")
        connection.execute("INSERT INTO wide (c0, c1599) VALUES (1, 2)")
        connection.execute("CREATE TABLE large (id int PRIMARY KEY, t text)")
        connection.execute("INSERT INTO large VALUES (1, repeat('é', 20000000))")
    empty_lab.night()
    empty_lab.assert_replicated()
    empty_lab.assert_clean()


def test_types_without_a_common_binary_form(empty_lab: Lab) -> None:
    """Arrays of one's own types hold OIDs in binary; such tables go as text."""
    with empty_lab.source() as connection:
        connection.execute(
            "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a int, b mood);"
            "CREATE DOMAIN posint AS int CHECK (value > 0);"
            "CREATE TYPE span AS RANGE (subtype = float8);"
            "CREATE TABLE odd (id int PRIMARY KEY, moods mood[], pairs pair[], one pair,"
            " n posint[], s span, r regclass, j jsonb, m money, ts tsvector, i interval,"
            " d date, t timestamptz, num numeric, b bytea, bits bit(3), ip inet,"
            " ranges int4multirange)"
        )
        connection.execute(
            "INSERT INTO odd VALUES (1, '{sad,NULL,ok}', ARRAY[(1,'ok')::pair], (2,'sad'), '{1,2}',"
            " '[1,2)', 'pg_class', '{\"a\":\"\\u00e9\"}', '12.50', 'a fat cat',"
            " '1 mon 2 days 03:04:05.000006', 'infinity', '0044-03-15 12:00 BC', 'NaN',"
            " '\\x00ff', B'101', '10.0.0.1/8', '{[1,3),[5,9)}')"
        )
    for _ in range(2):
        empty_lab.night()
    empty_lab.assert_replicated()


def test_a_text_key_in_another_collation(
    servers: dict[str, Cluster], empty_lab: Lab
) -> None:
    with empty_lab.source() as connection:
        connection.execute("CREATE TABLE words (word text PRIMARY KEY)")
        connection.execute(
            "INSERT INTO words SELECT chr(65 + n % 26) || chr(97 + n % 26) || n"
            " FROM generate_series(1, 300) AS n"
        )
    empty_lab.night()
    empty_lab.assert_replicated()


@pytest.mark.parametrize("schema", ["we ird", 'qu"ote', "semi;colon", "50%", "{{ x }}"])
def test_odd_replica_schemas(empty_lab: Lab, schema: str) -> None:
    """F53."""
    with empty_lab.source() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    for _ in range(2):
        empty_lab.night(REPLICA_SCHEMA=schema)
    empty_lab.assert_replicated({"public": schema})


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            {"SOURCE_DATABASE_URL": "", "TARGET_DATABASE_URL": ""},
            ["TARGET_DATABASE_URL is missing", "SOURCE_DATABASE_URL is missing"],
        ),
        (
            {"TARGET_DATABASE_URL": "postgresql://u:s3cret%zz@h/d"},
            ["TARGET_DATABASE_URL is not"],
        ),
        (
            {"TARGET_DATABASE_URL": "mysql://u:s3cret@h/d"},
            ["TARGET_DATABASE_URL is not"],
        ),
        ({"TARGET_DATABASE_URL": "postgresql://u:s3cret@h"}, ["names no database"]),
        (
            {
                "PG_RESTORE_JOBS": "many",
                "RESTORE_FK_CONSTRAINTS": "yes",
                "SNAPSHOT_LIMIT": "-1",
            },
            ["PG_RESTORE_JOBS", "RESTORE_FK_CONSTRAINTS", "SNAPSHOT_LIMIT"],
        ),
        ({"REPLICA_SCHEMA": "public"}, ["REPLICA_SCHEMA cannot be 'public'"]),
        ({"REPLICA_SCHEMA": "p" * 60}, ["REPLICA_SCHEMA is too long"]),
        ({"PG_BINDIR": "/nowhere"}, ["looked in: /nowhere", "PG_BINDIR"]),
        ({"TABLES_FILE": "/nowhere/tables.yml"}, ["/nowhere/tables.yml: no such file"]),
        ({"DUMP_PATH": "/nowhere/dump"}, ["/nowhere/dump does not exist"]),
        ({"PSEUDONYM_SECRET": "short"}, ["PSEUDONYM_SECRET"]),
    ],
)
def test_wrong_variables(
    empty_lab: Lab, variables: dict[str, str], words: list[str]
) -> None:
    """F53: all at once, before any work, without a secret."""
    status, output = empty_lab.run("check", **variables)
    assert status == 2, output
    for word in words:
        assert word in output
    assert "s3cret" not in output
    assert "Traceback" not in output


def test_check_says_all_in_one_round(empty_lab: Lab, lab: Lab) -> None:
    """Variables, rights and a domain whose tables the source lacks; where it has them, nothing."""
    root = str(Path(__file__).parents[2])
    with empty_lab.source_server.admin(f"{empty_lab.name}_source") as admin:
        admin.execute("CREATE TABLE hidden (id int)")
    wrong = {"SNAPSHOT_LIMIT": "long", "PG_RESTORE_JOBS": "no"}
    domain = {"MELTANO_PROJECT_ROOT": root, "DOMAINS": "pix"}
    status, output = empty_lab.run("check", **wrong, **domain)
    assert status == 2
    for words in (
        *("SNAPSHOT_LIMIT", "PG_RESTORE_JOBS", "may not read 1 tables (hidden)"),
        *("DOMAINS has pix", "would lack", "answers", "take pix out of DOMAINS"),
    ):
        assert words in output, output
    status, output = lab.run("check", **domain)
    assert "would lack" not in output, output
    status, output = lab.run("check", **domain, BACKUP_MODE='{"users": "none"}')
    assert "would lack 1 (users)" in output, output


def test_the_target_is_the_source(empty_lab: Lab) -> None:
    """W11, F53."""
    status, output = empty_lab.run(
        "check", SOURCE_DATABASE_URL=empty_lab.warehouse_url()
    )
    assert status == 2
    assert "is the same database as SOURCE_DATABASE_URL" in output


def test_each_right_that_is_missing(empty_lab: Lab) -> None:
    """F54, W18: named, with the statement that gives it."""
    database = f"{empty_lab.name}_warehouse"
    with empty_lab.source_server.admin(f"{empty_lab.name}_source") as admin:
        admin.execute("CREATE TABLE hidden (id int); CREATE TABLE guarded (id int)")
        admin.execute(
            "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; GRANT SELECT ON guarded TO app"
        )
    with empty_lab.warehouse_server.admin(database) as admin:
        admin.execute(f'ALTER DATABASE "{database}" OWNER TO postgres')
        admin.execute(f'GRANT CONNECT ON DATABASE "{database}" TO entrepot')
        admin.execute("CREATE TABLE public.somebody_s (id int)")
    status, output = empty_lab.run("check")
    assert status == 2
    for words in (
        "may not read 1 tables (hidden)",
        "row security hides rows of guarded",
        "may not create schemas",
        "may not create tables in schema public",
        "holds 1 objects that no run of ours left (table public.somebody_s)",
    ):
        assert words in output, output


def test_schemas_that_collide(empty_lab: Lab) -> None:
    with empty_lab.source() as connection:
        connection.execute(
            "CREATE SCHEMA staging; CREATE SCHEMA pix; CREATE SCHEMA fine"
        )
    status, output = empty_lab.run("check")
    assert status == 2
    assert "schema 'staging' collides" in output
    assert "schema 'pix' collides" in output
    assert "'fine'" not in output


def test_an_empty_source_is_a_night_too(empty_lab: Lab) -> None:
    """W4: the first load needs nothing that is there."""
    empty_lab.night()
    empty_lab.assert_replicated()
    empty_lab.assert_clean()


def test_foreign_keys_of_partitioned_tables(
    servers: dict[str, Cluster], empty_lab: Lab
) -> None:
    """Z5: below PostgreSQL 18 they cannot be NOT VALID, so they are validated."""
    lab = empty_lab
    if "system" in servers:
        lab = Lab(
            servers["wheel"], servers["system"], "partitions", empty_lab.folder
        ).create()
    with lab.source() as connection:
        connection.execute(
            "CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1);"
            "CREATE TABLE child (id int, p int REFERENCES parent) PARTITION BY LIST (id);"
            "CREATE TABLE child_1 PARTITION OF child FOR VALUES IN (1);"
            "INSERT INTO child VALUES (1, 1)"
        )
    for _ in range(2):
        lab.night()
    lab.assert_replicated()
    with lab.warehouse() as warehouse:
        keys = warehouse.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
            " AND conrelid = 'pix.child'::regclass"
        ).fetchone()
    assert keys == (1,)
    lab.drop()


def test_a_foreign_key_that_the_source_has_not_validated(empty_lab: Lab) -> None:
    """Its rows may not fit, there or here: it stays as it is, whatever is wished."""
    with empty_lab.source() as connection:
        connection.execute(
            "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (p int);"
            "INSERT INTO child VALUES (7);"
            "ALTER TABLE child ADD FOREIGN KEY (p) REFERENCES parent NOT VALID"
        )
    empty_lab.night(RESTORE_FK_CONSTRAINTS="true")
    with empty_lab.warehouse() as warehouse:
        row = warehouse.execute(
            "SELECT convalidated FROM pg_constraint WHERE conname = 'child_p_fkey'"
        ).fetchone()
    assert row == (False,)


def test_the_planner_uses_keys_that_are_not_valid(empty_lab: Lab) -> None:
    """Z4: why `not_valid` is the default."""
    with empty_lab.warehouse() as connection:
        connection.execute(
            "CREATE SCHEMA z; SET search_path = z;"
            "CREATE TABLE a (x int, y int, PRIMARY KEY (x, y)); CREATE TABLE b (x int, y int);"
            "INSERT INTO a SELECT n, n FROM generate_series(1, 10000) AS n;"
            "INSERT INTO b SELECT n, n FROM generate_series(1, 10000) AS n; ANALYZE a; ANALYZE b"
        )

        def estimate() -> int:
            plan = connection.execute(
                "EXPLAIN (FORMAT json) SELECT FROM b JOIN a USING (x, y)"
            )
            return plan.fetchone()[0][0]["Plan"]["Plan Rows"]

        assert estimate() < 10
        connection.execute(
            "ALTER TABLE b ADD FOREIGN KEY (x, y) REFERENCES a NOT VALID"
        )
        assert estimate() > 5000


def test_a_table_rename_makes_readers_queue(empty_lab: Lab) -> None:
    """Z3, Z2: and a schema rename does not."""
    with empty_lab.warehouse() as owner, empty_lab.warehouse() as analyst:
        owner.execute("CREATE SCHEMA z; CREATE TABLE z.t AS SELECT 1 AS id")
        analyst.autocommit = False
        analyst.execute("SELECT * FROM z.t")
        owner.execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute("ALTER TABLE z.t RENAME TO u")
        owner.execute("ALTER SCHEMA z RENAME TO y")
        analyst.rollback()
