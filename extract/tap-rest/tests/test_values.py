"""Values are read strictly, and none is shown."""

from __future__ import annotations

from typing import Any

import pytest

from entrepot_tap_rest import definitions, values
from entrepot_tap_rest.definitions import Kind
from entrepot_tap_rest.errors import BadAnswer

SECRETS: list[Any] = ["secret", 4711, 47.11, True, ["secret"], {"secret": 1}]
TAKEN: dict[Kind, list[Any]] = {
    "text": ["secret", 4711, 47.11],
    "integer": [4711],
    "number": [4711, 47.11],
    "boolean": [True],
    "date": [],
    "timestamp": [],
    "json": SECRETS,
}


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("value", SECRETS, ids=str)
def test_a_value_of_another_type_is_refused_without_being_shown(
    kind: Kind, value: Any
) -> None:
    """Whatever JSON a server sends, it is a row or one sentence."""
    entry = {"name": "x", "keys": ["id"], "columns": {"id": "integer", "a": kind}}
    (definition,) = definitions.read([entry])
    if any(value is taken for taken in TAKEN[kind]):
        assert values.row(definition, {"id": 1, "a": value}, "x")["a"] is not None
        return
    with pytest.raises(BadAnswer, match=f"x: a is not of type {kind}") as refused:
        values.row(definition, {"id": 1, "a": value}, "x")
    assert "secret" not in str(refused.value)
    assert "47" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "text", "read"),
    [
        ("date", "2024-02-29", "2024-02-29"),
        ("timestamp", "2024-02-29T01:02:03Z", "2024-02-29T01:02:03+00:00"),
        ("integer", " 7 ", 7),
    ],
)
def test_texts_that_are_values(kind: Kind, text: str, read: Any) -> None:
    entry = {"name": "x", "keys": ["a"], "columns": {"a": kind}}
    (definition,) = definitions.read([entry])
    assert values.row(definition, {"a": text}, "x")["a"] == read
