"""What settings leave out and forgive, archives, and values as French software writes them."""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import lzma
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from entrepot_lab.meltano.csv_tap import Files
from entrepot_tap_csv.errors import CannotRead

READ: list[tuple[str, str, dict[str, Any], list[tuple]]] = [
    ("sep", "sep=;\nid;n\n1;a\n", {"delimiter": ";"}, [("1", "a")]),
    ("sep of tabs", '"sep=\t"\r\nid\tn\r\n1\ta\r\n', {"delimiter": "\t"}, [("1", "a")]),
    ("a title", "Titre\n\nid,n\n1,a\n", {"skip_lines": 2}, [("1", "a")]),
    ("a title with a quote", '"Titre\nid\n1\n', {"skip_lines": 1}, [("1",)]),
    ("comments", "#a\nid\n#b\n1\n", {"comment": "#"}, [("1",)]),
    (
        "a comment's sign inside quotes",
        'id,n\n1,"a\n#b"\n#c\n2,"x ""\n#y"\n',
        {"comment": "#"},
        [("1", "a\n#b"), ("2", 'x "\n#y')],
    ),
    (
        "a footer",
        "id,n\n1,a\nTotal,1\n\nSource: us\n",
        {"footer": "(?i)total|source"},
        [("1", "a")],
    ),
    (
        "a footer's word inside quotes",
        'id,n\n1,"a\nTotal"\nTotal,2\n',
        {"footer": ["Total"]},
        [("1", "a\nTotal")],
    ),
    ("the end of a DOS file", "id\n1\n\x1a", {"footer": "\x1a"}, [("1",)]),
    (
        "trailing delimiters",
        "a;b\n1;2;\n3;;\n",
        {"delimiter": ";", "line_tail": ";"},
        [("1", "2"), ("3", None)],
    ),
    (
        "literal tails",
        'a,b\n1,"2",\\n\n3,4,\\n\n',
        {"line_tail": ",\\n"},
        [("1", "2"), ("3", "4")],
    ),
    ("returns twice", "a,b\r\r\n1,2\r\r\n", {"line_tail": "\r"}, [("1", "2")]),
    ("a tail inside quotes", 'a\n"x;\ny";\n', {"line_tail": ";"}, [("x;\ny",)]),
    (
        "short rows",
        "a,b,c\n1\n2,x\n",
        {"short_rows": "fill"},
        [("1", None, None), ("2", "x", None)],
    ),
    (
        "short rows where empty text is no NULL",
        "a,b,c\n1,,\n2\n",
        {
            "short_rows": "fill",
            "null_values": [],
            "columns": {"c": {"null_values": [""]}},
        },
        [("1", "", None), ("2", None, None)],
    ),
    (
        "bare quotes",
        'a,b\n"say "hi" now",2\n"x"",""y",3\n12" nails,4\n',
        {"bare_quotes": True},
        [('say "hi" now', "2"), ('x","y', "3"), ('12" nails', "4")],
    ),
]


@pytest.mark.parametrize(
    ("content", "entry", "rows"), [each[1:] for each in READ], ids=[e[0] for e in READ]
)
def test_what_settings_leave_out_and_forgive(
    files: Files, content: str, entry: dict[str, Any], rows: list[tuple]
) -> None:
    files.write("f.csv", content)
    assert files.rows(**entry) == rows


NAMES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("a,,b\n", {"empty_names": "number"}, ["a", "column_2", "b"]),
    (",column_1\n", {"empty_names": "number"}, ["column_1_2", "column_1"]),
    ("a,a,a_2\n", {"duplicate_names": "number"}, ["a", "a_3", "a_2"]),
    (
        "an,2024,,2025,\n,H,F,H,F\n",
        {"header_rows": 2},
        ["an", "2024 H", "2024 F", "2025 H", "2025 F"],
    ),
    ("dep,dep,n\ncode,nom,n\n", {"header_rows": 2}, ["dep code", "dep nom", "n"]),
    ('"Nombre\nde cas",b\n', {}, ["Nombre de cas", "b"]),
]


@pytest.mark.parametrize(("content", "entry", "names"), NAMES)
def test_headers(
    files: Files, content: str, entry: dict[str, Any], names: list[str]
) -> None:
    files.write("f.csv", content)
    [schema] = [m["schema"] for m in files.messages(**entry) if m["type"] == "SCHEMA"]
    assert list(schema["properties"])[:-2] == names


REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("sep=;\nid;n\n1;a\n", {}, ["line 1", "`sep=`", "';'", "delimiter"]),
    ("id\nTotal\n" + "1\n" * 200, {"footer": "Total"}, ["line 2", "more than 100"]),
    ("a,b\n1\n", {"short_rows": "yes"}, ["short_rows", "refuse, fill"]),
    ("a\n", {"footer": "("}, ["footer", "regular expression"]),
    ("a\n", {"footer": "x*"}, ["footer", "every line"]),
    ("a\n", {"skip_lines": "3"}, ["skip_lines", "number"]),
    ("a\n", {"header_rows": 0}, ["header_rows", "field_names"]),
    ("a\n", {"skip_line": 3}, ["skip_line'", "'skip_lines'"]),
    (
        "a;b\n1;2\n",
        {"line_tail": ";", "delimiter": ";", "short_rows": "refuse", "comment": 1},
        ["comment"],
    ),
]


@pytest.mark.parametrize(("content", "entry", "words"), REFUSED)
def test_what_settings_cannot_be(
    files: Files, content: str, entry: dict[str, Any], words: list[str]
) -> None:
    files.write("f.csv", content)
    with pytest.raises(CannotRead) as error:
        files.messages(**entry)
    for word in words:
        assert word in str(error.value)


def test_what_is_forgiven_is_counted_and_said(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.write("f.csv", "Titre\na,b\n# c\n1\n2,x\n3\nTotal,9\n")
    with caplog.at_level(logging.INFO):
        files.messages(skip_lines=1, comment="#", footer="Total", short_rows="fill")
    said = caplog.text
    assert "f.csv: lines before the header left out: 1 (first: line 1)" in said
    assert "short rows filled with NULL: 2 (first: line 4)" in said
    assert '"metric": "forgiven", "value": 2' in said
    caplog.clear()
    files.write("f.csv", "a,b\n1,2\n")
    with caplog.at_level(logging.INFO):
        files.messages()
    assert "forgiven" not in caplog.text and "left out" not in caplog.text


def test_numbers_of_lines_stay_those_of_the_file(files: Files) -> None:
    files.write("f.csv", 'T\n\na,b\n#\n1,"x\ny"\n#\n2,z\nTotal\n')
    found = files.records(skip_lines=2, comment="#", footer="Total")
    assert [(each["a"], each["_source_line"]) for each in found] == [("1", 5), ("2", 8)]


# -- archives


def _zip(members: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_members_of_an_archive_are_chosen_and_hidden_ones_never(files: Files) -> None:
    members: dict[str, str | bytes] = {
        "in/data.csv": "a\n1\n",
        "in/meta.csv": "b\nx\n",
        "notice.pdf": b"%PDF\xff",
        "__MACOSX/in/._data.csv": b"\0\5",
        ".DS_Store": b"\0",
    }
    files.write("z.csv", _zip(members))
    assert files.rows(members="data.csv") == [("1",)]
    assert files.rows(members=["in/*"]) == [("1",), ("x",)]
    for entry, word in (({}, "members"), ({"members": "none"}, "'in/data.csv'")):
        files.state = {}
        with pytest.raises(CannotRead, match=word):
            files.messages(**entry)
    del members["notice.pdf"], members["in/meta.csv"]
    files.write("z.csv", _zip(members))
    assert files.rows() == [("1",)]


def test_an_archive_of_archives_is_refused(files: Files) -> None:
    files.write("z.csv", _zip({"in.zip": _zip({"a.csv": "a\n1\n"})}))
    with pytest.raises(CannotRead, match=r"z\.csv/in\.zip: is packed itself"):
        files.messages()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}


@pytest.mark.parametrize("kind", PACKED)
def test_packed_files(files: Files, kind: str) -> None:
    pack = PACKED[kind]
    files.write("f.csv", pack(b"a\n1\n") + pack(b"2\n"))
    assert files.rows() == [("1",), ("2",)]
    files.write("f.csv", pack(b"a\n" + b"12345\n" * 9999)[:-9])
    with pytest.raises(CannotRead, match=r"f\.csv: is damaged"):
        files.messages()


def test_a_packed_file_may_not_ask_for_any_memory(files: Files) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * 1024**2}]
    packer = lzma.LZMACompressor(lzma.FORMAT_XZ, filters=filters)
    packed = packer.compress(b"a\n1\n") + packer.flush()
    files.write("f.csv", packed)
    with pytest.raises(CannotRead, match="damaged: Memory usage limit"):
        files.messages()


# -- values as French software writes them

FRENCH = [
    ({"type": "integer", "thousands": " "}, "1\u202f234\u00a0567", 1234567),
    ({"type": "number", "decimal": ",", "thousands": " "}, "1\u2009234,5", 1234.5),
    ({"type": "number", "decimal": ",", "unit": "%"}, "12,5\u00a0%", 12.5),
    ({"type": "integer", "unit": "€", "thousands": " "}, "1 200 €", 1200),
    ({"type": "date", "format": "%d %B %Y"}, "1er février 2024", "2024-02-01"),
    ({"type": "date", "format": "%d %B %Y"}, "12 Décembre 2024", "2024-12-12"),
    ({"type": "date", "format": "%d %b %Y"}, "3 juil. 2024", "2024-07-03"),
    ({"type": "date", "format": "%d-%b-%y"}, "31-Dec-24", "2024-12-31"),
    ({"type": "date", "format": "%A %d %B %Y"}, "jeudi 29 août 2024", "2024-08-29"),
    ({"type": "boolean"}, "VRAI", True),
    ({"type": "boolean"}, "non", False),
]


@pytest.mark.parametrize(("column", "cell", "value"), FRENCH)
def test_values_as_french_software_writes_them(
    files: Files, column: dict[str, Any], cell: str, value: Any
) -> None:
    files.write("f.csv", f'a\n"{cell}"\n')
    assert files.rows(columns={"a": column}) == [(value,)]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ({"type": "integer"}, "1\u202f234"),
        ({"type": "integer", "thousands": " "}, "1 23"),
        ({"type": "number"}, "12 %"),
        ({"type": "date", "format": "%d %B %Y"}, "12 brumaire 2024"),
    ],
)
def test_values_that_are_none(files: Files, column: dict[str, Any], cell: str) -> None:
    files.write("f.csv", f'a\n"{cell}"\n')
    with pytest.raises(CannotRead, match="line 2, column a"):
        files.messages(columns={"a": column})
