"""Safe high-water mark: the bookmark stays below keys that open transactions may still commit.

A transaction may take an id today and commit tomorrow; a bookmark at the greatest id seen would
leave its row behind for ever. So each look at the table notes the greatest key and `xmax`, the
first transaction id not yet given out. Once a later read's `xmin` has reached that `xmax`, every
transaction that could own a key up to there had ended before that read, which therefore saw it
(PostgreSQL, "System Information Functions": `pg_current_snapshot`).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

LOOKED_AT = 101  # greatest keys, among which outliers are looked for
_GAP = 100_000  # numbers that a sequence may well skip
_TIMES = 1000  # as great as the usual gap: no sequence skips so many


@dataclass(frozen=True)
class Look:
    """What one snapshot of the table showed.

    Attributes:
        xmin: The oldest transaction that was still open.
        xmax: The first transaction id not yet given out.
        top: The greatest replication key, as text; None for an empty table.
        certain: A key below `top` above which rows may still be written, whatever the
            transactions' ids say; None when `top` is certain.
    """

    xmin: int
    xmax: int
    top: str | None
    certain: str | None = None


@dataclass(frozen=True)
class Mark:
    """A look that still waits until all transactions of its time have ended.

    Attributes:
        xmax: As in `Look`.
        top: The greatest key that the look is sure of.
    """

    xmax: int
    top: str


def marks_of(state: Iterable[Any]) -> list[Mark]:
    """Read the marks that the state holds.

    Args:
        state: `fence` of the stream's bookmark: pairs of `xmax` and `top`.

    Returns:
        The marks.
    """
    return [Mark(int(xmax), str(top)) for xmax, top in state]


def noted(marks: list[Mark], *looks: Look) -> list[Mark]:
    """Add looks to the marks.

    Args:
        marks: Those of earlier runs.
        looks: Of this run, in order.

    Returns:
        All of them.
    """
    return marks + [
        Mark(look.xmax, look.certain or look.top)
        for look in looks
        if look.top is not None
    ]


def settled(marks: list[Mark], read: Look) -> list[str]:
    """List the keys up to which a read has seen all that there will ever be.

    Args:
        marks: The marks, the read's own included.
        read: The snapshot under which everything above the bookmark is read.

    Returns:
        Keys, of which the greatest is the new bookmark.
    """
    return [mark.top for mark in marks if mark.xmax <= read.xmin]


def waiting(marks: list[Mark], read: Look) -> list[Mark]:
    """List the marks that a later run must look at again.

    Args:
        marks: The marks, the read's own included.
        read: As in `settled`.

    Returns:
        Those whose time still had a transaction open.
    """
    return [mark for mark in marks if mark.xmax > read.xmin]


def dense(keys: list[int]) -> int | None:
    """Find the greatest key that no great gap parts from those below it.

    One number far above all others, written by hand or by mistake, would otherwise be the bookmark,
    and the rows that follow in the usual order would be taken for old ones.

    Args:
        keys: The greatest keys of the table, the greatest first.

    Returns:
        The key below which rows lie as densely as they usually do; None when that is the greatest.
    """
    gaps = [high - low for high, low in pairwise(keys)]
    if not gaps:
        return None
    most = max(_GAP, _TIMES * statistics.median_low(gaps))
    places = [place for place, gap in enumerate(gaps) if gap > most]
    return keys[places[-1] + 1] if places else None
