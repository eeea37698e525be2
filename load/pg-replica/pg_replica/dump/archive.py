"""pg_dump's archives: custom, directory and tar, read through pg_restore."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from entrepot_core.base.errors import Refused, RunFailed, ToolKilled
from entrepot_core.postgres import client_tools as tools
from entrepot_core.postgres.client_tools import ClientTools
from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump import inserts
from pg_replica.dump.encodings import codec
from pg_replica.dump.items import SEQUENCE_SET, TABLE_DATA, Item, split_items
from pg_replica.dump.plain import cut_inserts

_BLOCK = 256 * 1024
_END_OF_ROWS = b"\\.\n"
_LISTED = re.compile(rf"^(\d+); \d+ (\d+) ({TABLE_DATA}|{SEQUENCE_SET}) ", re.MULTILINE)
_ENCODING = re.compile(rb"^SET client_encoding = '([A-Za-z0-9_]+)';", re.MULTILINE)
_QUIET = ["--no-owner", "--no-privileges", "--no-tablespaces", "--no-security-labels"]


@dataclass(frozen=True)
class ArchiveTableData:
    """The rows of one table in an archive.

    Attributes:
        table: The table.
        number: Their number in the table of contents.
        archive: The archive.
        tools: With which to read it.
        size: Size of their file in a directory archive, else 0: the other formats don't tell.
    """

    table: TableName
    number: int
    archive: Path
    tools: ClientTools
    size: int

    def copy_text(self) -> Iterator[bytes]:
        """Give the statement, then the rows in chunks that end with a line.

        Raises:
            RunFailed: If the rows do not end as pg_dump ends them.
        """
        with _selected(self.tools, self.archive, [self.number]) as script:
            for line in script:
                if line.startswith(b"COPY "):
                    yield line
                    break
                if line.startswith(b"INSERT "):
                    text = cut_inserts(self.archive, script, first=line)
                    yield from inserts.as_copy(text, self.table)
                    return
            else:  # only INSERTs leave no trace of a table without rows
                yield f"COPY {self.table.sql} FROM stdin;\n".encode(errors="replace")
                return
            yield from _rows(script, self.table)
            while script.read(_BLOCK):
                pass


def _rows(script: IO[bytes], table: TableName) -> Iterator[bytes]:
    rest = b"\n"  # as if a line had ended: the first line may already be the end
    while block := script.read(_BLOCK):
        text = rest + block
        end = text.find(b"\n" + _END_OF_ROWS)
        if end >= 0:
            if end > 0:
                yield text[1 : end + 1]
            return
        # What follows the last line end may be the first half of the end marker.
        cut = text.rfind(b"\n")
        if cut > 0:
            yield text[1 : cut + 1]
        rest = text[max(cut, 0) :]
    raise RunFailed(f"the archive ends in the rows of table {table}: it is damaged")


@contextmanager
def _selected(
    chosen: ClientTools, archive: Path, numbers: list[int]
) -> Iterator[IO[bytes]]:
    """Read some items of the archive's data section as SQL."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as wanted:
        wanted.write("".join(f"{number};\n" for number in numbers))
        wanted.flush()
        command = [
            chosen.path("pg_restore"),
            "--section=data",
            f"--use-list={wanted.name}",
            *_QUIET,
            "--file=-",
            str(archive),
        ]
        with tools.reading(command) as script:
            yield script


class Archive:
    """An archive.

    Attributes:
        items: What it makes, rows apart.
        data: Its tables' rows.
        encoding: Of its text, by PostgreSQL's name.
    """

    def __init__(self, path: Path, chosen: ClientTools) -> None:
        """Read the table of contents and all statements.

        Args:
            path: A file, or the folder of a directory archive.
            chosen: With which to read it.
        """
        script = _script(
            chosen,
            ["--verbose", "--section=pre-data", "--section=post-data", *_QUIET],
            path,
        )
        found = _ENCODING.search(script)
        self.encoding = found[1].decode() if found else "UTF8"
        items = split_items(
            script.decode(codec(self.encoding), errors="surrogateescape")
        )
        listed = _LISTED.findall(
            _script(chosen, ["--list"], path).decode(errors="replace")
        )
        tables = {item.oid: item for item in items if item.kind == "TABLE"}
        self.data = [
            ArchiveTableData(
                TableName(tables[int(oid)].schema or "", tables[int(oid)].tag),
                int(number),
                path,
                chosen,
                _file_size(path, int(number)),
            )
            for number, oid, kind in listed
            if kind == TABLE_DATA and int(oid) in tables
        ]
        numbers = [int(number) for number, _, kind in listed if kind == SEQUENCE_SET]
        self.items: list[Item] = items
        if numbers:
            with _selected(chosen, path, numbers) as script_of_values:
                values = script_of_values.read().decode(codec(self.encoding))
            self.items = items + split_items(values)


def _file_size(archive: Path, number: int) -> int:
    """Size of an item's file in a directory archive, compressed or not."""
    if not archive.is_dir():
        return 0
    return sum(file.stat().st_size for file in archive.glob(f"{number}.dat*"))


def _script(chosen: ClientTools, options: list[str], archive: Path) -> bytes:
    output = [] if "--list" in options else ["--file=-"]
    command = [chosen.path("pg_restore"), *options, *output, str(archive)]
    with tools.reading(command) as text:
        return text.read()


def open_archive(path: Path, candidates: list[ClientTools]) -> Archive:
    """Open an archive with the first pg_restore that can read it.

    Args:
        path: The archive.
        candidates: The tools found.

    Returns:
        The archive.

    Raises:
        ToolKilled: If one was killed.
        Refused: If none can.
    """
    reasons = []
    for chosen in candidates:
        try:
            return Archive(path, chosen)
        except ToolKilled:
            raise
        except RunFailed as error:
            reasons.append(f"{chosen.folder}: {error}")
    raise Refused([f"the dump {path.name} cannot be read: {'; '.join(reasons)}"])
