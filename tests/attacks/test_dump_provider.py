"""Actor: who provides dumps. May hand over any file; has no right on any server."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from entrepot_lab.postgres import archives
from entrepot_lab.postgres.archives import DATA, POST_DATA, Entry
from entrepot_lab.postgres.warehouse import READER, Lab

_USERS = archives.table("users", "id integer", b"1\n2\n", 17)
# Each beside what pg_dump would write there.
_HOSTILE = [
    Entry(
        "TABLE", "a", "CREATE TABLE public.a (i integer); DROP SCHEMA pix CASCADE;\n"
    ),
    Entry("FUNCTION", "f()", "DO $$ BEGIN DROP SCHEMA pix CASCADE; END $$;\n"),
    Entry("VIEW", "v", "ALTER ROLE CURRENT_USER PASSWORD 'stolen';\n"),
    Entry("COMMENT", "TABLE users", "COMMENT ON TABLE pix.users IS 'theirs';\n"),
    Entry("TABLE", "b", "CREATE TABLE public.b () INHERITS (pix.users);\n"),
    Entry("TABLE", "c", "CREATE TABLE entrepot_ops.c (i integer);\n"),
    Entry("TABLE", "d", "ALTER TABLE pix.users OWNER TO external_reader;\n"),
    Entry(
        "INDEX",
        "i",
        "CREATE INDEX i ON pix.users USING btree (id);\n",
        section=POST_DATA,
    ),
    Entry(
        "SEQUENCE SET",
        "s",
        "SELECT pg_catalog.set_config('role', 'x', false);\n",
        section=DATA,
    ),
    Entry(
        "TRIGGER",
        "users t",
        "CREATE TRIGGER t AFTER INSERT ON pix.users EXECUTE FUNCTION public.f();\n",
        section=POST_DATA,
    ),
]
_RELATIONS = """
SELECT c.oid, relname, relowner, obj_description(c.oid) FROM pg_class AS c
WHERE relnamespace IN ('pix'::regnamespace, 'entrepot_ops'::regnamespace) AND relkind <> 'S'
ORDER BY 1
"""
_PLAIN = """\
SET client_encoding = 'UTF8';
--
-- Name: users; Type: TABLE; Schema: public; Owner: app
--

CREATE TABLE public.users (id integer);{}

--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: app
--

COPY public.users (id) FROM stdin;{}
1
2
\\.
{}
"""
_SECOND_STATEMENT = " DO $$ BEGIN DROP SCHEMA pix CASCADE; END $$;"
_PLAIN_HOSTILE = {
    "on a table's line": (_SECOND_STATEMENT, "", ""),
    "after a comment": ("/* ; */ UPDATE entrepot_ops.runs SET message = 'x';", "", ""),
    "on a COPY's line": ("", " DROP SCHEMA pix CASCADE;", ""),
    "after the rows": ("", "", "DROP SCHEMA pix CASCADE;"),
    "a program": (" COPY public.users FROM PROGRAM 'touch owned';", "", ""),
    "a file": (" COPY public.users TO '/tmp/owned';", "", ""),
    "a shell": ("\n\\! touch owned", "", ""),
    "another connection": ("\n\\connect postgres", "", ""),
    "a program's rows": ("", "", "\\copy public.users from program 'touch owned'"),
    "a role": ("CREATE ROLE boss SUPERUSER;", "", ""),
}


def _restored(lab: Lab, content: bytes, name: str = "dump") -> tuple[int, str]:
    path = lab.folder / name
    path.write_bytes(content)
    return lab.run("run", SOURCE_DATABASE_URL="", DUMP_PATH=str(path))


def _state(lab: Lab) -> list[object]:
    """Give what no dump may change: the live replica's objects, roles, and the record's tables."""
    with lab.warehouse() as warehouse:
        return [
            warehouse.execute(query).fetchall()
            for query in (
                "SELECT * FROM pix.users ORDER BY 1",
                _RELATIONS,
                "SELECT inhrelid FROM pg_inherits WHERE inhparent = 'pix.users'::regclass",
                "SELECT rolname FROM pg_roles ORDER BY 1",
            )
        ]


def test_an_archives_entry_cannot_be_another_statement(lab: Lab) -> None:
    """Attempt: an archive whose entries are not what their kind says, or reach for the replica.

    Expected: refused before anything is run, each entry by name; readers keep what they had.
    Twin: the same archive without them is a night.
    """
    status, output = _restored(lab, archives.archive(_USERS))
    assert status == 0, output
    before = _state(lab)
    status, output = _restored(lab, archives.archive([*_USERS, *_HOSTILE]))
    assert status == 2, output
    for entry in _HOSTILE:
        assert f"{entry.kind} public {entry.tag}" in output
    assert "stolen" not in output
    assert _state(lab) == before
    status, output = _restored(lab, archives.archive(_USERS))
    assert status == 0, output


def test_a_plain_dump_holds_no_other_statement(lab: Lab) -> None:
    """Attempt: SQL and psql commands behind, between and before what pg_dump writes.

    Expected: refused with the line, nothing run. Twin: the dump without them is a night.
    """
    status, output = _restored(lab, _PLAIN.format("", "", "").encode())
    assert status == 0, output
    before = _state(lab)
    for name, parts in _PLAIN_HOSTILE.items():
        status, output = _restored(lab, _PLAIN.format(*parts).encode())
        assert status == 2, f"{name}: {output}"
        assert "dump, line " in output, f"{name}: {output}"
        assert "Traceback" not in output
        assert _state(lab) == before, name
    assert not list(lab.folder.rglob("owned"))
    assert not Path("/tmp/owned").exists()


def test_rows_go_where_the_dump_says_and_nowhere_else(lab: Lab) -> None:
    """Attempt: rows whose COPY or INSERT names a table of the live replica.

    Expected: no row reaches it. Twin: rows dumped through their partitions' root arrive.
    """
    assert _restored(lab, archives.archive(_USERS))[0] == 0
    before = _state(lab)
    for statement, rows in (
        ("COPY pix.users FROM stdin;\n", b"9\n"),
        ("", b"INSERT INTO pix.users VALUES (9);\n"),
    ):
        hostile = Entry(
            "TABLE DATA",
            "users",
            section=DATA,
            oid=17,
            copy_statement=statement,
            rows=rows,
        )
        status, output = _restored(lab, archives.archive([_USERS[0], hostile]))
        assert status == 1, output
        assert "rows of table users are for table pix.users" in output
        assert _state(lab) == before
    root = "CREATE TABLE public.root (id integer) PARTITION BY RANGE (id);\n"
    leaf = "CREATE TABLE public.leaf PARTITION OF public.root FOR VALUES FROM (0) TO (9);\n"
    copied = "COPY public.root (id) FROM stdin;\n"
    twin = [
        *_USERS,
        Entry("TABLE", "root", root, oid=18),
        Entry("TABLE", "leaf", leaf, oid=19),
        Entry(
            "TABLE DATA",
            "leaf",
            "",
            section=DATA,
            oid=19,
            copy_statement=copied,
            rows=b"5\n",
        ),
    ]
    status, output = _restored(lab, archives.archive(twin))
    assert status == 0, output
    with lab.warehouse(READER) as reader:
        assert reader.execute("SELECT id FROM pix.leaf").fetchall() == [(5,)]


@pytest.mark.parametrize("form", ["layers", "statement"])
def test_a_small_file_takes_no_memory(lab: Lab, form: str) -> None:
    """Attempt: 1,200 layers of gzip, or one statement of 300 MB, in a small file.

    Expected: one clear error. Twin: the same dump packed once is a night.
    """
    content = _PLAIN.format("", "", "").encode()
    if form == "layers":
        for _ in range(1200):
            content = gzip.compress(content, 1)
    else:
        content = gzip.compress(
            content + b"COMMENT ON TABLE x IS '" + b" " * 300 * 1024**2, 1
        )
    status, output = _restored(lab, content, "dump.gz")
    assert status == 2, output
    assert (
        "packed more than 4 times" in output or "more than 268,435,456 bytes" in output
    )
    assert "Traceback" not in output
    status, output = _restored(
        lab, gzip.compress(_PLAIN.format("", "", "").encode()), "b.gz"
    )
    assert status == 0, output
