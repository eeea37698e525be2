"""What `inspect` proposes reads what files hold, without anybody editing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot_lab.meltano.csv_tap import Files
from entrepot_lab.sources.odd_files import OddFile
from entrepot_lab.sources.odd_files import files as odd_files
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.inspection import command

FILES = list(odd_files(1))


def proposed(path: Path, *options: str, capsys: pytest.CaptureFixture[str]) -> Any:
    command.inspect([str(path), *options], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def cells(files: Files, entry: dict[str, Any]) -> list[list[str]]:
    """Read a file by a definition, as text."""
    files.state = {}
    return [["" if v is None else v for v in row] for row in files.rows(**entry)]


@pytest.mark.parametrize("odd", FILES, ids=[each.name for each in FILES])
def test_an_odd_file_is_read_by_what_is_proposed(
    files: Files, odd: OddFile, capsys: pytest.CaptureFixture[str]
) -> None:
    path = files.write("odd.csv", odd.content)
    [entry] = proposed(path, "--text", capsys=capsys)
    assert cells(files, entry) == odd.rows
    [typed] = proposed(path, capsys=capsys)
    assert len(cells(files, typed)) == len(odd.rows)


def test_there_are_as_many_as_in_the_survey() -> None:
    assert len(FILES) >= 97


CORPUS = Path(__file__).parent / "corpus"
SHAPED = sorted(path for path in CORPUS.iterdir() if path.suffix != ".json")


@pytest.mark.parametrize("path", SHAPED, ids=[path.name for path in SHAPED])
def test_a_file_of_the_corpus_is_read_by_what_is_proposed(
    files: Files, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
    [entry] = proposed(path, "--text", capsys=capsys)
    assert cells(files, entry) == expected
    [typed] = proposed(path, capsys=capsys)
    assert len(cells(files, typed)) == len(expected)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("Indicateur;01/2023;02/2023\nTaux;1,2;1,3\nNb;10;11\n", 2),
        ("source\nnote\ntotal\n", 2),
        ("a,b,c,d,e\n1,2,3\n4,5,6\n", 2),
        ("Année;Prix (€);Volume\n;€/t;kt\n2020;12,5;3\n2021;13,1;4\n", 2),
        (";H;;F;\n;a;b;a;b\n;nb;nb;nb;nb\nParis;1;2;3;4\nLyon;5;6;7;8\n", 2),
        (
            "Notes: a file, made by, the office, is\nSecond, line\n\nid,nom,v\n1,a,2\n2,b,3\n",
            2,
        ),
        ("a,b\n1,Total\n2,x\nTotal,y\n3,z\n", 4),
    ],
)
def test_no_row_is_taken_for_what_surrounds_a_table(
    files: Files, content: str, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    [entry] = proposed(files.write("f.csv", content), capsys=capsys)
    assert len(cells(files, entry)) == rows


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b,c\n1,2,3\n4,5,6,7\n", "line 3: 4 cells"),
        (b"a,b\n1,x\0y\n", "byte 7: the byte 0x00"),
        (
            b"a\nOrl\xc3\xa9ans\nBesan\xe7on\n",
            "line 3, byte 16: the byte 0xe7 is not utf-8",
        ),
        (b"<!DOCTYPE html>\n<p>404, not found</p>\n", "is a page"),
        (b"", "is empty"),
        (b"x,y\n1,2\n\nother\np,q,r\n1,2,3\n", "line 4|line 5"),
    ],
)
def test_what_no_definition_reads_is_refused_for_its_reason(
    files: Files, content: bytes, words: str
) -> None:
    with pytest.raises(CannotRead, match=rf"f\.csv.*(?:{words})"):
        command.inspect([str(files.write("f.csv", content))], standalone_mode=False)


def test_a_definition_is_written_to_a_file_once(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = files.write("f.csv", "T\n\na;b\n1;x\n"), tmp_path / "mine.json"
    command.inspect([str(path), "--output", str(output)], standalone_mode=False)
    assert "1 rows" in capsys.readouterr().err
    assert json.loads(output.read_text("utf-8"))[0]["skip_lines"] == 2
    with pytest.raises(CannotRead, match="is there already"):
        command.inspect([str(path), "--output", str(output)], standalone_mode=False)
