"""Dumps are cut into items, and plain ones are read without being run."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot_core.base.errors import Refused
from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump.items import Item, parents, schemas_of, sections
from pg_replica.dump.plain import PlainDump
from pg_replica.dump.storage_options import without_internal

DUMP = """\
--
-- PostgreSQL database dump
--

SET client_encoding = 'UTF8';

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$
-- a comment; with 'quotes
\\. is not an end here
SELECT 'a''b;' || $$x$$
$_$;


ALTER FUNCTION public.f() OWNER TO somebody;

--
-- Name: users; Type: TABLE; Schema: public; Owner: somebody
--

CREATE TABLE public.users (
    id integer NOT NULL,
    "full name" text DEFAULT 'x;'::text
);


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: somebody
--

COPY public.users (id, "full name") FROM stdin;
1\tone
2\t\\\\.
\\.


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: somebody
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: orders orders_fk; Type: FK CONSTRAINT; Schema: shop; Owner: somebody
--

ALTER TABLE ONLY shop."or ders"
    ADD CONSTRAINT orders_fk FOREIGN KEY (u) REFERENCES public.users(id);
"""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "dump.sql"
    path.write_text(DUMP)
    return path


def test_a_plain_dump_is_cut_into_items_and_rows(plain: Path) -> None:
    dump = PlainDump(plain)
    assert [item.kind for item in dump.items] == [
        "FUNCTION",
        "TABLE",
        "CONSTRAINT",
        "FK CONSTRAINT",
    ]
    assert "OWNER" not in "".join(item.sql for item in dump.items)
    assert "$_$;" in dump.items[0].sql
    [data] = dump.data
    assert data.table == TableName("public", "users")
    statement, *chunks = data.copy_text()
    assert statement.startswith(b"COPY public.users (id,")
    assert b"".join(chunks) == b"1\tone\n2\t\\\\.\n"


def test_items_know_their_tables_and_sections(plain: Path) -> None:
    items = PlainDump(plain).items
    pre, post = sections(items)
    assert [item.kind for item in pre] == ["FUNCTION", "TABLE"]
    assert post[0].table == TableName("public", "users")
    assert post[1].table == TableName("shop", "or ders")
    assert post[1].referenced_table == TableName("public", "users")
    assert schemas_of(items) == ["public", "shop"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("\\connect elsewhere\n", "\\connect"),
        ("\\! rm -rf /\n", "\\!"),
        ("COPY public.users FROM PROGRAM 'id';\n", "COPY public.users FROM"),
        ("COPY public.users TO '/tmp/x';\n", "COPY public.users TO"),
        ("INSERT INTO public.users SELECT 1;\n", "INSERT INTO public.users"),
        ("DO $$ BEGIN END $$;\n", "'DO'"),
        ("CREATE ROLE boss SUPERUSER;\n", "CREATE ROLE boss"),
        ("ALTER SYSTEM SET x = 1;\n", "ALTER SYSTEM"),
        ("UPDATE public.users SET id = 2;\n", "UPDATE public.users"),
    ],
)
def test_what_pg_dump_does_not_write_is_refused(
    plain: Path, line: str, words: str
) -> None:
    plain.write_text(DUMP + line)
    with pytest.raises(Refused) as refusal:
        PlainDump(plain)
    assert words in str(refusal.value)
    assert "line " in str(refusal.value)


def _item(kind: str, sql: str) -> Item:
    return Item(0, 0, kind, "s", "x", sql)


def test_parents_of_partitions_and_children() -> None:
    items = [
        _item(
            "TABLE",
            "CREATE TABLE s.a (\n    x text DEFAULT ') INHERITS (s.no)'\n)\n"
            "INHERITS (s.base, s.b);",
        ),
        _item("TABLE", "CREATE TABLE s.b (\n    x integer -- INHERITS (s.no)\n);"),
        _item("TABLE", "CREATE UNLOGGED TABLE s.c PARTITION OF s.p FOR VALUES IN (1);"),
        _item(
            "TABLE ATTACH",
            'ALTER TABLE ONLY s.p ATTACH PARTITION s."p 1" FOR VALUES IN (1);',
        ),
        _item(
            "COMMENT",
            "COMMENT ON TABLE s.b IS '\nALTER TABLE s.no ATTACH PARTITION s.b';",
        ),
    ]
    assert parents(items) == {
        TableName("s", "a"): TableName("s", "base"),
        TableName("s", "c"): TableName("s", "p"),
        TableName("s", "p 1"): TableName("s", "p"),
    }


_ODD_INSERTS = rb"""INSERT INTO public."or ders" VALUES (1, 'it''s; ok', NULL, DEFAULT, true);
INSERT INTO public."or ders" VALUES (-2.5e3, 'DEFAULT
line	\\.', 'NULL', DEFAULT, B'101'),
	(3, '), (', '', DEFAULT, false) ON CONFLICT DO NOTHING;
"""


@pytest.mark.parametrize("listed", [b"", b'(id, "a, b", c, made, d) '])
def test_inserts_are_read_as_rows(plain: Path, listed: bytes) -> None:
    text = _ODD_INSERTS.replace(b"VALUES", listed + b"VALUES")
    header = "--\n-- Name: or ders; Type: TABLE; Schema: public; Owner: -\n--\n\n"
    made = 'CREATE TABLE public."or ders" (id integer);\n'
    plain.write_bytes((DUMP + header + made).encode() + text)
    data = PlainDump(plain).data[-1]
    statement, *chunks = data.copy_text()
    kept = b' (id, "a, b", c, d)' if listed else b""
    assert statement == b'COPY public."or ders"' + kept + b" FROM stdin;\n"
    assert b"".join(chunks).split(b"\n") == [
        b"1\tit's; ok\t\\N\tt",
        b"-2.5e3\tDEFAULT\\nline\\t\\\\\\\\.\tNULL\t101",
        b"3\t), (\t\tf",
        b"",
    ]


_ALTER = b"ALTER TABLE ONLY public.t ALTER COLUMN v SET ("


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        (_ALTER + b"pg_attver=22183600);", None),
        (b'ALTER FOREIGN TABLE s.t ALTER COLUMN v SET ("pg_attver"=1);', None),
        (b"ALTER INDEX s.i ALTER COLUMN 1 SET (pg_attver=1);", None),
        (
            _ALTER + b"n_distinct=5, pg_attver=7, n_distinct_inherited=6);",
            _ALTER + b"n_distinct=5, n_distinct_inherited=6);",
        ),
        (
            b"CREATE INDEX i ON s.t USING gist (v s.ops (pg_attver='1'), w) WITH (pg_attver='1');",
            b"CREATE INDEX i ON s.t USING gist (v s.ops, w);",
        ),
        (
            b"CREATE MATERIALIZED VIEW s.m WITH (pg_attver='1', fillfactor='9') AS SELECT 1;",
            b"CREATE MATERIALIZED VIEW s.m WITH (fillfactor='9') AS SELECT 1;",
        ),
    ],
)
def test_what_a_newer_server_notes_among_options_is_left_out(
    statement: bytes, kept: bytes | None
) -> None:
    assert without_internal(statement) == kept


@pytest.mark.parametrize(
    "statement",
    [
        b"CREATE TABLE s.t (pg_attver integer);",
        b"CREATE MATERIALIZED VIEW s.m AS SELECT * FROM s.t WHERE (pg_attver = 3);",
        b"CREATE INDEX i ON s.t USING btree (coalesce(pg_attver = 3, false));",
        b"COMMENT ON TABLE s.t IS 'ALTER TABLE s.t ALTER v SET (pg_attver=1);';",
        _ALTER + b"n_distinct=4 /* pg_attver=1 */);",
    ],
)
def test_what_only_has_its_name_stays(statement: bytes) -> None:
    assert without_internal(statement) == statement


def test_an_identity_s_sequence_is_named_by_its_statement(tmp_path: Path) -> None:
    """In the comment above it a line end of its name is a space."""
    text = (
        "-- Name: a b_seq; Type: SEQUENCE; Schema: public; Owner: -\n--\n\n"
        'ALTER TABLE public."a\nb" ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n'
        '    SEQUENCE NAME public."a\nb_seq"\n    START WITH 1\n);\n'
    )
    path = tmp_path / "dump.sql"
    path.write_text(f"--\n-- PostgreSQL database dump\n--\n\n--\n{text}")
    (item,) = PlainDump(path).items
    assert (item.kind, item.schema, item.tag) == ("SEQUENCE", "public", "a\nb_seq")
