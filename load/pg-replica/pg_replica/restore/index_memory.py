"""How much memory the sort for an index gets: more than one merge needs only costs time.

A sort that does not fit into its memory writes sorted runs and merges them. Runs that fit into the
processor's caches are sorted faster than all rows at once, and take fewer fresh pages of memory; so
the least memory with which one merge does is the best.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isqrt

import psycopg

from entrepot_core.postgres.identifiers import TableName

_LEAST = 16 * 1024**2
# What PostgreSQL's tuplesort.c keeps for each run of a merge: 32 blocks read ahead, and two more.
_BUFFER_OF_A_RUN = 34 * 8192
# An index of narrow rows takes more memory while it is sorted than the rows on the disk.
_SORTED_TO_STORED = 2
_SIZE = "SELECT pg_catalog.pg_relation_size(pg_catalog.to_regclass(%s))"
_SET = """
SELECT pg_catalog.set_config(
    'maintenance_work_mem',
    least(pg_catalog.pg_size_bytes(%s), %s::bigint) / 1024 || 'kB',
    false
)
"""


def enough(size: int) -> int:
    """Give the memory with which one merge is enough.

    Args:
        size: Of the table, in bytes.

    Returns:
        Bytes: such that there is a buffer for each run.
    """
    return max(_LEAST, isqrt(_SORTED_TO_STORED * size * _BUFFER_OF_A_RUN))


@contextmanager
def memory_of_a_sort(
    session: psycopg.Connection, table: TableName, most: str
) -> Iterator[None]:
    """Lower `maintenance_work_mem` while an index is built by sorting a table's rows.

    Args:
        session: On the warehouse, in autocommit.
        table: The table.
        most: What may be used, as PostgreSQL writes sizes; set again at the end.
    """
    row = session.execute(_SIZE, [table.sql]).fetchone()
    session.execute(_SET, [most, enough((row and row[0]) or 0)])
    yield
    session.execute(_SET, [most, None])
