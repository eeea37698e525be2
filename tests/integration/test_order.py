"""What a dump's order does not tell: functions that read other tables, views tied to keys."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries, system_binaries
from entrepot_lab.postgres.warehouse import Lab

_SOURCE = r"""
CREATE TABLE people (id int PRIMARY KEY, name text, town text);
INSERT INTO people SELECT n, 'p' || n, 't' || n % 3 FROM generate_series(1, 30) AS n;
CREATE TABLE visits (id int PRIMARY KEY, person int REFERENCES people);
INSERT INTO visits SELECT n, 1 + n % 30 FROM generate_series(1, 90) AS n;
CREATE VIEW by_person AS SELECT p.id, p.name, count(*) AS n FROM people AS p
    JOIN visits AS v ON v.person = p.id GROUP BY p.id;
CREATE MATERIALIZED VIEW heavy AS SELECT * FROM by_person;
CREATE MATERIALIZED VIEW direct AS SELECT p.id, p.name FROM people AS p GROUP BY p.id;
CREATE UNIQUE INDEX direct_id ON direct (id);
COMMENT ON INDEX direct_id IS 'its index';
CREATE MATERIALIZED VIEW a_on_heavy AS SELECT sum(n) AS n FROM heavy;
CREATE INDEX a_on_heavy_n ON a_on_heavy (n);

-- Functions that read other tables, in CHECKs of tables, partitions, children and domains.
CREATE TABLE zones (code text PRIMARY KEY);
INSERT INTO zones VALUES ('N'), ('S');
CREATE FUNCTION is_zone(c text) RETURNS bool LANGUAGE sql STABLE
    AS 'SELECT EXISTS (SELECT FROM public.zones WHERE code = c)';
CREATE FUNCTION is_a(t text) RETURNS bool LANGUAGE plpgsql IMMUTABLE
    AS 'BEGIN RETURN is_zone(t); END';
CREATE DOMAIN zone AS text CONSTRAINT of_zones CHECK (is_zone(VALUE));
CREATE TABLE areas (id int PRIMARY KEY, zone text CONSTRAINT known CHECK (is_zone(zone)),
    again text CONSTRAINT by_name CHECK (is_a(again)), typed zone);
INSERT INTO areas SELECT n, z, z, z FROM generate_series(1, 500) AS n, (VALUES ('N')) AS v (z);
CREATE TABLE parts (id int, zone text CONSTRAINT known CHECK (is_zone(zone)))
    PARTITION BY LIST (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE children (more int) INHERITS (areas);
INSERT INTO parts VALUES (1, 'S');
INSERT INTO children VALUES (901, 'S', 'S', 'S', 1);
CREATE TABLE gone (code text CONSTRAINT was CHECK (is_zone(code)));
INSERT INTO zones VALUES ('W'); INSERT INTO gone VALUES ('W'); DELETE FROM zones WHERE code = 'W';

-- Functions that count on the search path, where expressions are computed.
CREATE FUNCTION plain(t text) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT translate(lower(t), 'éè', 'ee') $$;
CREATE FUNCTION slug(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN RETURN plain(t) || '-'; END $$;
CREATE TABLE pages (id int PRIMARY KEY, title text,
    s text GENERATED ALWAYS AS (slug(title)) STORED);
INSERT INTO pages VALUES (1, 'été'), (2, 'Hiver');
CREATE INDEX pages_slug ON pages (slug(title));
CREATE STATISTICS of_slug ON slug(title) FROM pages;
CREATE MATERIALIZED VIEW slugs AS SELECT slug(title) AS s FROM pages;

-- Two views that name each other, and a rule.
CREATE VIEW x AS SELECT 1 AS a; CREATE VIEW y AS SELECT a FROM x;
CREATE OR REPLACE VIEW x AS SELECT 1 AS a WHERE 1 NOT IN (SELECT 2 FROM people);
CREATE RULE none AS ON DELETE TO zones WHERE old.code = 'N' DO INSTEAD NOTHING;
"""


@pytest.fixture(scope="module", params=["wheel", "system"])
def lab(
    servers: dict[str, Cluster],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Lab]:
    """A source on PostgreSQL 15, whose functions have the session's path when they maintain."""
    if "system" not in servers:
        pytest.skip("no other server on this machine")
    folder = tmp_path_factory.mktemp("order")
    lab = Lab(servers["system"], servers[request.param], "order", folder).create()
    lab.env["TRUST_SOURCE_CODE"] = "true"
    with lab.source() as source:
        source.execute("SET search_path = public")
        source.execute(_SOURCE)
    yield lab
    lab.drop()


def _assert_all_is_there(lab: Lab) -> None:
    with lab.warehouse() as warehouse:
        warehouse.execute("SET search_path = pix")

        def one(query: str) -> object:
            row = warehouse.execute(query).fetchone()
            assert row is not None
            return row[0]

        assert one("SELECT n FROM a_on_heavy") == 90
        assert one("SELECT count(*) FROM direct") == 30
        assert one("SELECT count(*) FROM areas") == 501
        assert one("SELECT string_agg(s, ' ' ORDER BY id) FROM pages") == "ete- hiver-"
        assert one("SELECT count(*) FROM slugs") == 2
        assert one("SELECT obj_description('direct_id'::regclass)") == "its index"
        assert one("SELECT a FROM y") == 1
        query = (
            "SELECT string_agg(conname || ' ' || conrelid::regclass || ' ' || convalidated, ', '"
            " ORDER BY conname, conrelid::regclass::text) FROM pg_constraint WHERE contype = 'c'"
            " AND connamespace = 'pix'::regnamespace AND conrelid <> 0"
        )
        assert one(query) == (
            "by_name areas true, by_name children true, known areas true, known children true,"
            " known part_1 true, known parts true, was gone false"
        )
        query = "SELECT convalidated FROM pg_constraint WHERE conname = 'of_zones'"
        assert one(query) is True
        # What functions were given while all was made, they do not keep.
        query = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'pix'::regnamespace"
        assert one(f"{query} AND proconfig IS NOT NULL") == 0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["live", "-Fc", "-Fp"])
def test_what_needs_more_than_a_dump_s_order(lab: Lab, way: str) -> None:
    if way == "live":
        status, output = lab.run("run")
    else:
        folder = system_binaries()[0]
        path = lab.folder / f"dump{way}"
        command = [folder / "pg_dump", way, "-f", path, lab.source_url()]
        subprocess.run([str(part) for part in command], check=True)
        status, output = lab.run("run", SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    assert status == 0, output
    assert "constraint was of public.gone" in output
    assert "rows of the source do not pass it" in output
    _assert_all_is_there(lab)
    lab.assert_clean()


def _archive(lab: Lab, folder: Path) -> Path:
    path = folder / "archive"
    command = [
        str(embedded_binaries() / "pg_dump"),
        "-Fc",
        "-f",
        str(path),
        lab.source_url(),
    ]
    subprocess.run(command, check=True)
    return path


def test_tolerated_items_take_along_what_hangs_on_them(
    empty_lab: Lab, tmp_path: Path
) -> None:
    with empty_lab.source() as source:
        source.execute("SET search_path = public")
        source.execute(
            "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a');"
            "CREATE VIEW first AS SELECT id, v FROM t; CREATE VIEW second AS SELECT v FROM first;"
            "CREATE MATERIALIZED VIEW third AS SELECT v FROM second; CREATE INDEX i ON third (v);"
            "COMMENT ON VIEW second IS 'x'"
        )
    path = _archive(empty_lab, tmp_path)
    content = path.read_bytes()
    assert content.count(b"   FROM public.t;") == 1
    path.write_bytes(content.replace(b"   FROM public.t;", b"   FROM public.u;"))
    variables = {"SOURCE_DATABASE_URL": "", "DUMP_PATH": str(path)}
    status, output = empty_lab.run("run", **variables)
    assert status == 1
    assert "items hang on it" in output
    empty_lab.policy("tables: {}\ntolerated_items: [VIEW first]")
    status, output = empty_lab.run("run", **variables)
    assert status == 0, output
    with empty_lab.warehouse() as warehouse:
        rows = warehouse.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'pix'::regnamespace"
            " AND relkind IN ('r', 'v', 'm')"
        ).fetchall()
    assert rows == [("t",)]
