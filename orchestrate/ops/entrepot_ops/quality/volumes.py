"""Tables that lost rows, gained many at once, or stopped growing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from entrepot_ops.quality.history import Night
from entrepot_ops.quality.robust import Sample, usual

Said = tuple[str, str, str, tuple[str, ...]]  # kind, subject, sentence, details

_FEWEST = 5  # earlier nights, before a change is judged
_FEWEST_GROWING = 7  # a whole week: on its first Sunday nothing is known of Sundays
_SMALL = 50  # rows; a table of fewer may lose some
_LOSS = 0.1  # a share of the rows
_GAIN = 0.5
_GAIN_ROWS = 1000
_WIDTH = 5.0  # deviations
_GROWTH_WIDTH = 4.0
_NOTHING = 0.1  # of the usual growth
_RARE = 0.05  # of the nights
_SLOW_TABLE = 7  # nights over which small growths are added up
_MANY = 3  # tables of a schema that stop in the same night are one event


@dataclass(frozen=True)
class Change:
    """What a night changed in a table.

    Attributes:
        weekday: Of the night.
        rows: Rows before it.
        growth: Rows gained.
    """

    weekday: int
    rows: int
    growth: int

    @property
    def share(self) -> float:
        """The growth as a share of the rows that were there."""
        return self.growth / max(self.rows, 1)


def judge(days: Sequence[Night]) -> Iterator[Said]:
    """Find what is unusual in the tables' sizes.

    Args:
        days: Nights of different days, in their order; the last is judged.

    Yields:
        Kind, subject, sentence and details of each.
    """
    stopped: dict[str, str] = {}
    usually_grow: Counter[str] = Counter()
    for table, last, earlier in _changes(days):
        if said := _lost(table, last, earlier) or _gained(table, last, earlier):
            yield said
            continue
        grows = [change for change in earlier if change.growth > 0]
        if len(earlier) >= _FEWEST_GROWING and 2 * len(grows) > len(earlier):
            usually_grow[_schema(table)] += 1
        # Where a step failed, that is why; it is said where failures are.
        if days[-1].is_whole and (sentence := _stopped(last, earlier)):
            stopped[table] = sentence
    yield from _grouped(stopped, usually_grow)


def _changes(days: Sequence[Night]) -> Iterator[tuple[str, Change, list[Change]]]:
    """Give each table's change in the last night, and those of the whole nights before."""
    today, yesterday = days[-1], days[-2]
    for table, size in today.tables.items():
        before = yesterday.tables.get(table)
        if size.rows is None or before is None or before.rows is None:
            continue
        last = Change(today.day.weekday(), before.rows, size.rows - before.rows)
        if not last.growth and size.bytes > before.bytes:
            continue  # it grew, and its rows were not estimated again
        yield table, last, list(_earlier(table, days[:-1]))


def _earlier(table: str, days: Sequence[Night]) -> Iterator[Change]:
    for before, after in pairwise(days):
        if after.day - before.day != timedelta(days=1):
            continue  # what several days brought
        if not (before.is_whole and after.is_whole):
            continue
        old, new = before.tables.get(table), after.tables.get(table)
        if old and new and old.rows is not None and new.rows is not None:
            yield Change(after.day.weekday(), old.rows, new.rows - old.rows)


def _lost(table: str, last: Change, earlier: list[Change]) -> Said | None:
    """A loss that is large, and larger than any before."""
    is_empty = last.rows + last.growth == 0 and last.rows > 0
    if last.growth >= 0 or (last.rows < _SMALL and not is_empty):
        return None
    shares: list[Sample] = [(change.weekday, change.share) for change in earlier]
    known = usual(shares, last.weekday)
    if known is None or len(shares) < _FEWEST or last.share > -_LOSS:
        return None
    if last.share > known.middle - _WIDTH * known.spread:
        return None
    if last.share > 1.5 * min(0.0, *(share for _, share in shares)):
        return None
    return (
        "lost_rows",
        table,
        (
            f"lost {-last.growth:,} of its {last.rows:,} rows ({last.share:.0%});"
            f" its usual change is {known.middle:+.1%}"
        ),
        (),
    )


def _gained(table: str, last: Change, earlier: list[Change]) -> Said | None:
    """A gain that is large, and larger than any before."""
    if last.growth < _GAIN_ROWS or last.share < _GAIN:
        return None
    shares: list[Sample] = [(change.weekday, change.share) for change in earlier]
    known = usual(shares, last.weekday)
    if known is None or len(shares) < _FEWEST:
        return None
    if last.share < known.middle + _WIDTH * known.spread:
        return None
    if last.share < 2 * max(share for _, share in shares):
        return None
    if _is_often(earlier, lambda change: change.share < -_LOSS):
        return None  # filled and emptied, again and again
    return (
        "gained_rows",
        table,
        (
            f"gained {last.growth:,} rows beside its {last.rows:,} ({last.share:+.0%});"
            f" its usual change is {known.middle:+.1%}"
        ),
        (),
    )


def _stopped(last: Change, earlier: list[Change]) -> str | None:
    """No growth where there always was: in this night, or in some nights that end with it."""
    samples: list[Sample] = [(c.weekday, float(c.growth)) for c in earlier]
    known = usual(samples, last.weekday)
    if known is None or last.growth > max(0.0, _NOTHING * known.middle):
        return None
    if _is_often(earlier, lambda change: change.growth < 0):
        return None  # it loses as it gains
    changes = [*earlier, last]
    for length in range(1, _SLOW_TABLE + 1):
        before = changes[:-length]
        if len(before) < _FEWEST_GROWING:
            return None
        if sentence := _stopped_for(changes[-length:], before):
            return sentence
    return None


def _is_often(changes: list[Change], condition: Callable[[Change], bool]) -> bool:
    return sum(map(condition, changes)) > _RARE * len(changes)


def _stopped_for(stretch: list[Change], known: list[Change]) -> str | None:
    """Judge a stretch of nights by those before it."""
    samples: list[Sample] = [(c.weekday, float(c.growth)) for c in known]
    expected = [usual(samples, change.weekday) for change in stretch]
    middle = sum(one.middle for one in expected if one)
    spread = math.sqrt(sum(one.spread**2 for one in expected if one))
    growth = sum(change.growth for change in stretch)
    if middle <= 0 or growth > _NOTHING * middle:
        return None
    # Rows that arrive by chance spread by the root of their number.
    missing = middle - growth
    if missing < _GROWTH_WIDTH * math.sqrt(middle):
        return None
    if missing < _GROWTH_WIDTH * spread and (growth > 0 or spread > middle):
        return None
    if _is_ever_still(known, len(stretch), stretch[-1].weekday, middle):
        return None
    nights = "in this night" if len(stretch) == 1 else f"in {len(stretch)} nights"
    gained = f"lost {-growth:,}" if growth < 0 else f"gained {growth:,}"
    return f"{gained} rows {nights}; it usually gains {middle:,.0f}"


def _is_ever_still(
    known: list[Change], length: int, weekday: int, middle: float
) -> bool:
    """Whether stretches of that length without growth are nothing new."""
    samples: list[Sample] = [(c.weekday, float(c.growth)) for c in known]
    same = usual(samples, weekday)
    if length == 1 and same is not None:
        sums = list(same.values)
        # Other weekdays that grow as much tell as well; Sundays without growth tell nothing of it.
        middles = {day: usual(samples, day) for day, _ in samples}
        sums += [
            value
            for day, value in samples
            if day != weekday and (other := middles[day]) and other.middle >= middle / 2
        ]
    else:
        growths = [value for _, value in samples]
        sums = [
            sum(growths[start : start + length])
            for start in range(len(growths) - length + 1)
        ]
    still = sum(1 for value in sums if value <= _NOTHING * middle)
    return not sums or still > _RARE * len(sums)


def _schema(table: str) -> str:
    return table.partition(".")[0]


def _grouped(stopped: Mapping[str, str], usually_grow: Counter[str]) -> Iterator[Said]:
    """Say of a schema whose tables all stop that its source brings no news, once."""
    by_schema: dict[str, list[str]] = {}
    for table in stopped:
        by_schema.setdefault(_schema(table), []).append(table)
    for schema, tables in by_schema.items():
        growing = max(usually_grow[schema], len(tables))
        if len(tables) >= _MANY and 2 * len(tables) > growing:
            yield (
                "no_news",
                schema,
                f"{len(tables)} of the {growing} tables that usually grow did not",
                tuple(f"{table}: {stopped[table]}" for table in tables),
            )
            continue
        for table in tables:
            yield "stopped_growing", table, stopped[table], ()
