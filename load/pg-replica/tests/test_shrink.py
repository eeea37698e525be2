"""What a night may lose, and what is refused."""

from __future__ import annotations

import pytest

from entrepot_core.policy.tables import Policy
from pg_replica.verify.shrink import losses

_HALF = 50.0


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param({"a": 1000}, {"a": 501}, [], id="within the limit"),
        pytest.param(
            {"a": 1000}, {"a": 499}, ["the whole replica", "table a"], id="beyond it"
        ),
        pytest.param({"a": 1000, "b": 99}, {"a": 1000, "b": 0}, [], id="a small table"),
        pytest.param(
            {"a": 1000, "b": 100}, {"a": 1000}, ["table b"], id="a table that is gone"
        ),
        pytest.param({"a": 2}, {}, ["the whole replica"], id="nothing is left"),
        pytest.param({"a": 2}, {"b": 0}, ["the whole replica"], id="nothing but names"),
        pytest.param({"a": 2}, {"b": 1}, [], id="few rows, and others in their place"),
        pytest.param(
            {"a": 100},
            {"b": 100_000},
            ["the whole replica", "table a"],
            id="another database's tables",
        ),
    ],
)
def test_losses(
    before: dict[str, int], after: dict[str, int], refused: list[str]
) -> None:
    found = losses(before, after, Policy(), _HALF)
    assert [loss.subject for loss in found if loss.is_refused] == refused
