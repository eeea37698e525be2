"""What a catalog deselects is not read, or the run is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot_core.base.errors import Refused
from entrepot_tap_csv.tap import TapCsv


def _run(folder: Path, column: bool, stream: bool = True, **more: Any) -> None:
    (folder / "x.csv").write_text("a,b\n1,2\n")
    files = [{"entity": "x", "path": str(folder / "x.csv"), "keys": ["a"]}]
    config = {"files": files, **more}
    catalog = TapCsv(config=config).catalog_dict
    for each in catalog["streams"][0]["metadata"]:
        if each["breadcrumb"] in ([], ("properties", "b"), ["properties", "b"]):
            each["metadata"]["selected"] = column if each["breadcrumb"] else stream
    TapCsv(config=config, catalog=json.loads(json.dumps(catalog))).sync_all()


def test_a_deselected_column_is_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(tmp_path, column=False)
    out = capsys.readouterr().out
    assert '"a":"1"' in out and '"b"' not in out.replace('"columns":["a","b"]', "")


def test_copy_files_hold_all_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = {"root": f"file://{tmp_path}/spool"}
    batch = {"encoding": {"format": "pgcopy"}, "storage": storage}
    with pytest.raises(Refused, match="stream x: the catalog deselects column 'b'"):
        _run(tmp_path, column=False, batch_config=batch)
    _run(tmp_path, column=False, stream=False, batch_config=batch)
    assert '"BATCH"' not in capsys.readouterr().out
    _run(tmp_path, column=True, batch_config=batch)
    assert '"BATCH"' in capsys.readouterr().out
