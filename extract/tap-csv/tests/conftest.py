"""A folder of files for each test."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.meltano.csv_tap import Files


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path / "project"))
    folder = tmp_path / "files"
    folder.mkdir()
    yield Files(folder)
    gc.enable()
