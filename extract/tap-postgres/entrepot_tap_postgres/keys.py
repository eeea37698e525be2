"""Replication keys: how far before the bookmark a reading begins, and how sure the newest key is.

The transaction ids that `fence` watches say nothing of a transaction that has no id yet: PostgreSQL
gives it with the first write. A number from a sequence is drawn an instant before that, or long
before (sequences with a cache, applications that draw numbers in blocks); a time set by `now()` is
that of the transaction's begin. So a reading begins some ids or seconds before the bookmark, and a
key that holds a time is only believed up to the begin of the oldest transaction.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

Kind = Literal["number", "time", "day", "uuid"]

# Types that have one order, the same on every server; of uuid, those that begin with the time.
KINDS: dict[str, Kind] = {
    "int2": "number",
    "int4": "number",
    "int8": "number",
    "timestamp": "time",
    "timestamptz": "time",
    "date": "day",
    "uuid": "uuid",
}
TIME_ORDERED_UUIDS = (6, 7)  # RFC 9562
_LOWEST = {"int2": -(2**15), "int4": -(2**31), "int8": -(2**63)}
_LOOKBACK: dict[Kind, int] = {"number": 1000, "time": 300, "day": 0, "uuid": 300}
# Two rows may have the same time: what is equal to the bookmark is read again.
_LEAST: dict[Kind, int] = {"number": 0, "time": 1, "day": 1, "uuid": 0}
_DAY = 86_400  # seconds
_VERSION = 12  # the digit of a UUID that says what it is made of
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_GREGORIAN_EPOCH = datetime(1582, 10, 15, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Key:
    """A replication key.

    Attributes:
        name: The column.
        type_name: Its type, as `format_type` spells it.
        base: The same as `pg_type` does, without length or precision.
        lookback: Ids, or seconds, before the bookmark from which rows are read again; None for
            the default of its kind.
    """

    name: str
    type_name: str
    base: str
    lookback: int | None = None

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return KINDS[self.base]

    @property
    def _margin(self) -> int:
        given = _LOOKBACK[self.kind] if self.lookback is None else self.lookback
        return max(given, _LEAST[self.kind])

    def before(self, key: str) -> str:
        """Write in SQL the key above which a reading begins, as text.

        Args:
            key: The bookmark.

        Returns:
            An expression whose only parameter is the bookmark, as text.
        """
        margin, type_name = self._margin, self.type_name
        if self.kind == "number":
            lowest = max(int(key) - margin, _LOWEST[self.base])
            return f"SELECT coalesce('{lowest}', %s)"
        if self.kind == "uuid":
            return f"SELECT coalesce('{_uuid_before(key, margin)}', %s)"
        if self.kind == "day":
            return f"SELECT (%s::{type_name} - {-(-margin // _DAY)})::text"
        return (
            f"SELECT (%s::{type_name} - {margin} * interval '1 s')::{type_name}::text"
        )

    def certain(self) -> str | None:
        """Write in SQL the key below which no transaction can write any more.

        A column without time zone may hold the time of this or that zone: the lower counts.

        Returns:
            An expression of `oldest`, the begin of the oldest transaction, and `zone`, the
            server's time zone; None for a key that holds no time.
        """
        utc = "oldest AT TIME ZONE 'UTC'"
        if self.base == "timestamptz":
            return "oldest - interval '1 s'"
        if self.base == "timestamp":
            return f"least({utc}, oldest AT TIME ZONE zone) - interval '1 s'"
        if self.kind == "day":
            return f"({utc})::date - 1"
        if self.kind == "uuid":
            return "oldest - interval '1 s'"
        return None


def uuid_at(moment: datetime, like: str) -> str:
    """Give the first UUID of a moment.

    Args:
        moment: With its time zone.
        like: A UUID of the same version.

    Returns:
        A UUID that is lower than all that were made later.
    """
    if uuid.UUID(like).hex[_VERSION] == "6":
        ticks = _microseconds(moment - _GREGORIAN_EPOCH) * 10
        digits = f"{max(0, ticks):015x}"
        return str(uuid.UUID(f"{digits[:12]}6{digits[12:]}" + "0" * 16))
    milliseconds = max(0, _microseconds(moment - _UNIX_EPOCH) // 1000)
    return str(uuid.UUID(f"{milliseconds:012x}7" + "0" * 19))


def _uuid_before(key: str, seconds: int) -> str:
    digits = uuid.UUID(key).hex
    if digits[_VERSION] == "6":
        ticks = max(0, int(digits[:12] + digits[13:16], 16) - seconds * 10_000_000)
        text = f"{ticks:015x}"
        return str(uuid.UUID(f"{text[:12]}6{text[12:]}" + "0" * 16))
    milliseconds = max(0, int(digits[:12], 16) - seconds * 1000)
    return str(uuid.UUID(f"{milliseconds:012x}7" + "0" * 19))


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
