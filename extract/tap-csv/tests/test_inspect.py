"""What `inspect` proposes reads what files hold, without anybody editing it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot_lab.meltano.csv_tap import Files
from entrepot_lab.sources.odd_files import OddFile
from entrepot_lab.sources.odd_files import files as odd_files
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
