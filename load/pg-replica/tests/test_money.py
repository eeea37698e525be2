"""Amounts of a locale with other decimals than two are refused before they change."""

from __future__ import annotations

import pytest

from entrepot_core.policy.tables import Policy
from pg_replica.source import money


class _Source:
    """A source's answers: its columns of money, its locale, and whether that has two decimals."""

    def __init__(self, columns, *, has_two):
        self._columns, self._has_two = columns, has_two

    def query(self, statement):
        if "pg_attribute" in statement:
            return self._columns
        return [(self._has_two,)] if "0.01" in statement else [("ja_JP.UTF-8",)]


@pytest.mark.parametrize(
    ("columns", "has_two", "refused"),
    [
        ([("public", "bills", "amount")], False, 1),
        ([("public", "bills", "amount")], True, 0),
        ([], False, 0),
    ],
)
def test_only_amounts_of_other_decimals(columns, has_two, refused) -> None:
    found = money.problems(_Source(columns, has_two=has_two).query, Policy())
    assert len(found) == refused
    if found:
        assert "public.bills.amount" in found[0] or "bills.amount" in found[0]
        assert "ja_JP.UTF-8" in found[0]
