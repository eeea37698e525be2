"""Plain SQL dumps, read rather than run: nothing in them reaches psql, its commands least of all.

A plain dump is a program. Handed to psql it may connect elsewhere, run shell commands and write
files as the operator. Here it is cut into statements by PostgreSQL's own lexical rules, and a
statement that pg_dump does not write at its place is refused before any is run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from entrepot_core.base.errors import Refused
from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump import inserts, shapes
from pg_replica.dump.contents import kept
from pg_replica.dump.cutter import Cutter, Piece, TooLong
from pg_replica.dump.encodings import CLIENT_ONLY, codec
from pg_replica.dump.items import (
    LEFT_OUT,
    TABLE_DATA,
    Item,
    ancestors,
    identity_sequence,
    parents,
    qualified_name,
)
from pg_replica.dump.lexer import STRING, Token, UnexpectedText, tokens
from pg_replica.dump.plain_rows import LONGEST_STATEMENT, PlainInserts, PlainTableData

_HEADER = re.compile(
    r"-- (?:Data for |Statistics for )?Name: (?P<rest>.*; Type: [A-Z ]+; Schema: .*)"
)
_KIND = re.compile(r"; Type: (?P<kind>[A-Z ]+); Schema: ")
_OWNER = "; Owner: "
_MOST_READINGS = 16  # of one header
_PSQL_OF_PG_DUMP = (b"\\restrict ", b"\\unrestrict ")
# What belongs to no item: settings, transactions, and what `--clean` removes before the first one.
_BEFORE_ITEMS = (b"ALTER", b"CREATE", b"DROP")
_LEFT_OUT_WORDS = (
    b"ALTER",
    b"COMMENT",
    b"CREATE",
    b"GRANT",
    b"REVOKE",
    b"SECURITY",
    b"SELECT",
)
_NAMED_BY_STATEMENT = (
    "TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "TYPE",
    "DOMAIN",
)
_NOT_OURS = frozenset(
    {b"DATABASE", b"ROLE", b"USER", b"GROUP", b"TABLESPACE", b"SYSTEM"}
)


@dataclass(frozen=True)
class _Reading:
    """What a header comment may say."""

    kind: str
    schema: str | None
    tag: str


class _Reader:
    """Cuts a plain dump into items and blocks of rows, once, from start to end."""

    def __init__(self, path: Path, read: Callable[[int], bytes]) -> None:
        self._path = path
        self._cutter = Cutter(read, LONGEST_STATEMENT)
        self._readings: list[_Reading] = []
        self._is_after_comment = False
        self.encoding = "UTF8"
        self.items: list[Item] = []
        self.data: list[PlainTableData | PlainInserts] = []
        self._is_new = False
        self._inserts: PlainInserts | None = None
        self._inserted = b""
        self._found_parents: tuple[int, dict[TableName, TableName]] = (0, {})

    def read(self) -> None:
        """Read the whole file.

        Raises:
            Refused: If it is not what pg_dump writes.
        """
        try:
            while piece := self._cutter.next():
                self._take(piece)
        except (UnexpectedText, TooLong) as error:
            raise self._refusal(str(error)) from None

    def _refusal(self, problem: str, line: int | None = None) -> Refused:
        line = self._cutter.line if line is None else line
        return Refused([f"{self._path}, line {line}: {problem}"])

    def _take(self, piece: Piece) -> None:
        if piece.kind == "comment":
            self._comment(piece)
        elif piece.kind == "command":
            self._command(piece)
        elif not self._is_rows(piece):
            self._statement(piece)
        self._is_after_comment = piece.kind == "comment"

    def _command(self, piece: Piece) -> None:
        if piece.text == b"\\." or piece.text.startswith(_PSQL_OF_PG_DUMP):
            return
        command = piece.text.split()[0].decode(errors="replace")
        raise self._refusal(
            f"the psql command {command} is not run; "
            "dump one database without --create, or in the custom format",
            piece.line,
        )

    def _comment(self, piece: Piece) -> None:
        """Begin an item at its header: no comment of pg_dump's but a header holds these words."""
        header = _HEADER.match(self._decoded(piece))
        if header is None or not self._is_after_comment:
            return
        self._readings = list(_readings(header["rest"]))[:_MOST_READINGS]
        self._is_new = True

    def _decoded(self, piece: Piece) -> str:
        try:
            return piece.text.decode(codec(self.encoding))
        except (UnicodeDecodeError, LookupError):
            problem = (
                f"text that is not in the encoding {self.encoding!r} that it names"
            )
            raise self._refusal(problem, piece.line) from None

    def _is_rows(self, piece: Piece) -> bool:
        """Note rows, if a statement begins them."""
        if inserts.is_insert(piece.text):
            self._note_insert(piece)
            return True
        if not piece.text.startswith(b"COPY "):
            return False
        found = list(tokens(self._decoded(piece).encode()))
        table = qualified_name(found[1:])
        if table is None or [token.text for token in found[-3:]] != [
            b"FROM",
            b"STDIN",
            b";",
        ]:
            raise self._not_run(piece)
        start, end = self._cutter.rows()
        table = self._table_of_rows(table)
        data = PlainTableData(table, self._path, piece.text + b"\n", start, end)
        self.data.append(data)
        return True

    def _table_of_rows(self, table: TableName) -> TableName:
        """Give the partition that rows are of, where they were dumped through its root."""
        for reading in self._readings:
            if reading.kind == TABLE_DATA and reading.schema:
                named = TableName(reading.schema, reading.tag)
                if named != table and table in ancestors(named, self._parents()):
                    return named
        return table

    def _parents(self) -> dict[TableName, TableName]:
        """Find parents once for all rows: a dump makes its tables before them."""
        count, found = self._found_parents
        if count < len(self.items):
            count, found = len(self.items), parents(self.items)
            self._found_parents = (count, found)
        return found

    def _note_insert(self, piece: Piece) -> None:
        """Note where an INSERT is, as one of its table's."""
        name = inserts.table_of(piece.text)
        if self._inserts is None or self._is_new or name != self._inserted:
            self._inserts = self._begin_inserts(piece, name)
            self._inserted = name
            self._is_new = False
            self.data.append(self._inserts)
        self._inserts.end = self._cutter.offset

    def _begin_inserts(self, piece: Piece, name: bytes) -> PlainInserts:
        spelled = self._decoded(piece._replace(text=name))
        named = qualified_name(list(tokens(spelled.encode())))
        if named is None:
            raise self._not_run(piece)
        table = self._table_of_rows(named)
        if any(data.table == table for data in self.data):
            raise self._refusal(f"rows of table {table} are in two places", piece.line)
        return PlainInserts(table, self._path, piece.start, piece.start)

    def _not_run(self, piece: Piece) -> Refused:
        problem = (
            f"the statement {shapes.head_of(piece.text)} is not run"
            " (pg_dump writes no such, or not at this place)"
        )
        return self._refusal(problem, piece.line)

    def _statement(self, piece: Piece) -> None:
        text = self._decoded(piece).encode()
        found = list(tokens(text))
        if self._is_setting(found, piece):
            return
        first = found[0].text
        if not self._readings:
            if not _is_cleaning(found):
                raise self._not_run(piece)
            return
        for reading in self._readings:
            names = shapes.matched(reading.kind, text)
            if reading.kind not in LEFT_OUT and names is not None:
                self._add(reading, text, names)
                return
        left_out = next((r for r in self._readings if r.kind in LEFT_OUT), None)
        if left_out and first in _LEFT_OUT_WORDS:
            if self._is_new:
                self._add(left_out, text, [])
            return
        rows = any(reading.kind == TABLE_DATA for reading in self._readings)
        if not (rows and _is_trigger_switch(found)):
            raise self._not_run(piece)

    def _is_setting(self, found: list[Token], piece: Piece) -> bool:
        """Say whether a statement is about the session, or who owns what: ours is another."""
        words = [token.text for token in found[:5]]
        if words[:1] == [b"SET"]:
            self._set(found, piece)
            return True
        if [token.text for token in found[-4:-2]] == [b"OWNER", b"TO"]:
            return words[0] == b"ALTER"
        return words in ([b"BEGIN", b";"], [b"COMMIT", b";"]) or words[:4] == [
            b"SELECT",
            b"PG_CATALOG",
            b".",
            b"SET_CONFIG",
        ]

    def _set(self, found: list[Token], piece: Piece) -> None:
        name = found[1].name if len(found) > 1 else None
        values = [token.text for token in found[2:] if token.kind == STRING]
        if name == "client_encoding" and values:
            self.encoding = values[0][1:-1].decode(errors="replace")
            if self.encoding in CLIENT_ONLY:
                raise self._refusal(
                    f"the encoding {self.encoding} is not read: dump with --encoding=UTF8",
                    piece.line,
                )
        elif name == "search_path":
            raise self._refusal(
                "names without their schemas: dump with the newest minor release of pg_dump",
                piece.line,
            )

    def _add(self, reading: _Reading, text: bytes, names: list[TableName]) -> None:
        """Add a statement to its item, or begin the item."""
        sql = text.decode()
        if not self._is_new:
            last = self.items[-1]
            self.items[-1] = replace(last, sql=f"{last.sql}\n{sql}")
            return
        self._is_new = False
        schema, tag = reading.schema, reading.tag
        # In a comment a name's line ends are spaces.
        if names and reading.kind in _NAMED_BY_STATEMENT and text.startswith(b"CREATE"):
            schema, tag = names[0]
        elif reading.kind == "SEQUENCE" and (named := identity_sequence(text)):
            schema, tag = named
        self.items.append(Item(0, 0, reading.kind, schema, tag, sql))


def _readings(rest: str) -> Iterator[_Reading]:
    """Give everything that a header may say: names may hold the words between them."""
    for match in reversed(list(_KIND.finditer(rest))):
        tag, after = rest[: match.start()], rest[match.end() :]
        place = after.rfind(_OWNER)
        while place >= 0:
            schema = after[:place]
            yield _Reading(match["kind"], None if schema == "-" else schema, tag)
            place = after.rfind(_OWNER, 0, place)


def _is_cleaning(found: list[Token]) -> bool:
    """Say whether a statement is one that `--clean` writes before the first item: it is not run."""
    words = [token.text for token in found[:4]]
    if words[1:3] == [b"USER", b"MAPPING"]:
        return True
    if words == [b"SELECT", b"PG_CATALOG", b".", b"LO_UNLINK"]:
        return True
    return words[0] in _BEFORE_ITEMS and _NOT_OURS.isdisjoint(words[1:2])


def _is_trigger_switch(found: list[Token]) -> bool:
    """Say whether a statement is one that `--disable-triggers` writes around rows."""
    return (
        found[0].text == b"ALTER"
        and found[-4].text in (b"DISABLE", b"ENABLE")
        and [token.text for token in found[-3:]] == [b"TRIGGER", b"ALL", b";"]
    )


class PlainDump:
    """A plain dump.

    Attributes:
        items: What it makes, rows apart.
        data: Its tables' rows.
        encoding: Of its text, by PostgreSQL's name.
        is_of_inserts: Whether an empty table would leave no trace.
        unclaimed: The tables whose rows it holds but which it does not make: an extension does.
    """

    def __init__(self, path: Path) -> None:
        """Read the whole file once, rows skipped.

        Args:
            path: The file.

        Raises:
            Refused: If it is not what pg_dump writes.
        """
        with path.open("rb") as file:
            reader = _Reader(path, file.read)
            reader.read()
        self.encoding = reader.encoding
        self.items: list[Item] = kept(reader.items)
        tables = {
            TableName(item.schema or "", item.tag)
            for item in self.items
            if item.kind == "TABLE"
        }
        self.data = [data for data in reader.data if data.table in tables]
        self.is_of_inserts = any(isinstance(data, PlainInserts) for data in self.data)
        self.unclaimed = [
            str(data.table) for data in reader.data if data.table not in tables
        ]
        if not self.items:
            raise Refused([f"{path} is not a dump: no item of pg_dump's is in it"])
