"""When each table was last loaded, for whoever asks as of when the warehouse is."""

from __future__ import annotations

import os
from collections.abc import Iterable

import psycopg

from entrepot_core.postgres.identifiers import TableName

_IS_KEPT = "SELECT pg_catalog.to_regclass('entrepot_ops.loads') IS NOT NULL"
_NOTE = """
INSERT INTO entrepot_ops.loads (table_schema, table_name, source) VALUES (%s, %s, %s)
ON CONFLICT (table_schema, table_name) DO UPDATE SET source = excluded.source, loaded_at = now()
"""


def note(session: psycopg.Connection, tables: Iterable[TableName]) -> None:
    """Note that tables hold all that their source has sent.

    Args:
        session: A session on the warehouse, in autocommit; where it has no such record yet, nothing
            is noted.
        tables: The tables of one load.
    """
    if session.execute(_IS_KEPT).fetchone() != (True,):
        return
    source = os.environ.get("MELTANO_EXTRACTOR_NAME", "a tap")
    with session.transaction(), session.cursor() as cursor:
        cursor.executemany(
            _NOTE, [(table.schema, table.name, source) for table in tables]
        )
