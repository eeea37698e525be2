"""Which changes of a column lose nothing."""

from __future__ import annotations

import pytest

from entrepot_target_postgres.tables.drift import compare, is_wider


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ("integer", "bigint", True),
        ("smallint", "numeric", True),
        ("bigint", "integer", False),
        ("integer", "numeric(5,0)", False),
        ("character varying(10)", "character varying(20)", True),
        ("character varying(20)", "character varying(10)", False),
        ("character varying(20)", "character varying", True),
        ("character varying", "character varying(20)", False),
        ("character varying(20)", "text", True),
        ("text", "character varying(20)", False),
        ("numeric(10,2)", "numeric(12,2)", True),
        ("numeric(10,2)", "numeric(12,4)", True),
        ("numeric(10,2)", "numeric(11,4)", False),
        ("numeric(10,2)", "numeric", True),
        ("integer[]", "bigint[]", False),
        ("timestamp(3) without time zone", "timestamp(6) without time zone", True),
        ("timestamp without time zone", "timestamp with time zone", False),
        ("integer", "integer", False),
    ],
)
def test_is_wider(old: str, new: str, *, wider: bool) -> None:
    assert is_wider(old, new) is wider


def test_compare_names_each_kind_of_change() -> None:
    here = {"id": "integer", "gone": "text", "bent": "text", "same": "date"}
    there = {"id": "bigint", "bent": "integer", "same": "date", "new": "text"}
    drift = compare(here, there)
    assert drift.added == ["new"]
    assert drift.widened == [("id", "bigint")]
    assert drift.dropped == ["gone"]
    assert drift.refused == [("bent", "text", "integer")]
