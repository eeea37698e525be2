"""What is read of an append table."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot_core.postgres.identifiers import TableName
from entrepot_core.singer.batch import CopyFormat
from entrepot_tap_postgres.keys import Key


@dataclass(frozen=True)
class Query:
    """What is read.

    Attributes:
        stream: The Singer stream's name.
        table: The table.
        key: Its replication key.
        names: The columns, in the order of the files.
        chosen: The same in SQL, pseudonyms computed.
        copy_format: `binary` or `text`.
        secret: `PSEUDONYM_SECRET`, when a column needs it.
    """

    stream: str
    table: TableName
    key: Key
    names: list[str]
    chosen: str
    copy_format: CopyFormat
    secret: str | None
