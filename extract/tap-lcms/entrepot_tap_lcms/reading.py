"""The whole content, checked before any of it is sent, and kept in a file meanwhile."""

from __future__ import annotations

import json
import logging
import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from entrepot_tap_lcms.content import Content
from entrepot_tap_lcms.errors import BadContent
from entrepot_tap_lcms.values import Misfit, text

_SHOWN = 80  # characters of a value in a message
_MANY = 20  # bad values that are named

logger = logging.getLogger("tap-lcms")


class Reading:
    """The records of all streams."""

    def __init__(self, contents: Iterable[Content], max_bad_values: int) -> None:
        """Begin an empty one.

        Args:
            contents: The streams.
            max_bad_values: How many values that do not fit may become NULL.
        """
        self._contents = {each.name: each for each in contents}
        self._missing = {each.name: set(each.fields) for each in contents}
        self._counts = dict.fromkeys(self._contents, 0)
        self._max_bad_values = max_bad_values
        self._bad: list[str] = []
        # A temporary file without a name, which goes when it is closed.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._file.close)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("PRAGMA synchronous = OFF")
        for name in self._contents:
            self._file.execute(f"CREATE TABLE {name} (id text UNIQUE, record text)")
        self._file.execute("BEGIN")

    def fill(self, records: Iterable[tuple[str, Any]]) -> None:
        """Read, check and keep all records.

        Args:
            records: A stream's name and a record.

        Raises:
            BadContent: Naming stream, record, field and value.
        """
        for name, record in records:
            self._keep(self._contents[name], record)
        if self._bad:
            logger.warning(
                "%d values do not fit and become NULL (max_bad_values: %d)",
                len(self._bad),
                self._max_bad_values,
            )
        self._report_missing()

    def _keep(self, content: Content, record: Any) -> None:
        self._counts[content.name] += 1
        place = f"stream {content.name}, record number {self._counts[content.name]}"
        if not isinstance(record, dict):
            raise BadContent(f"{place}: it is no object")
        key = self._key(record, place)
        self._missing[content.name] -= record.keys()
        row: dict[str, Any] = {"id": key}
        for column in content.columns:
            try:
                row[column.name] = column.read(record)
            except Misfit as misfit:
                row[column.name] = None
                self._note(content, key, column.field, record, misfit)
        statement = f"INSERT INTO {content.name} VALUES (?, ?)"
        try:
            self._file.execute(statement, [key, json.dumps(row)])
        except sqlite3.IntegrityError:
            raise BadContent(
                f"stream {content.name}, record {key}: its id is there twice"
            ) from None

    @staticmethod
    def _key(record: dict[str, Any], place: str) -> str:
        try:
            key = text(record.get("id"))
        except Misfit as misfit:
            raise BadContent(f"{place}, field id: {misfit}") from None
        if not key:
            raise BadContent(f"{place}: it has no id")
        return key

    def _note(
        self,
        content: Content,
        key: str,
        field: str,
        record: dict[str, Any],
        misfit: Misfit,
    ) -> None:
        """Count a value that does not fit; beyond the threshold it ends the run."""
        value = "missing" if field not in record else _shown(record[field])
        sentence = (
            f"stream {content.name}, record {key}, field {field}: {value}: {misfit}"
        )
        if sentence in self._bad[-1:]:
            return  # another column of the same field
        self._bad.append(sentence)
        if len(self._bad) > self._max_bad_values:
            more = f" (max_bad_values: {self._max_bad_values})"
            raise BadContent(sentence + (more if self._max_bad_values else ""))
        if len(self._bad) <= _MANY:
            logger.warning("%s: it becomes NULL", sentence)

    def _report_missing(self) -> None:
        for name, fields in self._missing.items():
            if fields and self._counts[name]:
                logger.warning(
                    "stream %s: none of its %d records has %s: the columns that come from there "
                    "say nothing",
                    name,
                    self._counts[name],
                    ", ".join(sorted(fields)),
                )

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """Give the records of a stream, in the payload's order.

        Args:
            name: The stream's name.

        Yields:
            Values by column.
        """
        query = f"SELECT record FROM {name} ORDER BY rowid"
        for (record,) in self._file.execute(query):
            yield json.loads(record)


def _shown(value: Any) -> str:
    words = json.dumps(value, default=float)  # ijson's Decimal
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
