"""pg_dump's archives: custom, directory and tar.

What is made comes from the table of contents, rows through pg_restore. The table of contents is
compared with pg_restore's own list first: so a misreading is an error.
"""

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
from pg_replica.dump import inserts, tar, toc
from pg_replica.dump.contents import encoding_of, items_of
from pg_replica.dump.items import TABLE_DATA, Item
from pg_replica.dump.plain_rows import cut_inserts
from pg_replica.dump.rows import until_the_end
from pg_replica.dump.toc import TableOfContents

_BLOCK = 256 * 1024
_COUNT = re.compile(rb"^;\s+TOC Entries: (\d+)$", re.MULTILINE)
_QUIET = ["--no-owner", "--no-privileges", "--no-tablespaces", "--no-security-labels"]


@dataclass(frozen=True)
class ArchiveTableData:
    """The rows of one table in an archive.

    Attributes:
        table: The table.
        statement: The `COPY … FROM stdin;` before them; empty for INSERTs.
        number: Their number in the table of contents.
        archive: The archive.
        tools: With which to read it.
        size: Size of their file in a directory archive, else 0: the other formats don't tell.
    """

    table: TableName
    statement: bytes
    number: int
    archive: Path
    tools: ClientTools
    size: int

    def copy_text(self) -> Iterator[bytes]:
        """Give the statement, then the rows in chunks.

        Yields:
            The statement, then chunks of the rows.

        Raises:
            RunFailed: If the rows do not end as pg_dump ends them.
        """
        with _selected(self.tools, self.archive, self.number) as script:
            if not self.statement:
                text = cut_inserts(self.archive, script.read)
                yield from inserts.as_copy(text, self.table)
                return
            self._pass_to_rows(script)
            yield self.statement
            yield from until_the_end(script.read, f"the rows of table {self.table}")
            while script.read(_BLOCK):
                pass

    def _pass_to_rows(self, script: IO[bytes]) -> None:
        """Read pg_restore's settings and comments, then the statement itself."""
        while line := script.readline(_BLOCK):
            if line.startswith(b"COPY "):
                if (
                    line + script.read(len(self.statement) - len(line))
                    == self.statement
                ):
                    return
                break
        raise RunFailed(f"pg_restore gives no rows of table {self.table}")


@contextmanager
def _selected(chosen: ClientTools, archive: Path, number: int) -> Iterator[IO[bytes]]:
    """Read one item of the archive's data section as SQL."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as wanted:
        wanted.write(f"{number};\n")
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
        is_of_inserts: Whether an empty table would leave no trace: never in an archive.
        unclaimed: The tables whose rows it holds but which it does not make: an extension does.
    """

    is_of_inserts = False

    def __init__(self, path: Path, chosen: ClientTools) -> None:
        """Read the table of contents.

        Args:
            path: A file, or the folder of a directory archive.
            chosen: With which to read the rows.

        Raises:
            RunFailed: If it is damaged, or pg_restore reads it otherwise.
        """
        contents = read_contents(path)
        _compare(contents, path, chosen)
        self.encoding = encoding_of(contents)
        self.items: list[Item] = items_of(contents)
        tables = {
            item.oid: TableName(item.schema or "", item.tag)
            for item in self.items
            if item.kind == "TABLE"
        }
        self.data = [
            ArchiveTableData(
                tables[entry.oid],
                entry.copy_statement,
                entry.number,
                path,
                chosen,
                _file_size(path, entry.number),
            )
            for entry in contents.entries
            if entry.kind == TABLE_DATA and entry.oid in tables
        ]
        self.unclaimed = [
            entry.tag.decode(errors="replace")
            for entry in contents.entries
            if entry.kind == TABLE_DATA and entry.oid not in tables
        ]


def read_contents(path: Path) -> TableOfContents:
    """Read an archive's table of contents.

    Args:
        path: A file, or the folder of a directory archive.

    Returns:
        The table of contents.

    Raises:
        RunFailed: If it is damaged.
    """
    if path.is_dir():
        path = path / "toc.dat"
    with path.open("rb") as file:
        if tar.is_tar(file.read(tar.BLOCK)):
            file.seek(0)
            member = next(iter(tar.members(file.read)), None)
            if member is None or member.name != "toc.dat":
                raise RunFailed("a tar archive begins with toc.dat")
            return toc.read(member.read)
        file.seek(0)
        return toc.read(file.read)


def _compare(contents: TableOfContents, path: Path, chosen: ClientTools) -> None:
    """Compare what was read with what pg_restore lists."""
    command = [chosen.path("pg_restore"), "--list", str(path)]
    with tools.reading(command) as output:
        text = output.read()
    lines = {line for line in text.split(b"\n") if line[:1].isdigit()}
    read = {entry.listed for entry in contents.entries}
    if other := lines - read:
        raise RunFailed(f"pg_restore reads {len(other)} of its entries otherwise")
    # The list leaves some entries out, but tells how many there are.
    count = _COUNT.search(text)
    if count is None or int(count[1]) != len(contents.entries):
        raise RunFailed("pg_restore finds another number of entries in it")


def _file_size(archive: Path, number: int) -> int:
    """Size of an item's file in a directory archive, compressed or not."""
    if not archive.is_dir():
        return 0
    return sum(file.stat().st_size for file in archive.glob(f"{number}.dat*"))


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
