"""Values of the source's rows stay out of every message, whatever kind of item fails on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot_lab.postgres.warehouse import Lab

MARKER = "alice@hospital.example"
# A function that was harmless while the rows came, and is not when they are looked at again.
HARMLESS = "CREATE FUNCTION public.f(text) RETURNS text IMMUTABLE LANGUAGE {} AS $${}$$"
SQL = HARMLESS.format("sql", "SELECT $1")
RAISES = HARMLESS.format("plpgsql", "BEGIN RAISE EXCEPTION 'bad patient %', $1; END")
CASTS = HARMLESS.format("sql", "SELECT $1::int::text")
NAMES = HARMLESS.format("sql", "SELECT $1::regclass::text")
LOWER = HARMLESS.format("sql", "SELECT lower($1)")
EXECUTES = HARMLESS.format(
    "plpgsql", "BEGIN EXECUTE format('SELECT %I', $1); RETURN $1; END"
)
TABLE = "CREATE TABLE public.patients (id int, email text"
ROWS = f"INSERT INTO public.patients (id, email) VALUES (1, '{MARKER}')"
TWO = f"{ROWS}, (2, upper('{MARKER}'))"
TRUE = "public.f(email) IS NOT NULL"

CASES = {
    "a unique index": (
        [SQL, f"{TABLE})", TWO, "CREATE UNIQUE INDEX i ON public.patients (f(email))"],
        LOWER,
        "unique violation (SQLSTATE 23505)",
    ),
    "an exclusion constraint": (
        [SQL, f"{TABLE}, EXCLUDE USING hash (f(email) WITH =))", TWO],
        LOWER,
        "exclusion violation (SQLSTATE 23P01)",
    ),
    "an index whose function raises": (
        [SQL, f"{TABLE})", ROWS, "CREATE INDEX i ON public.patients (f(email))"],
        RAISES,
        "raised by a function",
    ),
    "an index whose function casts": (
        [SQL, f"{TABLE})", ROWS, "CREATE INDEX i ON public.patients (f(email))"],
        CASTS,
        "SQLSTATE 22P02",
    ),
    "an index whose function makes a statement of it": (
        [SQL, f"{TABLE})", ROWS, "CREATE INDEX i ON public.patients (f(email))"],
        EXECUTES,
        "undefined column (SQLSTATE 42703)",
    ),
    "a CHECK at COPY": (
        [SQL, f"{TABLE}, CHECK ({TRUE}))", ROWS],
        HARMLESS.format("sql", "SELECT nullif($1, $1)"),
        "constraint patients_email_check",
    ),
    "a CHECK whose function raises": (
        [SQL, f"{TABLE}, CHECK ({TRUE}))", ROWS],
        RAISES,
        "raised by a function",
    ),
    "a domain at COPY": (
        [
            SQL,
            f"CREATE DOMAIN public.d AS text CHECK ({TRUE.replace('email', 'VALUE')})",
            f"{TABLE.replace('email text', 'email public.d')})",
            ROWS,
        ],
        HARMLESS.format("sql", "SELECT nullif($1, $1)"),
        "SQLSTATE 23514",
    ),
    "a generated column": (
        [SQL, f"{TABLE}, g text GENERATED ALWAYS AS (public.f(email)) STORED)", ROWS],
        NAMES,
        "SQLSTATE 3F000",
    ),
    "a materialized view": (
        [
            SQL,
            f"{TABLE})",
            ROWS,
            "CREATE MATERIALIZED VIEW public.v AS SELECT f(email) FROM public.patients",
        ],
        RAISES,
        "raised by a function",
    ),
    "statistics": (
        [SQL, f"{TABLE})", TWO, "CREATE STATISTICS s ON f(email), id FROM patients"],
        CASTS,
        "SQLSTATE 22P02",
    ),
    "a foreign key": (
        [
            "CREATE TABLE public.people (email text PRIMARY KEY)",
            f"{TABLE}, FOREIGN KEY (email) REFERENCES people NOT VALID)",
            "ALTER TABLE public.patients DISABLE TRIGGER ALL",
            ROWS,
            "UPDATE pg_constraint SET convalidated = true WHERE contype = 'f'",
        ],
        None,
        "foreign key violation (SQLSTATE 23503)",
    ),
}


# A CHECK that rows of the source do not pass is kept for new rows, and a finding says so.
PASSED_OVER = {"a CHECK at COPY", "a CHECK whose function raises", "a domain at COPY"}


def everything_recorded(lab: Lab) -> str:
    with lab.warehouse() as warehouse:
        tables = warehouse.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'entrepot_ops'::regnamespace"
        ).fetchall()
        return "\n".join(
            row[0]
            for (table,) in tables
            for row in warehouse.execute(
                f"SELECT t::text FROM entrepot_ops.{table} AS t"
            ).fetchall()
        )


def assert_no_value(lab: Lab, *outputs: str) -> None:
    status = lab.run("status")[1] + lab.run("status", "--json")[1]
    files = "".join(
        path.read_text(errors="replace")
        for path in Path(lab.env["WORK_DIR"]).rglob("*")
        if path.is_file()
    )
    for text in (*outputs, status, everything_recorded(lab), files):
        assert MARKER.lower() not in text.lower()


@pytest.mark.parametrize("case", CASES)
def test_an_item_that_fails_on_rows_tells_no_value(empty_lab: Lab, case: str) -> None:
    statements, then, said = CASES[case]
    lab = empty_lab
    with lab.source_server.admin(f"{lab.name}_source") as admin:
        admin.execute("SET search_path = public")
        for statement in statements:
            admin.execute(statement)
        if then:
            admin.execute(then.replace("CREATE", "CREATE OR REPLACE"))
        admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO app")
    status, output = lab.run(
        "run", RESTORE_FK_CONSTRAINTS="true", TRUST_SOURCE_CODE="true"
    )
    assert status == (case not in PASSED_OVER), output
    assert said in output
    assert "the server's log has the values" in output
    assert_no_value(lab, output)


def test_a_dump_with_a_bad_row_tells_no_value(empty_lab: Lab, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text(
        "-- PostgreSQL database dump\n\n"
        "-- Dumped from database version 16.1\n-- Dumped by pg_dump version 16.1\n\n"
        "SET client_encoding = 'UTF8';\n\n"
        "--\n-- Name: t; Type: TABLE; Schema: public; Owner: app\n--\n\n"
        "CREATE TABLE public.t (\n    id integer,\n    a text\n);\n\n\n"
        "--\n-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: app\n--\n\n"
        f"COPY public.t (id, a) FROM stdin;\n1\tx\n{MARKER}\ty\n\\.\n\n\n"
        "--\n-- PostgreSQL database dump complete\n--\n"
    )
    variables = {"DUMP_PATH": str(dump), "SOURCE_DATABASE_URL": ""}
    status, output = empty_lab.run("run", **variables)
    assert status == 1, output
    assert "invalid text representation (SQLSTATE 22P02), line 2" in output
    assert_no_value(empty_lab, output)


def test_names_that_would_act_on_a_terminal_are_shown(empty_lab: Lab) -> None:
    """The names arrive as they are; nothing that is printed acts."""
    name = "esc\x1b[31mRED\x1b]0;owned\x07\u202e [bold]x"
    with empty_lab.source() as source:
        source.execute(f'CREATE TABLE "{name}" (id int)')
    outputs = [empty_lab.night(), empty_lab.night(LOG_FORMAT="json")]
    outputs += [empty_lab.run(*verb)[1] for verb in (["status"], ["check"])]
    outputs.append(empty_lab.run("status", "--json")[1])
    for output in outputs:
        assert not any(character in output for character in "\x1b\x07\u202e")
    assert "\\u001b[31mRED" in outputs[2].replace("\n", "")
    with empty_lab.warehouse() as warehouse:
        query = "SELECT to_regclass(format('pix.%%I', %s::text)) IS NOT NULL"
        assert warehouse.execute(query, [name]).fetchone() == (True,)
