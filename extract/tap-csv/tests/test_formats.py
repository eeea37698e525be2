"""Workbooks, JSON and JSON lines: what is read, what is refused, what `inspect` proposes."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from entrepot_lab.meltano.csv_tap import Files
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.formats import workbooks
from entrepot_tap_csv.inspection import command

MOMENT = dt.datetime.fromisoformat("2024-05-01T10:30:00")
Sheets = dict[str, list[list[Any]]]
NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text")
)


def xlsx(sheets: Sheets) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def ods(tables: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f"<office:document-content {NAMESPACES}><office:body><office:spreadsheet>"
            f"{tables}</office:spreadsheet></office:body></office:document-content>",
        )
    return written.getvalue()


def ods_cell(text: str, **more: str) -> str:
    told = "".join(f' table:{k.replace("_", "-")}="{v}"' for k, v in more.items())
    return cell(f'office:value-type="string"{told}', f"<text:p>{text}</text:p>")


def cell(told: str, content: str = "") -> str:
    return f"<table:table-cell {told}>{content}</table:table-cell>"


def row(*cells: str, again: str = "1") -> str:
    told = f'table:number-rows-repeated="{again}"'
    return f"<table:table-row {told}>{''.join(cells)}</table:table-row>"


def ods_table(name: str, *rows: str) -> str:
    return f'<table:table table:name="{name}">{"".join(rows)}</table:table>'


TITLED: Sheets = {
    "Données": [
        ["Répertoire au 1er janvier"],
        [],
        ["code", "ouvert le", "vu à", "part", "actif", "note"],
        [
            "01500",
            dt.date(2024, 2, 29),
            MOMENT,
            0.25,
            True,
            "a;b\nc",
        ],
        ["2A004", None, None, 12, False],
        [],
        ["Source : nous"],
    ]
}


def test_a_sheet_of_xlsx(files: Files) -> None:
    path = files.write("f.xlsx", xlsx(TITLED))
    entry: dict[str, Any] = {"format": "xlsx", "skip_lines": 2, "footer": "Source"}
    columns = {"part": {"type": "number"}, "actif": {"type": "boolean"}}
    rows = files.rows(path, **entry, columns=columns)
    assert rows == [
        ("01500", "2024-02-29", "2024-05-01 10:30:00", 0.25, True, "a;b\nc"),
        ("2A004", None, None, 12, False, None),
    ]
    assert [each["_source_line"] for each in files.records(path, **entry)] == [4, 5]


def test_sheets_and_ranges_are_chosen(files: Files) -> None:
    sheets: Sheets = {
        "a": [["x"], [1]],
        "b": [["", "y", "z", "no"], ["", 2, 3, 9], ["", 4, 5]],
    }
    path = files.write("f.xlsx", xlsx(sheets))
    assert files.rows(path, format="xlsx", sheet="a") == [("1",)]
    assert files.rows(path, format="xlsx", sheet=2, range="B1:C2") == [("2", "3")]
    for entry, word in (
        ({}, "2 sheets: set sheet to one of 'a', 'b'"),
        ({"sheet": "c"}, "no sheet 'c'"),
        ({"sheet": 3}, "no sheet 3"),
        ({"sheet": "a", "range": "A"}, "range"),
    ):
        files.state = {}
        with pytest.raises(CannotRead, match=word):
            files.messages(path, format="xlsx", **entry)


def test_a_sheet_of_ods(files: Files) -> None:
    moment = 'office:value-type="date" office:date-value="2024-05-01T10:00:00"'
    lines = '<text:p>a<text:s text:c="2"/>b</text:p><text:p>c</text:p>'
    rows = (
        row(ods_cell("id"), ods_cell("jour"), ods_cell("v")),
        row(
            cell('office:value-type="float" office:value="1.50"'),
            cell(moment),
            cell("", lines),
            cell('table:number-columns-repeated="16000"'),
        ),
        row(ods_cell("x", number_columns_repeated="3"), again="2"),
        row(cell('table:number-columns-repeated="16384"'), again="1048000"),
    )
    path = files.write("f.ods", ods(ods_table("T", *rows)))
    assert files.rows(path, format="ods") == [
        ("1.50", "2024-05-01 10:00:00", "a  b\nc"),
        ("x", "x", "x"),
        ("x", "x", "x"),
    ]
    files.write(
        "f.ods", ods(ods_table("T", *rows) + ods_table("U", *rows[:1], rows[2]))
    )
    with pytest.raises(CannotRead, match="'T', 'U'"):
        files.messages(path, format="ods")
    assert files.rows(path, format="ods", sheet="U") == [("x", "x", "x")] * 2


def _repeated(rows: str, columns: str) -> bytes:
    repeated = ods_cell("x", number_columns_repeated=columns)
    return ods(ods_table("T", row(repeated, again=rows)))


def _entities() -> bytes:
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as archive:
        archive.writestr("mimetype", "x")
        laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
        archive.writestr(
            "content.xml", f'<!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]><d>&l9;</d>'
        )
    return book.getvalue()


def _far_away() -> bytes:
    """One cell in a row that no sheet has."""
    content = zipfile.ZipFile(io.BytesIO(xlsx({"a": [["x"], [1]]})))
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for each in content.namelist():
            data = content.read(each).replace(b'r="2"', b'r="3000"')
            archive.writestr(each, data)
    return written.getvalue()


def _inflated() -> bytes:
    written = io.BytesIO()
    content = zipfile.ZipFile(io.BytesIO(xlsx({"a": [["x"], [1]]})))
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in content.namelist():
            data = content.read(each)
            if "sheet1" in each:
                data = data.replace(b"<sheetData>", b"<sheetData>" + b" " * (80 << 20))
            archive.writestr(each, data)
    return written.getvalue()


@pytest.mark.parametrize(
    ("kind", "content", "word"),
    [
        ("ods", lambda: _repeated("1", "1000000000"), "more than 16,384 cells"),
        ("ods", lambda: _repeated("999999999", "1"), "more rows"),
        ("ods", _entities, "damaged: EntitiesForbidden"),
        ("xlsx", _far_away, "more rows"),
        ("xlsx", _inflated, "unpacks to more than 200 times"),
        ("xlsx", lambda: b"a,b\n1,2\n", "no xlsx workbook"),
        ("ods", lambda: xlsx({"a": [["x"]]}), "no ods workbook"),
        ("csv", lambda: xlsx({"a": [["x"]]}), "set format to xlsx"),
    ],
    ids=["columns", "rows", "entities", "far", "inflated", "text", "other", "csv"],
)
def test_workbooks_that_are_refused(
    files: Files, kind: str, content: Any, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "MOST_ROWS", 1000)
    path = files.write("f.bin", content())
    with pytest.raises(CannotRead, match=rf"f\.bin.*{word}"):
        files.messages(path, format=kind)


# -- JSON

ROWS = [{"id": 1, "v": 1.50, "t": "a"}, {"id": 2, "o": {"k": [1.10, None]}, "b": True}]
READ = [
    ("1", "1.50", "a", None, None),
    ("2", None, None, '{"k": [1.10, null]}', "true"),
]
TEXT = (
    '{"id": 1, "v": 1.50, "t": "a"}',
    '{"id": 2, "v": null, "o": {"k": [1.10, null]}, "b": true}',
)


def test_json_and_json_lines(files: Files) -> None:
    path = files.write(
        "f.json", f'{{"n": 2, "data": {{"rows": [{TEXT[0]}, {TEXT[1]}]}}}}'
    )
    names = ("id", "v", "t", "o", "b")
    found = files.records(path, format="json", json_path="data.rows")
    assert [tuple(each.get(name) for name in names) for each in found] == READ
    files.write("f.json", f"[{TEXT[0]},{TEXT[1]}]")
    found = files.records(path, format="json")
    assert [tuple(each.get(name) for name in names) for each in found] == READ
    files.write("f.json", f"{TEXT[0]}\n\n{TEXT[1]}\n")
    found = files.records(path, format="jsonl", columns={"id": {"type": "integer"}})
    assert [(each["id"], each["_source_line"]) for each in found] == [(1, 1), (2, 3)]
    files.write("f.json", TEXT[0] + '\n{"t": ""}')
    found = files.records(path, format="jsonl", null_values=[])
    assert [each["t"] for each in found] == ["a", ""] and found[1]["id"] is None


@pytest.mark.parametrize(
    ("kind", "content", "word"),
    [
        ("json", '{"a": 1}', "no list of objects at its beginning: json_path"),
        ("json", "[1]", "line 1: the entry is no object"),
        ("json", '[{"a": 1, "a": 2}]', "the name a is there twice"),
        ("json", '[{"a": 1}', "is not JSON"),
        ("json", '[{"a": "x\\u0000"}]', "line 1: a text has the character U\\+0000"),
        ("json", '[{"a": ' + "[" * 100_000 + "]" * 100_000 + "}]", "nested too deeply"),
        ("jsonl", '{"a": 1}\n{"a"', "line 2: is not JSON"),
        ("jsonl", '{"a": 1, "a": 2}', "line 1: the name a is there twice"),
        ("jsonl", '{"a": ' + "[" * 100_000, "line 1"),
    ],
    ids=str,
)
def test_json_that_is_refused(files: Files, kind: str, content: str, word: str) -> None:
    path = files.write("f.json", content)
    with pytest.raises(CannotRead, match=rf"f\.json.*{word}"):
        files.messages(path, format=kind)


# -- inspect


def proposed(path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    command.inspect([str(path)], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def test_definitions_of_sheets_are_proposed(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.write("f.xlsx", xlsx({**TITLED, "Vide": [], "B": [["n"], [1], [2]]}))
    first, second = proposed(path, capsys)
    assert first["skip_lines"] == 2 and first["footer"] and first["sheet"] == "Données"
    assert len(files.rows(**first)) == 2
    files.state = {}
    assert files.rows(**second) == [(1,), (2,)]


@pytest.mark.parametrize(
    "content",
    [
        '{"meta": [], "data": [{"n": 1}, {"n": 2}]}',
        '[{"n": 1}, {"n": 2}]',
        '{"n": 1}\n{"n": 2}\n',
    ],
)
def test_definitions_of_json_are_proposed(
    files: Files, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    [entry] = proposed(files.write("f.json", content), capsys)
    assert files.rows(**entry) == [(1,), (2,)]
