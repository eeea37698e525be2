"""The fence on random schedules of transactions, beside a reader that has none."""

from __future__ import annotations

import random

import pytest

from entrepot_tap_postgres.fence import Look, dense, marks_of, noted, settled, waiting


class Source:
    """A table whose rows get their id when written and are seen when committed.

    As in PostgreSQL, a transaction gets its number with its first write, and each id is given out
    at once, whatever becomes of the transaction.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._next_id = 1
        self._next_xid = 100
        self._open: dict[int, list[int]] = {}
        self.rows: set[int] = set()

    def step(self) -> None:
        """Write or end something."""
        what = self._chance.random()
        if what < 0.35 or not self._open:
            self._open[self._next_xid] = []
            self._next_xid += 1
        transaction = self._chance.choice(list(self._open))
        if what < 0.75:
            self._open[transaction].append(self._next_id)
            self._next_id += 1
        elif what < 0.95:
            self.rows |= set(self._open.pop(transaction))
        else:
            self._open.pop(transaction)

    def end_all(self) -> None:
        for rows in self._open.values():
            self.rows |= set(rows)
        self._open = {}

    def look(self) -> Look:
        xmax = self._next_xid
        top = str(max(self.rows)) if self.rows else None
        return Look(min(self._open, default=xmax), xmax, top)


def fenced_night(source: Source, state: dict, read: set[int], steps: int) -> None:
    """Do as the tap does: look, wait a little, read, move the bookmark."""
    first = source.look()
    for _ in range(steps):
        source.step()
    held = source.look()
    marks = noted(marks_of(state["fence"]), first, held)
    read |= {row for row in source.rows if row > state["bookmark"]}
    state["bookmark"] = max(state["bookmark"], *map(int, settled(marks, held)), 0)
    state["fence"] = [[mark.xmax, mark.top] for mark in waiting(marks, held)]


@pytest.mark.parametrize("seed", range(100))
def test_nothing_is_missed(seed: int) -> None:
    """100 random interleavings, 40 nights each."""
    chance = random.Random(seed)
    source, state = Source(chance), {"bookmark": 0, "fence": []}
    read: set[int] = set()
    for _ in range(40):
        for _ in range(chance.randrange(30)):
            source.step()
        fenced_night(source, state, read, chance.randrange(3))
    source.end_all()
    fenced_night(source, state, read, 0)
    assert read == source.rows
    assert state["bookmark"] == max(source.rows), "nothing is open: it is not held back"


def test_a_reader_without_a_fence_misses_rows() -> None:
    """The schedules are hard enough for the test above to mean something."""
    missed = 0
    for seed in range(100):
        chance = random.Random(seed)
        source, read, bookmark = Source(chance), set(), 0
        for _ in range(40):
            for _ in range(chance.randrange(30)):
                source.step()
            read |= {row for row in source.rows if row > bookmark}
            bookmark = max(source.rows, default=0)
        source.end_all()
        read |= {row for row in source.rows if row > bookmark}
        missed += len(source.rows - read)
    assert missed > 100


def test_dense_leaves_out_the_few_that_are_far_above() -> None:
    usual = list(range(2000, 1899, -1))
    assert dense(usual) is None
    assert dense([9_000_000_000, *usual[:-1]]) == 2000
    assert dense([9_000_000_000, 5_000_000_000, 4_999_999_999, *usual[:-3]]) == 2000
    assert dense([key * 10_000_000 for key in usual]) is None  # a clock's numbers
    assert dense([2**63 - 1, 3, 2, 1]) == 3
    assert dense([-1, -2, -2_000_000_000]) == -2_000_000_000
    assert dense([1]) is None
    assert dense([]) is None
