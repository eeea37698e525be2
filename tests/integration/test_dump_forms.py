"""Whatever an object is called and says, and whatever options a dump was made with, it arrives."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from entrepot_core.postgres.client_tools import ClientTools
from entrepot_lab.postgres.cluster import Cluster, embedded_binaries, system_binaries
from entrepot_lab.postgres.warehouse import READER, Lab
from pg_replica.dump import shapes
from pg_replica.dump.archive import Archive
from pg_replica.dump.items import LEFT_OUT
from pg_replica.dump.plain import PlainDump

# Every piece of a dump's format, and what ends or begins a quoted thing.
_PIECES = [
    "\n--\n-- Name: t; Type: TABLE; Schema: public; Owner: app\n--\n\n",
    "-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: -\n",
    "; Type: ACL; Schema: public; Owner: app",
    "-- TOC entry 1 (class 1259 OID 1)\n",
    "DROP SCHEMA pix CASCADE;",
    "CREATE TABLE public.evil ();\n",
    "COPY public.t (id) FROM stdin;\n",
    "INSERT INTO public.t VALUES (1);\n",
    "\\.\n",
    "\n\\.\n",
    "\\! touch owned\n",
    "\\restrict x\n",
    "BEGIN ATOMIC",
    "CASE",
    "END;",
    "INHERITS (public.t)",
    "SET (pg_attver=1)",
    " REFERENCES public.t(id)",
    *("$$", "$_$", "$_X$", "E'", "U&'", "'", "''", '"', '""', "\\", "\\\\", "\\'"),
    *(
        "--",
        "/*",
        "*/",
        "/*/*",
        ";",
        "\n",
        "\r",
        "\t",
        ")",
        "(",
        ",",
        "=",
        "é",
        "名",
        "x",
        " ",
    ),
]
_texts = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=8).map("".join)
_words = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join)
_examples = st.tuples(_words, st.lists(_texts, min_size=6, max_size=6))

_STATEMENTS = [
    "CREATE TYPE {y} AS ENUM ({label}, 'other')",
    "CREATE TABLE {t} ({c} text DEFAULT {a}, {k} int NOT NULL, y {y})",
    "ALTER TABLE {t} ADD CHECK ({c} <> {b} OR {k} > 0)",
    "ALTER TABLE {t} ADD CONSTRAINT {n} PRIMARY KEY ({k})",
    "CREATE TABLE {u} ({c} int CONSTRAINT {n} REFERENCES {t} ({k})) PARTITION BY LIST ({c})",
    "CREATE TABLE {p} PARTITION OF {u} FOR VALUES IN (1)",
    "CREATE TABLE {i} (more text DEFAULT {c1}) INHERITS ({t})",
    "CREATE INDEX {x} ON {t} (({c} || {a})) WHERE {c} <> {b}",
    "ALTER TABLE {t} ALTER {k} SET STATISTICS 5",
    "COMMENT ON TABLE {t} IS {d}",
    "COMMENT ON COLUMN {t}.{c} IS {e}",
    "COMMENT ON CONSTRAINT {n} ON {t} IS {a}",
    "COMMENT ON INDEX {x} IS {b}",
    "CREATE VIEW {v} AS SELECT {c}, {a}::text AS {n} FROM {t} WHERE {c} <> {b}",
    "COMMENT ON VIEW {v} IS {c1}",
    "CREATE MATERIALIZED VIEW {m} AS SELECT {d}::text AS {n}",
    "CREATE FUNCTION {f}({n} text DEFAULT {a}) RETURNS text LANGUAGE plpgsql AS {d}",
    "COMMENT ON FUNCTION {f} IS {e}",
    "CREATE FUNCTION {g}() RETURNS text BEGIN ATOMIC {body}; END",
    "INSERT INTO {t} ({c}, {k}) VALUES ({d}, 1), ({e}, 2), ({label}, 3)",
    "INSERT INTO {u} VALUES (1)",
]
# Everything that the statements above say, names of schemas apart.
_FACTS = """
SELECT c.relkind::text, c.relname, coalesce(obj_description(c.oid), ''),
    coalesce(pg_get_expr(c.relpartbound, c.oid), '')
FROM pg_class AS c WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind NOT IN ('t', 'c')
UNION ALL SELECT 'column', c.relname,
    a.attname || ' ' || coalesce(nullif(a.attstattarget, -1)::text, ''),
    coalesce(col_description(c.oid, a.attnum), '') || coalesce(
        pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'p')
UNION ALL SELECT 'constraint', conname, contype::text,
    coalesce(pg_get_expr(conbin, conrelid), '') || coalesce(obj_description(oid), '')
FROM pg_constraint WHERE connamespace = %(schema)s::regnamespace AND contype <> 'n'
UNION ALL SELECT 'function', proname, coalesce(pg_get_function_sqlbody(oid), prosrc),
    coalesce(pg_get_expr(proargdefaults, 0), '') || coalesce(obj_description(oid), '')
FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace
UNION ALL SELECT 'enum', t.typname, e.enumlabel, '' FROM pg_type AS t
JOIN pg_enum AS e ON e.enumtypid = t.oid WHERE t.typnamespace = %(schema)s::regnamespace
UNION ALL SELECT 'parent', c.relname, p.relname, '' FROM pg_inherits AS h
JOIN pg_class AS c ON c.oid = h.inhrelid JOIN pg_class AS p ON p.oid = h.inhparent
WHERE c.relnamespace = %(schema)s::regnamespace
"""


def _facts(where: psycopg.Connection, schema: str) -> list[tuple[str, ...]]:
    where.execute("SET search_path = ''")
    return sorted(where.execute(_FACTS, {"schema": schema}).fetchall())


def _make(source: psycopg.Connection, number: int, word: str, texts: list[str]) -> None:
    """Make objects of every kind, their names and texts made of the pieces."""
    names = {
        letter: sql.Identifier(
            f"{letter}{number}{word}".encode()[:40].decode(errors="ignore")
        )
        for letter in ("y", "t", "c", "k", "n", "u", "p", "i", "x", "v", "m", "f", "g")
    }
    values = dict(zip(("a", "b", "c1", "d", "e", "label"), texts, strict=True))
    values["label"] = values["label"].encode()[:40].decode(errors="ignore")
    literals = {name: sql.Literal(text) for name, text in values.items()}
    body = sql.SQL("SELECT CASE WHEN true THEN {} END AS {}").format(
        literals["a"], names["n"]
    )
    for statement in _STATEMENTS:
        source.execute(sql.SQL(statement).format(**names, **literals, body=body))


@pytest.fixture(scope="module")
def invented(
    servers: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Twenty invented examples in one source, always the same."""
    server = servers.get("system", servers["wheel"])
    folder = tmp_path_factory.mktemp("invented")
    lab = Lab(server, servers["wheel"], "invented", folder).create()
    lab.env["TRUST_SOURCE_CODE"] = "true"
    with lab.source() as source:
        source.execute("SET check_function_bodies = off")
        numbers = iter(range(1000))

        @settings(
            max_examples=20,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(_examples)
        def make(example: tuple[str, list[str]]) -> None:
            _make(source, next(numbers), *example)

        make()
    yield lab
    lab.drop()


def _dump(lab: Lab, *options: str, newest: bool = False) -> Path:
    """Dump the source with its server's own pg_dump, or with the newest."""
    folder = embedded_binaries()
    if not newest and lab.source_server.binaries != folder:
        folder = system_binaries()[0]
    path = lab.folder / f"dump{len(list(lab.folder.iterdir()))}"
    command = [folder / "pg_dump", *options, "-f", path, lab.source_url()]
    subprocess.run([str(part) for part in command], check=True)
    return path


@pytest.mark.timeout(240)
@pytest.mark.parametrize("way", ["live", "-Fc", "-Fd", "-Ft", "-Fp", "newest -Fp"])
def test_what_looks_like_a_dump_arrives_as_it_is(invented: Lab, way: str) -> None:
    if way == "live":
        invented.night()
    else:
        path = _dump(invented, way.rsplit(maxsplit=1)[-1], newest="newest" in way)
        invented.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    with invented.source() as source, invented.warehouse() as warehouse:
        assert _facts(warehouse, "pix") == _facts(source, "public")
    invented.assert_replicated()


_SHOP = """
CREATE SCHEMA shop;
CREATE TABLE users (id int PRIMARY KEY, name text DEFAULT 'x;');
INSERT INTO users SELECT n, 'u''\\' || n FROM generate_series(1, 50) AS n;
CREATE TABLE shop.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "u id" int
    REFERENCES users, total numeric GENERATED ALWAYS AS (1 + 1) STORED);
INSERT INTO shop.orders ("u id") SELECT 1 + n % 50 FROM generate_series(1, 99) AS n;
CREATE TABLE logs (id int, kind text) PARTITION BY HASH (kind);
CREATE TABLE logs_0 PARTITION OF logs FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO logs SELECT n, 'k' || n % 7 FROM generate_series(1, 70) AS n;
CREATE FUNCTION shop.f(integer) RETURNS integer BEGIN ATOMIC
    SELECT CASE WHEN $1 > 1 THEN (SELECT count(*)::int FROM users) ELSE 2 END; SELECT 1; END;
CREATE VIEW shop.v AS SELECT *, ';' AS "end" FROM users;
CREATE TRIGGER g BEFORE INSERT ON users EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE users DISABLE TRIGGER g;
COMMENT ON COLUMN users.name IS 'a name; "quoted"';
"""
_SCHEMAS = {"public": "pix", "shop": "pix_shop"}


@pytest.fixture(scope="module")
def shop(
    servers: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    server = servers.get("system", servers["wheel"])
    lab = Lab(
        server, servers["wheel"], "forms", tmp_path_factory.mktemp("forms")
    ).create()
    lab.env["TRUST_SOURCE_CODE"] = "true"
    with lab.source() as source:
        source.execute(_SHOP.replace("suppress", "pg_catalog.suppress"))
    yield lab
    lab.drop()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("form", ["-Fc", "-Fp"])
@pytest.mark.parametrize(
    "options",
    [
        ["--load-via-partition-root"],
        ["--load-via-partition-root", "--inserts"],
        ["--load-via-partition-root", "--column-inserts"],
        ["--inserts", "--rows-per-insert=7", "--on-conflict-do-nothing"],
        ["--no-comments", "--no-owner", "--no-privileges", "--no-tablespaces"],
        ["--quote-all-identifiers", "--disable-dollar-quoting", "--encoding=LATIN1"],
        ["--clean", "--if-exists", "--serializable-deferrable"],
        ["--schema=public", "--schema=shop"],
    ],
    ids=" ".join,
)
def test_other_peoples_options(shop: Lab, form: str, options: list[str]) -> None:
    path = _dump(shop, form, *options, newest="--if-exists" in options)
    shop.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    with shop.warehouse(READER) as reader, shop.source() as source:
        counted = "SELECT count(*), sum(id), count(DISTINCT kind) FROM {}logs"
        assert (
            reader.execute(counted.format("pix.")).fetchone()
            == source.execute(counted.format("")).fetchone()
        )
        source.execute("SET search_path = ''")
        for origin, live in _SCHEMAS.items():
            wanted = shop.content(source, origin)
            found = shop.content(reader, live)
            for name in set(wanted) - {"logs_0", "logs_1"}:
                assert found[name] == wanted[name]


@pytest.mark.parametrize("form", ["-Fc", "-Fp"])
def test_a_part_of_a_dump(shop: Lab, form: str) -> None:
    """Sections without an end are a night; those without rows or tables are refused, in words."""
    path = _dump(shop, form, "--section=pre-data", "--section=data")
    shop.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    for options in (["--section=pre-data"], ["--data-only"], ["--section=post-data"]):
        path = _dump(shop, form, *options, "--disable-triggers")
        status, output = shop.run("run", SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
        assert status == 2, f"{options}: {output}"
        assert "dump" in output
        assert "Traceback" not in output


def test_rows_of_a_dump_for_one_table_only(shop: Lab) -> None:
    """What `--exclude-table-data` left out is known to be absent, not taken for empty."""
    for form in ("-Fc", "-Fp"):
        path = _dump(shop, form, "--exclude-table-data=users")
        status, output = shop.run("run", SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
        assert "Traceback" not in output, f"{form} {status}"


@pytest.fixture(scope="module", params=["wheel", "system"])
def kinds(
    request: pytest.FixtureRequest,
    servers: dict[str, Cluster],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """Every kind of object, on each server."""
    if request.param not in servers:
        pytest.skip("this machine has no PostgreSQL of its own")
    server = servers[request.param]
    folder = tmp_path_factory.mktemp("kinds")
    lab = Lab(server, servers["wheel"], f"kinds_{request.param}", folder).create()
    url = server.url(f"{lab.name}_source", "postgres", server.password)
    texts = files("entrepot_lab.sources") / "sql"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute((texts / "every_kind.sql").read_bytes())
        if admin.info.server_version >= 180000:
            admin.execute((texts / "every_kind_18.sql").read_bytes())
    lab.env["SOURCE_DATABASE_URL"] = url
    yield lab
    lab.drop()


def test_every_kind_is_read_alike_from_every_form(kinds: Lab) -> None:
    """Archives and plain SQL give the same statements, each of a shape that is known."""
    folder = kinds.source_server.binaries
    read: dict[str, dict[str, list[bytes]]] = {}
    for options in (
        "-Fc",
        "-Fd",
        "-Ft",
        "-Fp",
        "-Fp --verbose",
        "-Fp --clean --if-exists",
        "-Fp --clean",
        "-Fp --inserts",
    ):
        path = kinds.folder / options
        command = [folder / "pg_dump", *options.split(), "-f", path]
        subprocess.run(
            [*map(str, command), kinds.env["SOURCE_DATABASE_URL"]],
            check=True,
            capture_output=True,
        )
        is_plain = options.startswith("-Fp")
        dump = PlainDump(path) if is_plain else Archive(path, ClientTools(folder, 18))
        shapes.check(dump.items, lambda _: True)
        read[options] = {
            item.label: item.statements
            for item in dump.items
            if item.kind not in LEFT_OUT
        }
        assert dump.data
    for options, found in read.items():
        assert found == read["-Fc"], options
    assert len(read["-Fc"]) > 120


@pytest.mark.parametrize("way", ["live", "-Fc", "-Fp"])
@pytest.mark.parametrize(
    ("encoding", "word"), [("LATIN1", "été"), ("EUC_JP", "名前\\")]
)
def test_another_encoding_arrives(
    empty_lab: Lab, encoding: str, word: str, way: str
) -> None:
    """Names, texts, keys by hash of text: all of them in UTF-8 here."""
    database = f"{empty_lab.name}_source"
    with empty_lab.source_server.admin() as admin:
        admin.execute(f'DROP DATABASE "{database}"')
        admin.execute(
            f"CREATE DATABASE \"{database}\" OWNER app ENCODING '{encoding}'"
            " TEMPLATE template0 LOCALE 'C'"
        )
    name, text = sql.Identifier(word), sql.Literal(word)
    with empty_lab.source() as source:
        for statement in (
            "CREATE TABLE {name} ({name} text DEFAULT {text}, id int PRIMARY KEY)",
            "INSERT INTO {name} VALUES ({text}, 1), (NULL, 2)",
            "COMMENT ON TABLE {name} IS {text}",
            "CREATE TABLE kinds (k text) PARTITION BY HASH (k)",
            "CREATE TABLE k0 PARTITION OF kinds FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            "CREATE TABLE k1 PARTITION OF kinds FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
            "INSERT INTO kinds SELECT {text} || n FROM generate_series(1, 9) AS n",
        ):
            source.execute(sql.SQL(statement).format(name=name, text=text))
    if way == "live":
        empty_lab.night()
    else:
        path = _dump(empty_lab, way)
        empty_lab.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    with empty_lab.warehouse(READER) as reader:
        rows = sql.SQL("SELECT {} FROM pix.{} ORDER BY id").format(name, name)
        assert reader.execute(rows).fetchall() == [(word,), (None,)]
        assert reader.execute("SELECT count(*) FROM pix.kinds").fetchone() == (9,)
        comment = "SELECT obj_description(%s::regclass)"
        assert reader.execute(comment, [f'pix."{word}"']).fetchone() == (word,)
