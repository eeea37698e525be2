"""Reading the log of `pg_restore --verbose`, each line of it stamped with its time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

# 2022-10-01 03:10:11.123456789 +0200 CEST [worker-1] pg_restore: launching item 3456 …
# 2022-10-01T03:10:11Z pg_restore: …
_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(Z|UTC|[+-]\d\d:?\d\d)?"
)
_PARALLEL = re.compile(r"(launching|finished) item (\d+) (.+?)\"?\s*$")
_SERIAL = re.compile(
    r"pg_restore: (?:(processing data for table|executing) |creating ([A-Z]+(?: [A-Z]+)*) )"
    r"\"?(.+?)\"?$"
)
_KINDS = (
    *(
        "MATERIALIZED VIEW DATA",
        "MATERIALIZED VIEW",
        "FK CONSTRAINT",
        "CHECK CONSTRAINT",
    ),
    *(
        "CONSTRAINT",
        "INDEX ATTACH",
        "INDEX",
        "SEQUENCE OWNED BY",
        "SEQUENCE SET",
        "SEQUENCE",
    ),
    *("TABLE DATA", "TABLE ATTACH", "TABLE", "DEFAULT", "TRIGGER", "FUNCTION", "VIEW"),
)


@dataclass(frozen=True)
class Item:
    """One restored item.

    Attributes:
        kind: As pg_restore calls it, such as `TABLE DATA`.
        name: The rest of its description.
        started_at: When the work on it began.
        seconds: For how long it lasted.
    """

    kind: str
    name: str
    started_at: datetime
    seconds: float


@dataclass(frozen=True)
class Log:
    """What a log says.

    Attributes:
        started_at: The time of its first line about an item.
        ended_at: The time of its last one.
        items: Those that were finished.
        unfinished: Descriptions of those that were not.
    """

    started_at: datetime
    ended_at: datetime
    items: tuple[Item, ...]
    unfinished: tuple[str, ...]


def parse(lines: Iterable[str], day: str | None = None) -> Log:
    """Read a log, of a parallel restore (items) or a serial one (one thing after the other).

    Args:
        lines: Of the log; those without a time or of other programs do not count.
        day: Only this day's lines, `YYYY-MM-DD`; all when None.

    Returns:
        The items.

    Raises:
        ValueError: If there is no item, with what was looked for.
    """
    open_items: dict[str, tuple[datetime, str]] = {}
    items: list[Item] = []
    times: list[datetime] = []
    serial: tuple[datetime, str, str] | None = None
    for moment, text in _stamped(lines, day):
        if found := _PARALLEL.search(text):
            times.append(moment)
            verb, number, what = found.groups()
            if verb == "launching":
                open_items[number] = (moment, what)
            elif number in open_items:
                began, what = open_items.pop(number)
                items.append(_item(*_split(what), began, moment))
        elif found := _SERIAL.search(text):
            times.append(moment)
            if serial:
                items.append(_item(serial[1], serial[2], serial[0], moment))
            serial = (moment, *_serial_kind(*found.groups()))
        elif serial and "pg_restore:" in text:
            times.append(moment)
            items.append(_item(serial[1], serial[2], serial[0], moment))
            serial = None
    if not items:
        where = f" of {day}" if day else ""
        raise ValueError(
            f"no finished item{where}: it should hold lines such as "
            "`2022-10-01 03:10:11 +0200 pg_restore: launching item 12 INDEX i`"
        )
    unfinished = tuple(what for _, what in open_items.values())
    return Log(min(times), max(times), tuple(items), unfinished)


def _stamped(lines: Iterable[str], day: str | None) -> Iterator[tuple[datetime, str]]:
    for line in lines:
        found = _STAMP.search(line)
        if found is None or (day and found.group(1) != day):
            continue
        date, time, fraction, zone = found.groups()
        fraction = (fraction or "0")[:6].ljust(6, "0")
        zone = "+0000" if zone in (None, "Z", "UTC") else zone.replace(":", "")
        text = f"{date} {time}.{fraction} {zone}"
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f %z")
        yield moment.astimezone(timezone.utc), line[found.end() :].rstrip()


def _split(what: str) -> tuple[str, str]:
    for kind in _KINDS:
        if what.startswith(f"{kind} "):
            return kind, what.removeprefix(f"{kind} ")
    kind, _, name = what.partition(" ")
    return kind, name


def _serial_kind(verb: str | None, kind: str | None, name: str) -> tuple[str, str]:
    if kind:
        return kind, name
    return (
        ("TABLE DATA", name) if verb and verb.startswith("processing") else _split(name)
    )


def _item(kind: str, name: str, began: datetime, ended: datetime) -> Item:
    return Item(kind, name, began, max(0.0, (ended - began).total_seconds()))
