"""Rows wait here, on disk, until the whole catalogue is known to be good."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

PROVENANCE = ("source_file", "page", "dump_date")
_write = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_PAGE_CACHE = 32_768  # KiB; what does not fit goes to a file without a name
_SCHEMA = """
CREATE TABLE rows (id INTEGER PRIMARY KEY, stream TEXT, dump TEXT, content TEXT);
CREATE TABLE keys (digest BLOB PRIMARY KEY, id INTEGER) WITHOUT ROWID;
"""


class Spool:
    """Rows by stream and key.

    Attributes:
        merged: Keys that more than one document describes differently, by stream.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.merged: dict[str, int] = {}
        self._next = 1
        self._counts: Counter[tuple[str, str]] = Counter()
        self._store = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._store.close)
        self._store.execute(f"PRAGMA cache_size = -{_PAGE_CACHE}")
        self._store.execute("PRAGMA journal_mode = OFF")
        self._store.executescript(_SCHEMA)
        self._store.execute("BEGIN")  # never ended: nobody but us reads it

    def put(self, stream: str, key: tuple[str, ...], row: dict[str, Any]) -> None:
        """Keep a row; one that is here already is joined with it, as RDF joins graphs.

        Args:
            stream: Its stream.
            key: What tells it apart among those of its dump.
            row: The row; values in lists are sets.
        """
        where = (stream, row["dump_date"], *key)
        digest = hashlib.blake2b("\n".join(where).encode(), digest_size=16).digest()
        added = self._store.execute(
            "INSERT OR IGNORE INTO keys (digest, id) VALUES (?, ?)",
            [digest, self._next],
        )
        if not added.rowcount:
            self._add_to(digest, stream, row)
            return
        self._store.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?)",
            [self._next, stream, row["dump_date"], _write(row)],
        )
        self._next += 1
        self._counts[stream, row["dump_date"]] += 1

    def _add_to(self, digest: bytes, stream: str, row: dict[str, Any]) -> None:
        number, content = self._store.execute(
            "SELECT id, content FROM keys JOIN rows USING (id) WHERE digest = ?",
            [digest],
        ).fetchone()
        before = json.loads(content)
        joined = _join(before, row)
        if joined != before:
            self.merged[stream] = self.merged.get(stream, 0) + 1
            self._store.execute(
                "UPDATE rows SET content = ? WHERE id = ?", [_write(joined), number]
            )

    def rows(self, stream: str) -> Iterator[dict[str, Any]]:
        """Give a stream's rows.

        Args:
            stream: The stream.

        Yields:
            Each, in the order in which they came.
        """
        query = "SELECT content FROM rows WHERE stream = ? ORDER BY id"
        for (content,) in self._store.execute(query, [stream]):
            yield json.loads(content)

    def count(self, stream: str, dump: str) -> int:
        """Count the rows of one dump.

        Args:
            stream: Their stream.
            dump: The dump's day, as rows have it.

        Returns:
            How many there are.
        """
        return self._counts[stream, dump]


def _join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Join what two documents say of one thing; where it comes from is the first's."""
    joined = dict(first)
    for name, value in second.items():
        here = first.get(name)
        if name in PROVENANCE:
            continue
        if isinstance(here, list):
            if more := [each for each in value if each not in here]:
                joined[name] = sorted([*here, *more], key=_order)
        elif isinstance(here, dict):
            joined[name] = {
                each: _join({each: here.get(each, [])}, {each: value.get(each, [])})[
                    each
                ]
                for each in sorted({*here, *value})
            }
        elif isinstance(here, bool):
            joined[name] = here or value
        elif here is None:
            joined[name] = value
    return joined


def _order(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
