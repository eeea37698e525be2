"""A range of keys, copied into a file."""

from __future__ import annotations

from pathlib import Path

import psycopg

from entrepot_core.postgres.copy.libpq import CopyError, CopyOut, Patience
from entrepot_core.postgres.identifiers import literal, quote, unlike
from entrepot_core.singer.batch import CopyBatch, CopyFile, KeyRange
from entrepot_tap_postgres.errors import CannotContinue
from entrepot_tap_postgres.query import Query

_NO_MEMORY = ("out of memory", "cannot allocate", "invalid memory alloc request")


def copy_range(
    query: Query,
    session: psycopg.Connection,
    patience: Patience,
    covers: KeyRange,
    path: Path,
    desk: psycopg.Connection,
) -> CopyBatch:
    """Copy a range of keys into a file.

    Args:
        query: What is read.
        session: A session under the snapshot.
        patience: When to stop waiting.
        covers: The range.
        path: The file; it is removed after a failure.
        desk: Another session, which is asked for the row that memory does not suffice for.

    Returns:
        The file, and what it holds.

    Raises:
        CannotContinue: If the disk is full, or memory does not suffice for one row.
        CopyError: If the copy ended for another reason.
    """  # noqa: DOC501 -- MemoryError is always explained
    key, type_name = quote(query.key.name), query.key.type_name
    where = f"{key} <= {literal(covers.high)}::{type_name}"
    if covers.low is not None:
        where = f"{key} > {literal(covers.low)}::{type_name} AND {where}"
    statement = (
        f"COPY (SELECT {query.chosen} FROM {query.table.sql} WHERE {where})"
        f" TO STDOUT (FORMAT {query.copy_format})"
    )
    copy = CopyOut(session, statement, patience)
    try:
        with path.open("wb") as file:
            chunks = query.rewrite(copy) if query.rewrite else copy
            for chunk in chunks:
                file.write(chunk)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CannotContinue(f"cannot write {path}: {error.strerror}") from None
    except (CopyError, MemoryError) as error:
        path.unlink(missing_ok=True)
        if _is_memory(error):
            raise CannotContinue(_too_great(desk, query, where)) from None
        raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    written = CopyFile(path, query.names, copy.rows, query.copy_format)
    return CopyBatch(query.stream, written, covers)


def _too_great(desk: psycopg.Connection, query: Query, where: str) -> str:
    """Name the greatest value of some rows, for which memory was not enough."""
    sizes = ", ".join(
        f"({literal(name)}, pg_catalog.pg_column_size({quote(name)}))"
        for name in query.names
    )
    name, size = (quote(unlike(word, query.names)) for word in ("name", "size"))
    row = desk.execute(
        f"SELECT {quote(query.key.name)}::text, {name} FROM {query.table.sql}"
        f" CROSS JOIN LATERAL (VALUES {sizes}) AS v ({name}, {size})"
        f" WHERE {where} ORDER BY {size} DESC NULLS LAST LIMIT 1"
    ).fetchone()
    key, column = row or ("?", "?")
    return (
        f"table {query.table}: column {column} of the row whose {query.key.name} is {key} "
        "is too great for the memory, here or on the source: give the tap more (some six "
        "times the value), or exclude the column in extract/tables.yml"
    )


def _is_memory(error: Exception) -> bool:
    """Say whether memory was wanting: Python's, libpq's, or the source's for one row."""
    return isinstance(error, MemoryError) or any(
        words in str(error) for words in _NO_MEMORY
    )
