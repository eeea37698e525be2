"""Files from one night to the next: unchanged, changed, gone, or changing while they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot_lab.meltano.csv_tap import Files
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.files import Part
from entrepot_tap_csv.head import Head


def replaced(messages: list[dict]) -> list[str]:
    [schema] = [each["schema"] for each in messages if each["type"] == "SCHEMA"]
    return [part[0] for part in schema["x-replace"]]


def test_only_what_has_changed_is_read(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write("a.csv", "a\n1\n")
    files.write("b.csv", "a\n2\n")
    assert replaced(files.messages()) == ["a.csv", "b.csv"]
    opened: list[str] = []
    real = Part.open

    def noted(part: Part) -> object:
        opened.append(part.name)
        return real(part)

    monkeypatch.setattr(Part, "open", noted)
    assert replaced(files.messages()) == [] == opened
    files.write("b.csv", "a,c\n2,3\n4,5\n")
    messages = files.messages()
    assert replaced(messages) == ["b.csv"] and set(opened) == {"b.csv"}
    assert [m["record"]["c"] for m in messages if m["type"] == "RECORD"] == ["3", "5"]
    assert replaced(files.messages(delimiter=";")) == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("removed_files", "parts"), [("keep", []), ("remove", ["b.csv"])]
)
def test_a_file_that_is_gone(
    files: Files, removed_files: str, parts: list[str]
) -> None:
    files.write("a.csv", "a\n1\n")
    gone = files.write("b.csv", "a\n2\n")
    files.messages(removed_files=removed_files)
    gone.unlink()
    assert replaced(files.messages(removed_files=removed_files)) == parts
    assert replaced(files.messages(removed_files=removed_files)) == []


def test_a_file_that_changes_while_it_is_read(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write("a.csv", "a\n1\n")
    real = Head.records

    def growing(*given):
        records = real(*given)
        with path.open("a") as file:
            file.write("2\n")
        return records

    monkeypatch.setattr(Head, "records", growing)
    with pytest.raises(CannotRead, match=r"a\.csv: has changed while it was read"):
        files.messages()


def test_a_file_that_is_replaced_while_it_is_read_stays_what_it_was(
    files: Files,
) -> None:
    """F36."""
    path = files.write("a.csv", "a\n1\n")
    with Part("a.csv", path).open() as file:
        other = files.write("other", "a\n2\n3\n")
        other.replace(path)
        assert file.read() == b"a\n1\n"


def test_settings_of_meltanolabs_tap(files: Files, tmp_path: Path) -> None:
    path = files.write("a.csv", "Id;n\n1;2\n")
    entry: dict[str, Any] = {
        "entity": "leads",
        "path": str(path),
        "keys": ["Id"],
        "delimiter": ";",
    }
    [record] = files.records(**entry, encoding="latin1", strict=False)
    assert (record["Id"], record["n"]) == ("1", "2")
