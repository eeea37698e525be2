"""Whatever dbt, Meltano or a verb of ours prints, it becomes values that the record can hold."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot_ops.meltano import dbt_results, log
from entrepot_ops.meltano.dbt_results import Result
from entrepot_ops.nights import retries
from entrepot_ops.nights.runner import explain

LARGEST = 2**63 - 1
texts = st.text(st.characters(), max_size=20)  # NUL and lone surrogates among them
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**30), max_value=10**30),
    st.floats(),  # NaN and infinities among them
    texts,
    st.text(max_size=3000),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner),
    max_leaves=5,
)
nodes = st.fixed_dictionaries(
    {},
    optional={
        "unique_id": st.sampled_from(["model.a.b", "test.a.c.d", ""]) | anything,
        "status": st.sampled_from(["success", "error", "skipped", "fail"]) | anything,
        "execution_time": anything,
        "failures": anything,
        "message": anything,
        "adapter_response": st.fixed_dictionaries({"rows_affected": anything})
        | anything,
    },
)
files = st.fixed_dictionaries({"results": st.lists(nodes | anything) | anything})
messages = st.fixed_dictionaries(
    {},
    optional={
        "event": anything,
        "stdio": anything,
        "producer": anything,
        "consumer": anything,
        "name": anything,
        "exit_codes": st.dictionaries(
            st.sampled_from(["extractors", "loaders", "x"]), anything
        )
        | anything,
    },
)


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def check(result: Result) -> None:
    for text in (result.node, result.kind, result.status):
        assert text == "" or text.encode()
        assert "\0" not in text
    assert isinstance(result.seconds, float)
    assert math.isfinite(result.seconds) and result.seconds >= 0
    for number in (result.row_count, result.failures):
        assert number is None or (type(number) is int and 0 <= number <= LARGEST)
    if result.message is not None:
        assert result.message.encode() and "\0" not in result.message


@given(files)
def test_any_shape_of_dbts_results_is_read(content: object) -> None:
    for result in dbt_results.parse(as_bytes(content)) or []:
        check(result)
        assert result.node


@given(files, st.data())
def test_a_file_that_was_cut_short_or_damaged_is_read_or_said_to_be_none(
    content: object, data: st.DataObject
) -> None:
    whole = as_bytes(content)
    cut = data.draw(st.integers(0, len(whole)))
    noise = data.draw(st.binary(max_size=8))
    for damaged in (whole[:cut], whole[:cut] + noise + whole[cut:], noise):
        for result in dbt_results.parse(damaged) or []:
            check(result)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"results": null}',
        b'{"results": {"a": 1}}',
        b"[" * 100_000,
        b'{"results": ' * 5000,
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_list_of_results_is_none(content: bytes) -> None:
    assert dbt_results.parse(content) is None


def test_a_skipped_node_has_a_whole_number_of_seconds_and_is_one_of_many() -> None:
    """dbt writes 0 for skipped nodes and a fraction for all others."""
    content = {
        "results": [
            {"unique_id": "model.a.b", "status": "error", "execution_time": 0.25},
            {"unique_id": "model.a.c", "status": "skipped", "execution_time": 0},
            {"unique_id": "model.a.c", "status": "skipped", "execution_time": 0},
            {"unique_id": "model.a.d", "status": "success", "execution_time": "1"},
        ]
    }
    results = dbt_results.parse(as_bytes(content))
    assert results is not None
    assert [(r.node, r.seconds) for r in results] == [
        ("model.a.b", 0.25),
        ("model.a.c", 0.0),
        ("model.a.d", 0.0),
    ]


def test_a_huge_number_is_no_count() -> None:
    digits = "9" * 5000
    text = '{"results": [{"unique_id": "a.b", "failures": %s, "execution_time": %s}]}'
    (result,) = dbt_results.parse((text % (digits, digits)).encode()) or []
    assert (result.failures, result.seconds) == (None, 0.0)


def test_results_that_cannot_be_opened_are_none(tmp_path: Path) -> None:
    (tmp_path / ".entrepot/dbt/target/run_results.json").mkdir(parents=True)
    assert dbt_results.read(tmp_path, 0) is None


@given(st.lists(messages.map(json.dumps) | texts, max_size=5))
def test_any_line_is_read(raw: list[str]) -> None:
    lines = [log.parse(one) for one in raw]
    for line in lines:
        assert "\0" not in line.text and line.text.encode() is not None
        assert 0 <= (line.records or 0) <= LARGEST
        assert all(type(code) is int for code in line.exit_codes.values())
    assert isinstance(log.reason(lines), str)
    assert isinstance(retries.real_status(1, lines), int)
    assert isinstance(retries.is_worth_it(1, lines, None), bool)


@given(anything)
def test_any_metric_is_counted_or_ignored(value: object) -> None:
    counted = {"metric": "record_count", "value": value}
    for metric in (counted, {**counted, "metric": value}, value):
        event = f"METRIC: {json.dumps(metric)}"
        line = {"event": event, "stdio": "x", "producer": True}
        assert 0 <= (log.parse(json.dumps(line)).records or 0) <= LARGEST
    many = {"event": f"a: {'9' * 5000} rows", "stdio": "x", "producer": True}
    assert log.parse(json.dumps(many)).records is None
    nested = {"event": "METRIC: {" + '"a":[' * 3000, "stdio": "x", "producer": True}
    assert log.parse(json.dumps(nested)).records is None


@given(files)
def test_a_failure_is_explained_whatever_dbt_says(content: object) -> None:
    results = dbt_results.parse(as_bytes(content))
    assert isinstance(explain([], results), str)
