"""A batch of an append table: one COPY file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Batch:
    """A COPY file: every row of the source in a range of the replication key.

    Attributes:
        path: The file.
        copy_format: `binary` or `text`.
        columns: In the order of the file.
        low: The key above which it holds all rows; None for the first.
        high: The key up to which.
        rows: How many there must be.
        settled: The key up to which the source can add nothing more; None when not known.
    """

    path: Path
    copy_format: str
    columns: list[str]
    low: str | None
    high: str
    rows: int
    settled: str | None = None
