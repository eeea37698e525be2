"""Stream maps with pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_map_transform.mapper import MapTransform

SECRET = "sixteen characters, or more"
MAPS = {
    "people": {"name": "pseudonym(name)", "age": "age", "__else__": "__NULL__"},
    "__else__": "__NULL__",
}
SCHEMA = {
    "type": "SCHEMA",
    "stream": "people",
    "key_properties": [],
    "schema": {
        "x-replace-by": ["age"],
        "properties": {
            name: {"type": ["string", "null"]} for name in ("name", "age", "x")
        },
    },
}


def mapped(capsys: pytest.CaptureFixture[str], *messages: dict) -> list[dict[str, Any]]:
    text = "".join(f"{json.dumps(each)}\n" for each in messages)
    MapTransform(config={"stream_maps": deepcopy(MAPS)}).listen(io.StringIO(text))
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def record(**values: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": "people", "record": values}


def test_a_pseudonym_is_the_hmac_of_the_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSEUDONYM_SECRET", SECRET)
    schema, *records = mapped(
        capsys,
        SCHEMA,
        record(name="Zoé", age="7", x="secret"),
        record(name=None, age=None, x=None),
    )
    assert schema["schema"]["x-replace-by"] == ["age"]
    assert list(schema["schema"]["properties"]) == ["name", "age"]
    digest = hmac.new(SECRET.encode(), "Zoé".encode(), hashlib.sha256).hexdigest()
    assert [each["record"] for each in records] == [
        {"name": digest, "age": "7"},
        {"name": None, "age": None},
    ]


def test_other_streams_do_not_pass(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSEUDONYM_SECRET", SECRET)
    other = {**SCHEMA, "stream": "others"}
    sent = {**record(name="Zoé"), "stream": "others"}
    assert mapped(capsys, other, sent) == []


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_secret_nothing_is_read(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSEUDONYM_SECRET", secret)
    with pytest.raises(Refused, match="PSEUDONYM_SECRET"):
        MapTransform(config={"stream_maps": deepcopy(MAPS)})
    MapTransform(config={"stream_maps": {"people": {"name": "md5(name)"}}})


def test_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PSEUDONYM_SECRET", SECRET)
    batch = {"type": "BATCH", "stream": "people", "encoding": {}, "manifest": []}
    mapper = MapTransform(config={"stream_maps": deepcopy(MAPS)})
    with pytest.raises(RunFailed, match="people comes in a BATCH"):
        mapper.listen(io.StringIO(f"{json.dumps(batch)}\n"))


def test_off_it_ends_only_after_its_tap(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"domain": "barometre"}', encoding="utf-8")
    mapper = subprocess.Popen(
        [sys.executable, "-m", "entrepot_map_transform", "--config", str(config)],
        env={"DOMAINS": "pix"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert mapper.stderr is not None
    assert "DOMAINS has no barometre: nothing to do" in mapper.stderr.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        mapper.wait(timeout=0.5)
    assert mapper.communicate(timeout=60) == ("", "")
    assert mapper.returncode == 0
