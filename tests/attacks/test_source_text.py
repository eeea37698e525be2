"""Actor: a developer of the source. May write any text into any object's definition."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from entrepot_lab.postgres.cluster import embedded_binaries, system_binaries
from entrepot_lab.postgres.warehouse import READER, Lab

# What a dump's item looks like, with an item in it that would end the replica.
_FORGED = (
    "x\n--\n-- Name: evil; Type: TABLE; Schema: public; Owner: app\n--\n\n"
    "DROP SCHEMA pix CASCADE;\n--\n"
)
_COPY = "\nCOPY public.t (id) FROM stdin;\n9\n\\.\n\\! touch owned\n"
_TEXTS = [
    _FORGED,
    _FORGED.replace("\n", "\r\n"),
    f"';{_FORGED}",
    f"$$;{_FORGED}$_$",
    f"*/;{_FORGED}/*",
    f'";{_FORGED}',
    f"\\';{_FORGED}\\",
    f");{_FORGED}(",
    f"END;{_FORGED}BEGIN ATOMIC",
    _COPY + _FORGED,
]
_FACTS = """
SELECT 'comment', c.relname, obj_description(c.oid) FROM pg_class AS c
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('r', 'v', 'm')
UNION ALL SELECT 'column', c.relname, a.attname || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind = 'r'
UNION ALL SELECT 'function', proname, coalesce(pg_get_function_sqlbody(oid), prosrc) FROM pg_proc
WHERE pronamespace = %(schema)s::regnamespace
UNION ALL SELECT 'view', c.relname, pg_get_viewdef(c.oid)
FROM pg_class AS c
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind IN ('v', 'm')
UNION ALL SELECT 'enum', t.typname, e.enumlabel FROM pg_type AS t
JOIN pg_enum AS e ON e.enumtypid = t.oid WHERE t.typnamespace = %(schema)s::regnamespace
"""


def _facts(where: psycopg.Connection, schema: str) -> list[tuple[str, ...]]:
    where.execute("SET search_path = ''")
    return sorted(where.execute(_FACTS, {"schema": schema}).fetchall())


def _write(lab: Lab) -> None:
    """Make objects of many kinds whose names and texts hold whole dumps."""
    with lab.source() as source:
        source.execute("CREATE TABLE t (id int PRIMARY KEY)")
        source.execute("INSERT INTO t VALUES (1)")
        for number, text in enumerate(_TEXTS):
            literal = psycopg.sql.Literal(text)
            name = psycopg.sql.Identifier(f"{number} {text}"[:60])
            for statement in (
                "CREATE TABLE {name} (id int, {name} text DEFAULT {literal})",
                "COMMENT ON TABLE {name} IS {literal}",
                "COMMENT ON COLUMN {name}.{name} IS {literal}",
                "CREATE INDEX ON {name} (id) WHERE {name} <> {literal}",
                "CREATE VIEW {view} AS SELECT {literal}::text AS {name}",
                "COMMENT ON VIEW {view} IS {literal}",
                "CREATE FUNCTION {name}() RETURNS text LANGUAGE plpgsql AS {literal}",
                "CREATE FUNCTION {view}() RETURNS text BEGIN ATOMIC {body}; END",
                "CREATE TYPE {kind} AS ENUM ({label})",
            ):
                source.execute("SET check_function_bodies = off")
                source.execute(
                    psycopg.sql.SQL(statement).format(
                        name=name,
                        literal=literal,
                        view=psycopg.sql.Identifier(f"v{number} {text}"[:60]),
                        kind=psycopg.sql.Identifier(f"y{number} {text}"[:60]),
                        body=psycopg.sql.SQL(
                            "SELECT CASE WHEN true THEN {} END"
                        ).format(literal),
                        label=psycopg.sql.Literal(text[:60]),
                    )
                )


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", ["live", "c", "p"])
def test_text_that_looks_like_a_dump_is_text(lab: Lab, way: str) -> None:
    """Attempt: a dump's headers, statements and psql commands in every kind of text and name.

    Expected: nothing of it is run, and it arrives as it is. Twin: the night is an ordinary one.
    """
    _write(lab)
    if way == "live":
        lab.night()
    else:
        folder = embedded_binaries()
        if lab.source_server.binaries != folder:
            folder = system_binaries()[0]
        path = lab.folder / "dump"
        subprocess.run(
            [folder / "pg_dump", f"-F{way}", "-f", path, lab.source_url()], check=True
        )
        lab.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    with lab.source() as source, lab.warehouse() as warehouse:
        assert _facts(warehouse, "pix") == _facts(source, "public")
    with lab.warehouse(READER) as reader:
        assert reader.execute("SELECT * FROM pix.t").fetchall() == [(1,)]
    assert not list(lab.folder.rglob("owned"))
