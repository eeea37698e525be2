"""Databases whose tables, indexes and views are made of extensions' types and functions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import Cluster, system_binaries
from entrepot_lab.postgres.warehouse import READER, Lab

_CONTRIB = (
    *("btree_gin", "btree_gist", "citext", "cube", "hstore", "intarray", "ltree"),
    *("pg_trgm", "pgcrypto", "seg", "tablefunc", "unaccent", "uuid-ossp"),
)
_THINGS = """
CREATE TABLE things (
    id uuid PRIMARY KEY DEFAULT uuid_generate_v4(), mail citext UNIQUE, tags hstore, path ltree,
    place cube, span seg, digest bytea GENERATED ALWAYS AS (digest(mail::text, 'sha256')) STORED,
    during int4range, EXCLUDE USING gist (id WITH =, during WITH &&)
);
INSERT INTO things (id, mail, tags, path, place, span, during)
SELECT uuid_generate_v5(uuid_nil(), n::text), 'A' || n || '@b.fr', hstore('n', n::text),
    ('top.n' || n)::ltree, cube(n), (n || '..' || n + 1)::seg, int4range(n, n + 1)
FROM generate_series(1, 50) AS n;
CREATE INDEX ON things USING gin (mail gin_trgm_ops);
CREATE INDEX ON things USING gist (path);
CREATE VIEW wide AS SELECT * FROM crosstab('SELECT 1, 1, 1') AS c (a int, b int);
CREATE TABLE rotated OF tablefunc_crosstab_2;
CREATE VIEW found AS SELECT id FROM things WHERE mail = 'a1@B.FR' AND unaccent('é') = 'e';
"""
_PLACES = """
CREATE TABLE places (
    id int PRIMARY KEY, at geometry(Point, 2154), g geography, any_one geometry,
    seen geometry GENERATED ALWAYS AS (ST_Transform(at, 4326)) STORED
);
INSERT INTO places (id, at, g, any_one)
SELECT n, ST_SetSRID(ST_MakePoint(n, n), 2154), ST_MakePoint(2, 48)::geography, ST_MakePoint(1, n)
FROM generate_series(1, 50) AS n;
CREATE INDEX ON places USING gist (at);
CREATE INDEX ON places USING spgist (any_one);
CREATE INDEX ON places USING brin (at);
CREATE INDEX ON places USING gist (ST_Transform(at, 4326));
CREATE TABLE dumped OF geometry_dump;
CREATE VIEW near AS SELECT id FROM places
    WHERE ST_DWithin(at, ST_SetSRID(ST_MakePoint(1, 1), 2154), 5);
CREATE MATERIALIZED VIEW hulls AS SELECT ST_ConvexHull(ST_Collect(at)) AS h FROM places;
"""
_EWKB = (
    "SELECT md5(string_agg(md5(public.ST_AsEWKB(at) || public.ST_AsEWKB(any_one)"
    " || public.ST_AsEWKB(seen) || public.ST_AsEWKB(g::public.geometry)), '' ORDER BY id))"
    " FROM {}.places"
)


@pytest.fixture
def system_lab(servers: dict[str, Cluster], tmp_path: Path) -> Iterator[Lab]:
    """Give an empty source and warehouse on the machine's own server, with its tools."""
    if "system" not in servers:
        pytest.skip("this machine has no PostgreSQL of its own")
    lab = Lab(servers["system"], servers["system"], "extended", tmp_path).create()
    lab.env["PG_BINDIR"] = str(system_binaries()[0])
    yield lab
    lab.drop()


def _nights(lab: Lab) -> None:
    """Run two nights from the source, then one from each form of dump."""
    for _ in range(2):
        lab.night()
        lab.assert_replicated()
    for form in ("custom", "plain"):
        dump = lab.folder / f"dump.{form}"
        pg_dump = str(system_binaries()[0] / "pg_dump")
        subprocess.run(
            [pg_dump, f"--format={form}", "-f", dump, lab.source_url()], check=True
        )
        lab.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(dump))
        lab.assert_replicated()


def test_extensions_in_public(system_lab: Lab) -> None:
    """An ordinary role makes the trusted ones; each night leaves them where they are."""
    with system_lab.source() as source:
        for name in _CONTRIB:
            source.execute(f'CREATE EXTENSION "{name}"')
        source.execute(_THINGS)
    _nights(system_lab)
    with system_lab.warehouse() as warehouse:
        members = warehouse.execute(
            "SELECT count(*) FROM pg_depend AS d JOIN pg_type AS t ON t.oid = d.objid"
            " WHERE d.classid = 'pg_type'::regclass AND d.deptype = 'e'"
            " AND t.typname = 'tablefunc_crosstab_2' AND t.typnamespace = 'public'::regnamespace"
        ).fetchone()
    assert members == (1,)
    with system_lab.warehouse(READER) as reader:
        reader.execute("SET search_path = pix, public")
        assert reader.execute("SELECT count(*) FROM found").fetchone() == (1,)
    status, output = system_lab.run("drop-previous")
    assert status == 0, output
    system_lab.assert_clean()


_OWN_SCHEMAS = """
CREATE SCHEMA exts; CREATE EXTENSION citext SCHEMA exts;
CREATE SCHEMA shop AUTHORIZATION {owner}; CREATE EXTENSION hstore SCHEMA shop;
"""
_PLACED = """
CREATE TABLE t (id int PRIMARY KEY, m exts.citext UNIQUE); INSERT INTO t VALUES (1, 'A');
CREATE TABLE shop.s (id int PRIMARY KEY, h shop.hstore); INSERT INTO shop.s VALUES (1, 'a=>1');
CREATE INDEX ON shop.s USING gin (h);
CREATE VIEW shop.v AS SELECT h OPERATOR(shop.->) 'a' AS a FROM shop.s;
"""


def _schemas(lab: Lab) -> list[str]:
    with lab.warehouse() as warehouse:
        rows = warehouse.execute(
            "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^(pg_|entrepot|info)'"
            " AND nspname !~ '_previous' ORDER BY 1"
        ).fetchall()
    return [row[0] for row in rows]


def test_extensions_in_schemas_of_their_own(system_lab: Lab) -> None:
    """A schema that is there for an extension is no schema of the source; one of both is."""
    lab = system_lab
    with lab.source_server.admin(f"{lab.name}_source") as admin:
        admin.execute(_OWN_SCHEMAS.format(owner="app"))
        admin.execute("GRANT USAGE ON SCHEMA exts TO PUBLIC")
    with lab.source() as source:
        source.execute(_PLACED)
    _nights(lab)
    lab.assert_replicated({"public": "pix", "shop": "pix_shop"})
    assert _schemas(lab) == ["exts", "pix", "pix_shop", "public", "shop"]
    with lab.warehouse(READER) as reader:
        found = "SELECT count(*) FROM pix.t WHERE m OPERATOR(exts.=) 'a'"
        assert reader.execute(found).fetchone() == (1,)
        assert reader.execute("SELECT a FROM pix_shop.v").fetchone() == ("1",)


def test_extensions_that_an_administrator_has_placed(system_lab: Lab) -> None:
    """Where the source keeps tables beside an extension, the schema must be the owner's."""
    lab = system_lab
    with lab.source_server.admin(f"{lab.name}_source") as admin:
        if not admin.execute(
            "SELECT true FROM pg_available_extensions WHERE name = 'pg_partman'"
        ).fetchone():
            pytest.skip("pg_partman is not installed")
        admin.execute(_OWN_SCHEMAS.format(owner="app"))
        admin.execute("GRANT USAGE ON SCHEMA exts TO PUBLIC")
        admin.execute(
            "CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman"
        )
        for kind in ("TABLES", "SEQUENCES"):
            admin.execute(f"GRANT SELECT ON ALL {kind} IN SCHEMA partman TO app")
        admin.execute("GRANT USAGE ON SCHEMA partman TO app")
    with lab.source() as source:
        source.execute(_PLACED)
    with lab.warehouse_server.admin(f"{lab.name}_warehouse") as admin:
        admin.execute(_OWN_SCHEMAS.format(owner="postgres"))
        admin.execute(
            "CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman"
        )
        admin.execute("CREATE TABLE shop.strange (id int)")
    status, output = lab.run("check")
    said = " ".join(output.split())
    assert status == 2, output
    assert 'run ALTER SCHEMA "shop" OWNER TO "entrepot" on the warehouse' in said
    assert 'GRANT USAGE ON SCHEMA "exts" TO "entrepot_build"' in said
    with lab.warehouse_server.admin(f"{lab.name}_warehouse") as admin:
        admin.execute("ALTER SCHEMA shop OWNER TO entrepot")
        admin.execute("GRANT USAGE ON SCHEMA exts, partman TO entrepot_build")
    status, output = lab.run("run")
    assert status == 2, output
    assert "table shop.strange of the warehouse was made by no run" in " ".join(
        output.split()
    )
    with lab.warehouse_server.admin(f"{lab.name}_warehouse") as admin:
        admin.execute("DROP TABLE shop.strange")
    _nights(lab)
    lab.assert_replicated({"public": "pix", "shop": "pix_shop"})
    assert _schemas(lab) == ["exts", "partman", "pix", "pix_shop", "public", "shop"]


_NEEDING = """
CREATE TABLE people (
    id uuid PRIMARY KEY DEFAULT uuid_generate_v4(), tags bytea,
    digest bytea GENERATED ALWAYS AS (digest('x' || n, 'sha1')) STORED,
    n int NOT NULL CHECK (length(digest(n::text, 'md5')) > 0)
);
INSERT INTO people (tags, n) VALUES ('a', 1), (NULL, 2);
CREATE INDEX by_digest ON people (digest(n::text, 'md5'));
CREATE TABLE tokens (at int PRIMARY KEY, word kept_word, pair kept_word[]);
INSERT INTO tokens VALUES (1, 'a', ARRAY['b']::kept_word[]);
"""


def test_what_the_warehouse_cannot_have(
    servers: dict[str, Cluster], tmp_path: Path
) -> None:
    """Defaults, CHECKs and indexes go; of columns the owner decides before anything is done."""
    if "system" not in servers:
        pytest.skip("this machine has no PostgreSQL of its own")
    lab = Lab(servers["system"], servers["wheel"], "lacking", tmp_path).create()
    with lab.source_server.admin(f"{lab.name}_source") as admin:
        for name in ("uuid-ossp", "pgcrypto", "pg_stat_statements"):
            admin.execute(f'CREATE EXTENSION "{name}"')
        # A type that only the source's extension has.
        admin.execute(
            "CREATE DOMAIN kept_word AS text; GRANT USAGE ON TYPE kept_word TO app"
        )
        admin.execute("ALTER EXTENSION pgcrypto ADD DOMAIN kept_word")
    with lab.source() as source:
        source.execute(_NEEDING)
    status, output = lab.run("check")
    said = " ".join(output.split())
    assert status == 2, output
    assert (
        "column pair of table public.tokens, column word of table public.tokens" in said
    )
    assert "extension pgcrypto of the source is not available" in said
    assert "give these columns a rule in the table policy" in said
    assert "left out is what needs it" in said and "uuid-ossp" in said
    assert "needs a superuser to create it on the warehouse; nothing" in said
    lab.policy(
        "tables: {people: {columns: {digest: text}},"
        " tokens: {columns: {word: text, pair: exclude}}}"
    )
    lab.night()
    with lab.warehouse() as warehouse, lab.source() as source:
        people = "SELECT id, tags, n, digest::text FROM {}.people ORDER BY n"
        rows = warehouse.execute(people.format("pix")).fetchall()
        assert rows == source.execute(people.format("public")).fetchall()
        assert rows[0][3].startswith("\\x")
        assert warehouse.execute("SELECT * FROM pix.tokens").fetchall() == [(1, "a")]
        findings: dict[str, str] = dict(
            warehouse.execute(
                "SELECT subject, finding FROM entrepot_ops.findings"
            ).fetchall()
        )
    assert "tolerated" in findings["INDEX public by_digest"]
    assert findings["column people.digest"] == "is text: the policy asks for it"
    lab.drop()


def test_constraints_of_an_extensions_table_stay(system_lab: Lab) -> None:
    """The landing is emptied without touching tables that an extension keeps in it."""
    with system_lab.warehouse() as warehouse:
        warehouse.execute(
            "CREATE EXTENSION citext;"
            "CREATE TABLE kept (id int PRIMARY KEY, above int REFERENCES kept);"
            "ALTER TABLE kept OWNER TO entrepot"
        )
    # Only a superuser may make a table an extension's.
    with system_lab.warehouse_server.admin(f"{system_lab.name}_warehouse") as admin:
        admin.execute("ALTER EXTENSION citext ADD TABLE kept")
    with system_lab.source() as source:
        source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    for _ in range(2):
        system_lab.night()
    with system_lab.warehouse() as warehouse:
        keys = warehouse.execute(
            "SELECT count(*) FROM pg_constraint"
            " WHERE conrelid = 'public.kept'::regclass AND contype = 'f'"
        ).fetchone()
    assert keys == (1,)


def test_postgis_in_public(system_lab: Lab) -> None:
    """Geometries arrive as they left, and so do the indexes and views over them."""
    with system_lab.source_server.admin(f"{system_lab.name}_source") as admin:
        if not admin.execute(
            "SELECT true FROM pg_available_extensions WHERE name = 'postgis'"
        ).fetchone():
            pytest.skip("PostGIS is not installed")
        admin.execute("CREATE EXTENSION postgis; CREATE EXTENSION postgis_raster")
    with system_lab.source() as source:
        source.execute(_PLACES)
        source.execute("CREATE TABLE images (id int PRIMARY KEY, r raster)")
        source.execute(
            "INSERT INTO images VALUES (1, ST_MakeEmptyRaster(9, 9, 0, 0, 1))"
        )
        wanted = source.execute(_EWKB.format("public")).fetchone()
    status, output = system_lab.run("check")
    assert status == 2
    assert "CREATE EXTENSION postgis SCHEMA public" in output
    with system_lab.warehouse_server.admin(f"{system_lab.name}_warehouse") as admin:
        admin.execute("CREATE EXTENSION postgis; CREATE EXTENSION postgis_raster")
    _nights(system_lab)
    with system_lab.warehouse(READER) as reader:
        assert reader.execute(_EWKB.format("pix")).fetchone() == wanted
        assert reader.execute("SELECT count(*) FROM pix.near").fetchone() == (4,)
    status, output = system_lab.run("drop-previous")
    assert status == 0, output
    system_lab.assert_clean()
