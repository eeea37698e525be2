"""What a file's text means: RFC 4180 and its corners, encodings, types, and faults."""

from __future__ import annotations

import csv
import gzip
import io
import random
import struct
import zipfile
from typing import Any

import pytest

from entrepot_core.base.text import form
from entrepot_core.policy.columns import unescaped
from entrepot_lab.meltano.csv_tap import Files
from entrepot_tap_csv import text
from entrepot_tap_csv.definitions import Dialect
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.files import parts_of
from entrepot_tap_csv.quotes import cells_of
from entrepot_tap_csv.records import Records

CASES: list[tuple[str, dict[str, Any], list[tuple]]] = [
    ("a,b\n1,2\n", {}, [("1", "2")]),
    ("a,b\r\n1,2", {}, [("1", "2")]),
    ("a,b\r1,2\r3,4\r", {}, [("1", "2"), ("3", "4")]),
    ('a,b\n"1,5","x""y"\n', {}, [("1,5", 'x"y')]),
    ('a,b\n"two\r\nlines",2\r\n', {}, [("two\r\nlines", "2")]),
    ('a,b\n"",\n', {}, [(None, None)]),
    ('a,b\n"",\n', {"null_values": []}, [("", "")]),
    ("a,b\nNULL,\\N\n", {"null_values": ["NULL"]}, [(None, "\\N")]),
    ("a,b\n\n1,2\n\n\n3,4\n\n", {}, [("1", "2"), ("3", "4")]),
    ('a,b\n12" nails,2\n', {}, [('12" nails', "2")]),
    ("a\tb\n1\t2\n", {"delimiter": "\t"}, [("1", "2")]),
    ("a,b\n1\t,\\\n", {}, [("1\t", "\\")]),
    ("a,b\n'1,2',3\n", {"quotechar": "'"}, [("1,2", "3")]),
    ('a,b\n"1,2\n', {"quotechar": ""}, [('"1', "2")]),
    ("a,b\nx\\,y,2\n", {"escapechar": "\\"}, [("x,y", "2")]),
    ("a,b\n1, 2\n", {"skipinitialspace": True}, [("1", "2")]),
    ("a,b,\n1,2\n3,4,\n", {}, [("1", "2"), ("3", "4")]),
    ("a,b\n", {}, []),
    ("01500,x\n", {"field_names": ["cp", "n"]}, [("01500", "x")]),
    ("CP,N\n1,x\n", {"field_names": ["cp", "n"]}, [("1", "x")]),
    ("Référence\n1\n", {"field_names": ["reference"]}, [("1",)]),
    ("cp,n\n", {"field_names": ["cp", "n"], "skip_header": False}, [("cp", "n")]),
    ("", {"field_names": ["a"]}, []),
]


@pytest.mark.parametrize(("content", "entry", "rows"), CASES)
def test_a_file_is_read(
    files: Files, content: str, entry: dict[str, Any], rows: list[tuple]
) -> None:
    files.write("f.csv", content)
    assert files.rows(**entry) == rows


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"]
)
def test_encodings(files: Files, encoding: str) -> None:
    files.write("f.csv", "ville\nOrléans\n".encode(encoding))
    assert files.rows(encoding=encoding.removesuffix("-sig")) == [("Orléans",)]


@pytest.mark.parametrize(
    ("content", "entry", "words"),
    [
        ("a,b\n1,2\n3\n", {}, ["f.csv, line 3, column b", "1 cells where 2", "'9'"]),
        ("a,b\n1,2,x\n", {}, ["f.csv, line 2", "3 cells", "'a'"]),
        ("a,b,\n1,2,x\n", {}, ["f.csv, line 2", "3 cells", "'a'"]),
        ('a,b\n1,"2\n3\n', {}, ["f.csv, line 2", "never closed"]),
        ('a,b\n1,"2"x\n', {}, ["f.csv, line 2", "expected after"]),
        ("a,b\n1,2\r3\n", {}, ["f.csv, line 2", "carriage return"]),
        (b"a\nok\nd\xe9j\xe0\n", {}, ["f.csv, line 3, byte 6", "0xe9", "utf-8"]),
        (b"a\nok\n\x81\n", {"encoding": "cp1252"}, ["line 3, byte 5", "0x81"]),
        (b"a\nx\0y\n", {}, ["f.csv, line 2, byte 3", "0x00"]),
        ("", {}, ["f.csv", "empty"]),
        ("a,,b\n", {}, ["line 1", "cell 2 of the header is empty"]),
        ("a,a\n", {}, ["line 1", "'a' twice"]),
        ("a\n1\n", {"keys": ["b"]}, ["f.csv", "no column 'b'", "There are a"]),
        ("a\n1\n", {"delimiter": ";;"}, ["delimiter", "one character"]),
        ("a\n1\n", {"delimeter": ";"}, ["delimeter", "'delimiter'"]),
        ("a\n1\n", {"columns": {"a": {"type": "int"}}}, ["column a", "'integer'"]),
        ("a\n1\n", {"path": "/nowhere/*.csv"}, ["/nowhere", "no such file"]),
        ("a\n1\n", {"path": "{NO_SUCH_PLACE}/a.csv"}, ["NO_SUCH_PLACE is missing"]),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(
    files: Files, content: str | bytes, entry: dict[str, Any], words: list[str]
) -> None:
    """F36: the file, the line, the column and the value."""
    files.write("f.csv", content)
    with pytest.raises(CannotRead) as error:
        files.messages(**entry)
    for word in words:
        assert word in str(error.value), str(error.value)


TYPED = [
    ({"type": "integer"}, "0042", 42),
    ({"type": "integer", "thousands": " "}, "1 234 567", 1234567),
    ({"type": "number", "decimal": ",", "thousands": " "}, "-1 234,50", -1234.5),
    ({"type": "number"}, "1e3", 1000),
    ({"type": "boolean"}, "Oui", True),
    ({"type": "date", "format": "%d/%m/%Y"}, "29/02/2024", "2024-02-29"),
    ({"type": "date"}, "2024-02-29", "2024-02-29"),
    ({"type": "datetime"}, "2024-02-29 23:59", "2024-02-29T23:59:00"),
    (
        {"type": "timestamptz"},
        "2024-02-29T23:59:00.5Z",
        "2024-02-29T23:59:00.500000+00:00",
    ),
    ({"type": "text"}, "01500", "01500"),
    ({"type": "integer", "null_values": ["", "-"]}, "-", None),
]


@pytest.mark.parametrize(("column", "cell", "value"), TYPED)
def test_declared_types(
    files: Files, column: dict[str, Any], cell: str, value: Any
) -> None:
    files.write("f.csv", f'a\n"{cell}"\n')
    assert files.rows(columns={"a": column}) == [(value,)]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ({"type": "integer"}, "1.0"),
        ({"type": "integer"}, str(2**63)),
        ({"type": "integer", "thousands": " "}, "1 23"),
        ({"type": "number"}, "1,5"),
        ({"type": "number", "decimal": ","}, "1.5"),
        ({"type": "number"}, "NaN"),
        ({"type": "boolean"}, "peut-être"),
        ({"type": "date"}, "2024-02-30"),
        ({"type": "date", "format": "%d/%m/%Y"}, "2024-02-29"),
        ({"type": "datetime"}, "2024-02-29T23:59:00Z"),
        ({"type": "timestamptz"}, "2024-02-29T23:59:00"),
    ],
)
def test_a_value_of_another_type_is_said_with_its_place(
    files: Files, column: dict[str, Any], cell: str
) -> None:
    files.write("f.csv", f'z,a\nok,\nok,"{cell}"\n')
    with pytest.raises(CannotRead) as error:
        files.messages(columns={"a": column})
    assert f"f.csv, line 3, column a: what looks like {form(cell)} is not" in str(
        error.value
    )


def test_headers_become_names_of_columns(files: Files) -> None:
    files.write(
        "f.csv", "Etat de l'expérience;Tags généraux - Information/explication\n1;2\n"
    )
    [record] = files.records(delimiter=";", normalize_headers=True)
    names = ["etat_de_lexpérience", "tags_généraux_informationexplication"]
    assert list(record)[:2] == names


def test_lines_are_those_of_the_file(files: Files) -> None:
    files.write("f.csv", 'a,b\n"1\n1",2\n\n3,"4"\n5,6\n')
    lines = [(each["a"], each["_source_line"]) for each in files.records()]
    assert lines == [("1\n1", 2), ("3", 5), ("5", 6)]


def _cells(rng: random.Random) -> str:
    signs = ["a", "é", ",", '"', "\n", "\r\n", " ", "\\", "\t", ""]
    return "".join(rng.choice(signs) for _ in range(rng.randrange(6)))


@pytest.mark.parametrize("seed", range(4))
def test_any_text_reads_as_the_csv_module_reads_it(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    for _ in range(150):
        rows = [
            [_cells(rng) if rng.random() < 0.3 else "x" for _ in range(3)]
            for _ in range(rng.randrange(12))
        ]
        written = io.StringIO(newline="")
        ending = rng.choice(["\n", "\r\n"])
        csv.writer(written, lineterminator=ending).writerows(rows)
        content = written.getvalue() + rng.choice(["", ending, ending * 2])
        monkeypatch.setattr(text, "_BLOCK", rng.choice([1, 2, 3, 7, 64, 1 << 20]))
        assert _read(content.encode()) == _expected(content)


@pytest.mark.parametrize("seed", range(4))
def test_any_nonsense_reads_or_fails_as_with_the_csv_module(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    signs = ["a", '"', '"', ",", "\n", '"\n', '\n"', ',"', '",', "\\", "x2c", "\r\n"]
    for _ in range(500):
        content = "".join(rng.choice(signs) for _ in range(rng.randrange(14)))
        monkeypatch.setattr(text, "_BLOCK", rng.choice([1, 2, 3, 7, 64]))
        try:
            expected = _expected(content)
        except csv.Error:
            with pytest.raises(CannotRead):
                _read(content.encode())
        else:
            assert _read(content.encode()) == expected


def _read(content: bytes) -> list[tuple[int, list[str]]]:
    blocks = text.Text(io.BytesIO(content), "f", "utf-8").blocks()
    records = Records(blocks, "f", Dialect())
    found = [first] if (first := records.first()) else []
    for batch in records.batches():
        if batch.lines:
            rows = cells_of(batch.lines, ",")
            assert rows == [_as_copy_reads(line) for line in batch.lines]
            found += zip(batch.numbers, rows, strict=True)
        found += batch.records
    return sorted(found)


def _as_copy_reads(line: bytes) -> list[str]:
    return [unescaped(cell).decode() for cell in line.split(b",")]


def _expected(content: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    found, line = [], 0
    for cells in reader:
        if cells:
            found.append((line + 1, cells))
        line = reader.line_num
    return found


# -- archives, folders, and JSON


def test_gzip_and_the_members_of_a_zip(files: Files) -> None:
    files.write("a.csv", gzip.compress(b"a\n1\n"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in/b.csv", "a\n2\n")
        archive.writestr("c.csv", "a\n3\n")
    files.write("z.csv", packed.getvalue())
    found = [(each["a"], each["_source_file"]) for each in files.records()]
    assert sorted(found) == [
        ("1", "a.csv"),
        ("2", "z.csv/in/b.csv"),
        ("3", "z.csv/c.csv"),
    ]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (gzip.compress(b"a\n1\n" * 9999, mtime=0)[:-9], "damaged"),
        (b"PK\x03\x04 and no more", "damaged"),
    ],
    ids=["gzip", "zip"],
)
def test_damaged_archives(files: Files, content: bytes, word: str) -> None:
    files.write("f.csv", content)
    with pytest.raises(CannotRead, match=rf"f\.csv: is {word}"):
        files.messages()


@pytest.mark.parametrize(
    ("flags", "method", "word"),
    [(1, 0, "password"), (0, 99, "compression method")],
    ids=["encrypted", "unknown compression"],
)
def test_a_zip_that_cannot_be_unpacked(
    files: Files, flags: int, method: int, word: str
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("b.csv", "a\n2\n")
    content = packed.getvalue()
    # Said in the archive's directory and in the member's own head (PKWARE's APPNOTE).
    for head, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = content.index(head) + at
        said = struct.pack("<HH", flags, method)
        content = content[:start] + said + content[start + len(said) :]
    files.write("z.csv", content)
    with pytest.raises(
        CannotRead, match=rf"z\.csv/b\.csv: cannot be unpacked: .*{word}"
    ):
        files.messages()


def test_a_fault_of_the_reader_is_not_the_files(files: Files) -> None:
    files.write("a.csv", "a\n1\n")
    (part,) = parts_of(files.folder / "a.csv", "a.csv")
    with pytest.raises(RuntimeError, match="mine"), part.open():
        raise RuntimeError("mine")


def test_a_folder_gives_all_its_files_and_all_their_columns(files: Files) -> None:
    files.write("a.csv", "a,b\n1,2\n")
    files.write("in/b.csv", "b,c\n3,4\n")
    found = files.messages(files.folder)
    assert list(found[0]["schema"]["properties"])[:3] == ["a", "b", "c"]
    names = [m["record"]["_source_file"] for m in found if m["type"] == "RECORD"]
    assert names == ["a.csv", "in/b.csv"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"m": {"a": {"b": 1.50, "c": "x"}}}', []),
        ('{"m": {"a": {"b": [1]}}}', ["m.a.b is a list"]),
        ('{"m": {"a": 1}}', ["m.a is no object"]),
        ('{"n": {}}', ["no map 'm'", "there is n"]),
        ('{"m": {"a": {"b": 1, "b": 2}}}', ["looks like 'a' is there twice"]),
        ('{"m": \n', ["line 2", "not JSON"]),
    ],
)
def test_maps_in_json(files: Files, content: str, words: list[str]) -> None:
    files.write("f.csv", content)
    entry: dict[str, Any] = {
        "format": "json-maps",
        "map": "m",
        "field_names": ["x", "y", "n"],
    }
    if not words:
        assert files.rows(**entry) == [("a", "b", "1.50"), ("a", "c", "x")]
        return
    with pytest.raises(CannotRead) as error:
        files.messages(**entry)
    for word in words:
        assert word in str(error.value)
