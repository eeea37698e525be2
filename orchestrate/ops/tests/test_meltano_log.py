from __future__ import annotations

import json

from entrepot_ops.meltano.log import exit_codes, parse, reason


def said(event: str, **fields: object) -> str:
    return json.dumps({"event": event, "level": "info", **fields})


def test_the_plugin_that_failed_says_why() -> None:
    lines = [
        parse(said("no table 'x'", stdio="stderr", producer=True, name="tap-x")),
        parse(said("error: end of input", stdio="stderr", consumer=True, name="t")),
        parse(said("Extractor failed")),
        parse(said("Block run completed", exit_codes={"extractors": 2, "loaders": 0})),
    ]
    assert exit_codes(lines) == {"tap": 2, "target": 0}
    assert reason(lines) == "no table 'x'"


def test_an_error_counts_more_than_what_follows_it() -> None:
    lines = [parse("02:00:00 error: it broke"), parse("02:00:01 cleaned up")]
    assert reason(lines) == "it broke"
    assert reason([]) == "it said nothing"
    assert reason([parse(said("Plugin x is not known"))]) == "Plugin x is not known"


def test_records_are_counted_once() -> None:
    metric = 'METRIC: {"type":"counter","metric":"record_count","value":12,"tags":{}}'
    tap, target = {"producer": True}, {"consumer": True}
    assert parse(said(metric, stdio="stderr", **tap)).records == 12
    assert parse(said(metric, stdio="stderr", **target)).records is None
    assert parse(said("a-b: 34 rows up to 9", stdio="stderr", **tap)).records is None
    assert parse(said("METRIC: {broken}", stdio="stderr", **tap)).records is None


def test_a_tap_that_brings_nothing_is_told_from_one_that_says_nothing() -> None:
    metric = 'METRIC: {"type":"counter","metric":"record_count","value":0,"tags":{}}'
    assert parse(said(metric, stdio="stderr", producer=True)).records == 0


def test_what_settings_let_pass_is_counted() -> None:
    metric = {"metric": "forgiven", "value": 3, "tags": {"kind": "short rows filled"}}
    line = said(f"METRIC: {json.dumps(metric)}", stdio="stderr", producer=True)
    assert parse(line).forgiven == {"short rows filled": 3}
    assert parse(line).records is None
    for odd in ({}, {"kind": None}, "x", None):
        line = said(
            f"METRIC: {json.dumps({**metric, 'tags': odd})}", stdio="x", producer=True
        )
        assert parse(line).forgiven == {}


def test_anything_else_is_taken_as_it_is() -> None:
    for raw in ("", "[]", "{}", "\x1b[31mred\x1b[0m", "null"):
        assert parse(raw).text in (raw, "red")
