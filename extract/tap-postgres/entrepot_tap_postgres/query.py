"""What is read of an append table."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot_core.policy.columns import Rewriter
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
        chosen: The same in SQL, columns to pseudonymise as their values' text.
        copy_format: `binary` or `text`.
        rewrite: Puts pseudonyms into chunks of COPY's text; None where no column needs it.
    """

    stream: str
    table: TableName
    key: Key
    names: list[str]
    chosen: str
    copy_format: CopyFormat
    rewrite: Rewriter | None
