"""Archives are read field by field: every version, and every way of being damaged."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pytest

from entrepot_core.base.errors import ReplicaError, RunFailed
from entrepot_core.postgres.client_tools import ClientTools
from entrepot_lab.postgres import archives
from entrepot_lab.postgres.archives import POST_DATA, Entry
from entrepot_lab.postgres.cluster import embedded_binaries
from pg_replica.dump import cutter, plain
from pg_replica.dump.archive import Archive, open_archive
from pg_replica.dump.plain import PlainDump
from pg_replica.dump.unwrap import is_archive

VERSIONS = [(1, minor) for minor in range(12, 17)]
HEADER = "--\n-- Name: {}; Type: {}; Schema: public; Owner: app\n--\n\n"
_ENTRIES = [
    *archives.table("users", 'id integer, "a\nb" text', b"1\tone\n2\t\\\\.\n", 17),
    Entry(
        "SEQUENCE SET", "s", "SELECT pg_catalog.setval('public.s', 5, true);", section=3
    ),
    Entry(
        "INDEX",
        "i\n--\n" + HEADER.format("x", "TABLE"),
        "CREATE INDEX i ON public.users USING btree (id);\n",
        section=POST_DATA,
        dependencies=(4, 5),
    ),
]


@pytest.fixture
def tools() -> ClientTools:
    return ClientTools(embedded_binaries(), 18)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_says_the_same(
    version: tuple[int, int], tools: ClientTools, tmp_path: Path
) -> None:
    path = tmp_path / "dump"
    path.write_bytes(archives.archive(_ENTRIES, version))
    found = Archive(path, tools)
    assert [(item.kind, item.sql) for item in found.items[3:]] == [
        ("TABLE", 'CREATE TABLE public.users (id integer, "a\nb" text);'),
        ("INDEX", "CREATE INDEX i ON public.users USING btree (id);"),
        ("SEQUENCE SET", "SELECT pg_catalog.setval('public.s', 5, true);"),
    ]
    assert found.items[4].dependencies == (4, 5)
    assert found.items[4].tag == _ENTRIES[3].tag
    [data] = found.data
    assert b"".join(data.copy_text()) == (
        b"COPY public.users FROM stdin;\n1\tone\n2\t\\\\.\n"
    )


def test_a_misreading_is_an_error(tools: ClientTools, tmp_path: Path) -> None:
    """Two versions of the format that differ in one field must not be taken for each other."""
    path = tmp_path / "dump"
    for written in VERSIONS:
        for said in VERSIONS:
            text = bytearray(archives.archive(_ENTRIES, written))
            text[6] = said[1]
            path.write_bytes(text)
            if {written[1], said[1]} <= {12, 13}:
                Archive(path, tools)  # they are the same
            elif written != said:
                with pytest.raises(RunFailed):
                    Archive(path, tools)


def test_names_without_schemas_are_refused(tools: ClientTools, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    text = archives.archive(_ENTRIES).replace(b"SEARCHPATH", b"SEARCHPATZ")
    path.write_bytes(text)
    with pytest.raises(RunFailed, match="names without their schemas"):
        Archive(path, tools)


def test_damage_ends_with_one_error(tools: ClientTools, tmp_path: Path) -> None:
    """Bytes changed, cut and doubled at random, with a fixed seed: an error or a dump."""
    whole = archives.archive(_ENTRIES)
    path = tmp_path / "dump"
    dice = random.Random(19)
    for _ in range(120):
        text = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            place = dice.randrange(len(text))
            kind = dice.randrange(4)
            if kind == 0:
                del text[place:]
                text += b"\0"
            elif kind == 1:
                text[place] = dice.randrange(256)
            elif kind == 2:
                text[place : place + 4] = dice.choice(
                    [b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\1\0\0\0"]
                )
            else:
                text[place:place] = text[place : place + dice.randrange(60)]
        path.write_bytes(text)
        try:
            if is_archive(path):
                for data in open_archive(path, [tools]).data:
                    list(data.copy_text())
            else:
                PlainDump(path)
        except ReplicaError:
            pass


def test_damage_of_plain_dumps_ends_with_one_error(tmp_path: Path) -> None:
    text = b"SET client_encoding = 'UTF8';\n" + b"".join(
        [
            HEADER.format("f()", "FUNCTION").encode(),
            b"CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ ';\n-- $_$;\n",
            HEADER.format("t", "TABLE").encode(),
            b"CREATE TABLE public.t (a text DEFAULT E'\\'--' /* ; */);\n",
            HEADER.format("t", "TABLE DATA").encode(),
            b"COPY public.t (a) FROM stdin;\nx\\t\n\\.\n",
            b"INSERT INTO public.t VALUES ('a;''', NULL);\n",
        ]
    )
    path = tmp_path / "dump"
    dice = random.Random(19)
    for _ in range(400):
        damaged = bytearray(text)
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(damaged))
            damaged[place : place + dice.randrange(3)] = dice.choice(
                [
                    b"'",
                    b'"',
                    b"$$",
                    b";",
                    b"--",
                    b"/*",
                    b"\n",
                    b"\\",
                    b"\xff",
                    b"(",
                    b"",
                ]
            )
        path.write_bytes(damaged)
        try:
            for data in PlainDump(path).data:
                list(data.copy_text())
        except ReplicaError:
            pass


def _peak(path: Path) -> tuple[int, int]:
    """Read a plain dump and its rows; give the rows' bytes and the most memory that it took."""
    tracemalloc.start()
    try:
        size = sum(
            len(chunk) for data in PlainDump(path).data for chunk in data.copy_text()
        )
        return size, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_row_of_any_length_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    head = HEADER.format("t", "TABLE").encode() + b"CREATE TABLE public.t (a text);\n"
    with path.open("wb") as file:
        file.write(head + b"COPY public.t (a) FROM stdin;\n")
        file.seek(300_000_000, 1)
        file.write(b"\n\\.\n")
    size, peak = _peak(path)
    assert size > 300_000_000
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "beginning", [b"SELECT 1", b"-- ", b"COMMENT ON TABLE x IS '", b"\\x "]
)
def test_anything_else_of_such_a_length_is_refused(
    beginning: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = 5_000_000
    monkeypatch.setattr(plain, "LONGEST_STATEMENT", longest)
    assert longest > cutter._BLOCK
    path = tmp_path / "dump"
    with path.open("wb") as file:
        file.write(b"SET x = 1;\n" + beginning)
        file.seek(300_000_000, 1)
        file.write(b"\n")
    tracemalloc.start()
    with pytest.raises(ReplicaError, match=r"line 2: .* more than 5,000,000 bytes"):
        PlainDump(path)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()
