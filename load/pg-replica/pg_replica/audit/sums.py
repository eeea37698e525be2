"""Count and checksum of a range of keys, on the source and in the warehouse.

The checksum is the sum of a 64-bit hash of each row's text. Where columns arrive as pseudonyms, no
server can hash the source's row without the key. The source then gives, for each row, the hash of
the other columns and the hidden values; those become pseudonyms here, and what is summed on both
sides is a hash of the hash and the pseudonyms together, so that values of two rows that changed
places are found too.
"""

from __future__ import annotations

import hashlib
from typing import Any

import psycopg

from entrepot_core.policy import columns
from entrepot_core.postgres.copy.libpq import CopyOut, Patience
from entrepot_core.postgres.identifiers import quote, unlike
from pg_replica.audit.model import Audited, Span

_SUM = (
    "SELECT pg_catalog.count(*), coalesce(pg_catalog.sum({hash}), 0)::text FROM {rows}"
)
_HASH = "pg_catalog.hashtextextended({row}::text, 0)"
# Of the text of a row of hexadecimal digits and a number: nothing that is quoted.
_MIXED = (
    "('x' || pg_catalog.left(pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to("
    "{mixed}::text, 'UTF8')), 'hex'), 16))::pg_catalog.bit(64)::pg_catalog.int8"
)
_DIGEST_BYTES = 8
Sum = tuple[int, str]


class Sums:
    """Both sides of one table.

    Args:
        table: The table.
        secret: `PSEUDONYM_SECRET`; needed when a column is pseudonymised.
    """

    def __init__(self, table: Audited, secret: str | None) -> None:
        self._table = table
        self._rewrite = None
        if table.hidden:
            self._rewrite = columns.live_rewriter(
                ["", *table.hidden], table.rule, secret
            )

    def here(self, session: psycopg.Connection, span: Span) -> Sum:
        """Count and sum up the warehouse's rows of a range."""
        table = self._table
        rows = f"({table.rows_here(span)}) AS {table.row()}"
        if not table.hidden:
            return _one(
                session, _SUM.format(hash=_HASH.format(row=table.row()), rows=rows)
            )
        mixed = quote(unlike("m", table.hidden))
        rows = f"({self._mixed(rows)}) AS {mixed}"
        return _one(session, _SUM.format(hash=_MIXED.format(mixed=mixed), rows=rows))

    def there(self, session: psycopg.Connection, span: Span, patience: Patience) -> Sum:
        """Count and sum up the source's rows of a range."""
        table = self._table
        rows = f"({table.rows_there(span)}) AS {table.row()}"
        if self._rewrite is None:
            return _one(
                session, _SUM.format(hash=_HASH.format(row=table.row()), rows=rows)
            )
        copy = CopyOut(session, f"COPY ({self._mixed(rows)}) TO STDOUT", patience)
        total = 0
        for chunk in self._rewrite(copy):
            # As PostgreSQL writes a row: NULL is nothing at all.
            for line in chunk.replace(columns.NULL, b"").split(b"\n")[:-1]:
                text = b"(" + line.replace(b"\t", b",") + b")"
                digest = hashlib.sha256(text).digest()[:_DIGEST_BYTES]
                total += int.from_bytes(digest, "big", signed=True)
        return copy.rows, str(total)

    def _mixed(self, rows: str) -> str:
        """Write a query for the hash of what is not hidden, and what is."""
        table = self._table
        alias = table.row()
        open_names = [name for name in table.names if name not in table.hidden]
        others = quote(unlike("o", table.names))
        shown = ", ".join(f"{alias}.{quote(name)}" for name in open_names)
        hidden = ", ".join(f"{alias}.{quote(name)}" for name in table.hidden)
        hashed = _HASH.format(row=others)
        return (
            f"SELECT (SELECT {hashed} FROM (SELECT {shown}) AS {others})"
            f" AS {quote(unlike('hash', table.names))}, {hidden} FROM {rows}"
        )


def _one(session: psycopg.Connection, query: str) -> Sum:
    row: Any = session.execute(query).fetchone()
    return row[0], row[1]
