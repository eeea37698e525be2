from __future__ import annotations

import psycopg
import pytest

from entrepot_lab.sources import elearning

KINDS = """
SELECT 'relation ' || relkind::text FROM pg_class WHERE relnamespace = ANY(%(schemas)s)
UNION SELECT 'partition' FROM pg_class WHERE relispartition
UNION SELECT 'type ' || typtype::text FROM pg_type WHERE typnamespace = ANY(%(schemas)s)
UNION SELECT 'routine ' || prokind::text FROM pg_proc WHERE pronamespace = ANY(%(schemas)s)
UNION SELECT 'identity ' || attidentity::text FROM pg_attribute WHERE attidentity <> ''
UNION SELECT 'generated column' FROM pg_attribute WHERE attgenerated <> ''
UNION SELECT 'array column' FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = ANY(%(schemas)s) AND a.attndims > 0
UNION SELECT 'partial index' FROM pg_index WHERE indpred IS NOT NULL
UNION SELECT 'expression index' FROM pg_index WHERE indexprs IS NOT NULL
UNION SELECT 'constraint ' || contype::text FROM pg_constraint
    WHERE connamespace = ANY(%(schemas)s)
UNION SELECT 'trigger' FROM pg_trigger WHERE NOT tgisinternal
UNION SELECT 'statistics' FROM pg_statistic_ext
UNION SELECT 'extension' FROM pg_extension WHERE extname <> 'plpgsql'
UNION SELECT 'inherited table' FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE c.relkind = 'r' AND NOT c.relispartition
UNION SELECT 'comment on ' || CASE WHEN objsubid > 0 THEN 'column' ELSE classoid::regclass::text END
    FROM pg_description WHERE objoid >= 16384
UNION SELECT 'free sequence' FROM pg_class AS c WHERE relkind = 'S' AND NOT EXISTS (
    SELECT FROM pg_depend WHERE objid = c.oid AND classid = 'pg_class'::regclass
    AND deptype IN ('a', 'i'))
"""
WANTED = {
    *(f"relation {kind}" for kind in "rpvmSi"),
    *(f"type {kind}" for kind in "edc"),
    *(f"routine {kind}" for kind in "fp"),
    *(f"constraint {kind}" for kind in "pufc"),
    *("identity a", "identity d", "partition", "generated column", "array column"),
    *("partial index", "expression index", "trigger", "statistics", "extension"),
    *("inherited table", "free sequence"),
    *("comment on pg_class", "comment on column", "comment on pg_namespace"),
}
VALUES = (
    "SELECT sum(hashtextextended(a::text, 0))"
    ' FROM (SELECT id, value, result, "createdAt" FROM answers) AS a'
)
FLAGS = "SELECT string_agg(cgu::text, ',' ORDER BY id) FROM users WHERE id <= 50"
SCHEMAS = ["public", "pgboss", "audit"]


def count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()
    return row[0]


def test_every_kind_of_object_is_there(filled: psycopg.Connection) -> None:
    schemas = filled.execute("SELECT %s::text[]::regnamespace[]::oid[]", [SCHEMAS])
    found = filled.execute(KINDS, {"schemas": schemas.fetchone()[0]}).fetchall()
    assert WANTED - {kind for (kind,) in found} == set()


def test_every_table_has_rows(filled: psycopg.Connection) -> None:
    filled.execute("ANALYZE")
    empty = filled.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'm') AND reltuples <= 0"
        " AND relnamespace = ANY(%s::regnamespace[]::oid[])",
        [SCHEMAS],
    ).fetchall()
    assert empty == []
    assert count(filled, "answers") == 1000
    assert count(filled, "knowledge-elements") == 1000


def test_names_mix_as_real_ones_do(filled: psycopg.Connection) -> None:
    names = {row[0] for row in filled.execute("SELECT relname FROM pg_class")}
    assert {"knowledge-element-snapshots", "certification-courses", "users"} <= names
    assert {"campaign-participations", "badge-acquisitions", "_migrations"} <= names


def test_addresses_are_nobody_s(filled: psycopg.Connection) -> None:
    row = filled.execute(
        "SELECT count(*) FROM users WHERE email::text NOT LIKE '%@example.org'"
    ).fetchone()
    assert row == (0,)


def test_a_second_create_changes_nothing(filled: psycopg.Connection) -> None:
    elearning.create(filled, 5)
    assert count(filled, "answers") == 1000


def test_the_same_size_gives_the_same_values(app_url: str) -> None:
    hashes = []
    with psycopg.connect(app_url, autocommit=True) as connection:
        for _ in range(2):
            connection.execute("DROP OWNED BY CURRENT_USER CASCADE")
            connection.execute("CREATE SCHEMA IF NOT EXISTS public")
            elearning.create(connection, 300)
            hashes.append(connection.execute(VALUES).fetchone())
    assert hashes[0] == hashes[1]


def test_a_failed_fill_leaves_nothing(
    app_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(app_url, autocommit=True) as connection:
        with pytest.raises(psycopg.Error):
            elearning.create(connection, -1_000_000)
        row = connection.execute("SELECT to_regclass('users')").fetchone()
        assert row == (None,)


def test_a_day_adds_changes_and_deletes(app_url: str) -> None:
    with psycopg.connect(app_url, autocommit=True) as connection:
        elearning.create(connection, 300)
        tables = ("users", "answers", "knowledge-elements", "badge-acquisitions")
        before = {table: count(connection, table) for table in tables}
        flags = connection.execute(FLAGS).fetchone()
        elearning.next_day(connection)
        assert connection.execute(FLAGS).fetchone() != flags
        elearning.next_day(connection)
        after = {table: count(connection, table) for table in tables}
        assert after["users"] == before["users"] + 20
        assert after["answers"] > before["answers"]
        assert after["knowledge-elements"] > before["knowledge-elements"]
        assert after["badge-acquisitions"] < before["badge-acquisitions"]
