"""What a dump holds: its items, each with the statements that make it.

An archive has a field for each item's statements, a plain dump is cut by the lexer. Either way
there is one list of items, run by us one by one: so each has its own time, its own error, and its
place in the parallel work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, pairwise
from typing import Protocol

from entrepot_core.postgres.identifiers import PUBLIC, TableName
from pg_replica.dump.cutter import split
from pg_replica.dump.lexer import SYMBOL, WORD, Token, tokens

TABLE_DATA = "TABLE DATA"
SEQUENCE_SET = "SEQUENCE SET"
FOREIGN_KEY = "FK CONSTRAINT"
REFRESH = "MATERIALIZED VIEW DATA"

# The kinds of which the first one begins the post-data section; comments are in both.
_POST_DATA = frozenset(
    {
        "CHECK CONSTRAINT",
        "CONSTRAINT",
        FOREIGN_KEY,
        "INDEX",
        "INDEX ATTACH",
        REFRESH,
        "RULE",
        "STATISTICS",
        "TRIGGER",
    }
)
# Left out, each for a reason that the finding repeats.
LEFT_OUT = {
    "ACL": "",
    "DEFAULT ACL": "",
    "BLOB": "large objects belong to no schema and cannot be swapped",
    "BLOB METADATA": "large objects belong to no schema and cannot be swapped",
    "BLOBS": "large objects belong to no schema and cannot be swapped",
    "LARGE OBJECT": "large objects belong to no schema and cannot be swapped",
    "DATABASE": "",
    "DATABASE PROPERTIES": "",
    "ENCODING": "",
    "EVENT TRIGGER": "needs a superuser, and would fire on the warehouse's own work",
    "FOREIGN DATA WRAPPER": "the warehouse must not reach the source's other servers",
    "FOREIGN TABLE": "the warehouse must not reach the source's other servers",
    "POLICY": "row security would hide rows from analysts",
    "PROCEDURAL LANGUAGE": "",
    "PUBLICATION": "the warehouse publishes nothing",
    "PUBLICATION TABLE": "the warehouse publishes nothing",
    "PUBLICATION TABLES IN SCHEMA": "the warehouse publishes nothing",
    "ROW SECURITY": "row security would hide rows from analysts",
    "SCHEMA": "",
    "SEARCHPATH": "",
    "SECURITY LABEL": "its provider is not on the warehouse",
    "SERVER": "the warehouse must not reach the source's other servers",
    "STATISTICS DATA": "",
    "STDSTRINGS": "",
    "SUBSCRIPTION": "the warehouse subscribes to nothing",
    "SUBSCRIPTION TABLE": "the warehouse subscribes to nothing",
    "USER MAPPING": "the warehouse must not reach the source's other servers",
}

_ONE_LINE = {ord("\n"): " ", ord("\r"): " "}  # as pg_dump's sanitize_line does
_MAKE_NOTHING = frozenset(
    {"ACL", "DEFAULT ACL", "STATISTICS DATA", SEQUENCE_SET, TABLE_DATA}
)
_HEAD = 12  # tokens that suffice to find the table that a statement is for


@dataclass(frozen=True)
class Item:
    """One item of a dump's table of contents.

    Attributes:
        number: Its number in the table of contents; 0 in plain dumps.
        oid: The object's OID in the dumped database; 0 in plain dumps.
        kind: As pg_dump calls it: `TABLE`, `INDEX`, `FK CONSTRAINT`…
        schema: The schema it is in; None for what is in none.
        tag: Its name as pg_dump writes it: for some kinds with its table's.
        sql: The statements that make it.
        dependencies: The numbers of the items that it depends on; none in plain dumps.
    """

    number: int
    oid: int
    kind: str
    schema: str | None
    tag: str
    sql: str
    dependencies: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """How messages name it: like a line of `pg_restore --list`."""
        return " ".join(
            str(part) for part in (self.kind, self.schema, self.tag) if part
        )

    @cached_property
    def statements(self) -> list[bytes]:
        """Its statements one by one, in UTF-8.

        Raises:
            UnexpectedText: If they end in a quote, a comment, a parenthesis or a body.
        """
        return split(self.sql.encode(errors="surrogateescape"))

    @cached_property
    def made(self) -> TableName | None:
        """The object that a CREATE makes, as its statement spells it: a tag may be ambiguous."""
        head = self._head(0)
        if _words(head, b"CREATE"):
            for place in range(1, len(head)):
                if (name := qualified_name(head[place:])) is not None:
                    return name
        return None

    @cached_property
    def table(self) -> TableName | None:
        """The table that an index, a constraint or a foreign key is on."""
        head = self._head(0)
        if _words(head, b"ALTER", b"TABLE"):
            place = 2 + _words(head[2:], b"ONLY")
        elif _words(head, b"CREATE", b"INDEX") or _words(head, b"CREATE", b"UNIQUE"):
            place = next((i + 1 for i, t in enumerate(head) if _words([t], b"ON")), 0)
            place += _words(head[place:], b"ONLY")
        else:
            return None
        return qualified_name(head[place:])

    @cached_property
    def referenced_table(self) -> TableName | None:
        """The table that a foreign key points to."""
        if self.kind != FOREIGN_KEY or not self.statements:
            return None
        found = list(tokens(self.statements[0]))
        place = next((i for i, t in enumerate(found) if _words([t], b"REFERENCES")), -1)
        return qualified_name(found[place + 1 :]) if place >= 0 else None

    @cached_property
    def inheritance(self) -> list[tuple[TableName, TableName]]:
        """The tables that it makes partitions or children of others: each with its parent."""
        if self.kind not in ("TABLE", "TABLE ATTACH"):
            return []
        return [pair for text in self.statements for pair in _inheritance(text)]

    def _head(self, number: int) -> list[Token]:
        if number >= len(self.statements):
            return []
        return list(islice(tokens(self.statements[number]), _HEAD))


def _words(found: list[Token], *wanted: bytes) -> bool:
    """Say whether tokens begin with some keywords."""
    return len(found) >= len(wanted) and all(
        token.kind == WORD and token.text == word
        for token, word in zip(found, wanted, strict=False)
    )


def qualified_name(found: list[Token]) -> TableName | None:
    """Read a schema-qualified name.

    Args:
        found: Tokens that begin with it.

    Returns:
        The name; None if they do not.
    """
    if len(found) < 3 or found[1].text != b".":
        return None
    schema, name = found[0].name, found[2].name
    return None if schema is None or name is None else TableName(schema, name)


def identity_sequence(statement: bytes) -> TableName | None:
    """Read the sequence that an identity column's statement makes.

    Args:
        statement: `ALTER TABLE … ADD GENERATED … (SEQUENCE NAME …`.

    Returns:
        The sequence; None if the statement is of another form.
    """
    found = list(tokens(statement))
    for place in range(len(found)):
        if _words(found[place:], b"SEQUENCE", b"NAME"):
            return qualified_name(found[place + 2 :])
    return None


def _inheritance(statement: bytes) -> Iterator[tuple[TableName, TableName]]:
    head = list(islice(tokens(statement), _HEAD))
    if _words(head, b"ALTER", b"TABLE"):
        place = 2 + _words(head[2:], b"ONLY")
        parent, rest = qualified_name(head[place:]), head[place + 3 :]
        child = qualified_name(rest[2:]) if _words(rest, b"ATTACH") else None
        if child and parent:
            yield child, parent
        return
    place = 2 + _words(head[1:], b"UNLOGGED")
    made, rest = qualified_name(head[place:]), head[place + 3 :]
    if not _words(head, b"CREATE") or made is None:
        return
    if _words(rest, b"PARTITION", b"OF"):
        if parent := qualified_name(rest[2:]):
            yield made, parent
    elif b"INHERITS" in statement.upper():
        yield from ((made, parent) for parent in _inherited(statement))


def _inherited(statement: bytes) -> Iterator[TableName]:
    """Give the parents that stand behind a table's columns."""
    found, depth = list(tokens(statement)), 0
    for place, token in enumerate(found):
        if token.kind == SYMBOL:
            depth += (token.text == b"(") - (token.text == b")")
        elif depth == 0 and _words([token], b"INHERITS"):
            listed = found[place + 2 :]
            while parent := qualified_name(listed):
                yield parent
                listed = listed[4:]


class TableData(Protocol):
    """The rows of one table in a dump."""

    @property
    def table(self) -> TableName:
        """The table."""
        ...

    @property
    def size(self) -> int:
        """Their size in bytes of the dump where the format tells it, else 0."""
        ...

    def copy_text(self) -> Iterator[bytes]:
        """Give the statement `COPY … FROM stdin;` first, then the rows in COPY's text format."""
        ...


def sections(items: list[Item]) -> tuple[list[Item], list[Item]]:
    """Part the items that come before the data from those that come after it.

    Args:
        items: In the dump's order, which keeps sections together.

    Returns:
        The pre-data and the post-data items.
    """
    first = next(
        (i for i, item in enumerate(items) if item.kind in _POST_DATA), len(items)
    )
    return items[:first], items[first:]


def schemas_of(items: Iterable[Item]) -> list[str]:
    """List the schemas that a dump's items go to.

    Args:
        items: The dump's items.

    Returns:
        Their names, `public` first.
    """
    items = list(items)
    created = {item.tag for item in items if item.kind == "SCHEMA"}
    created -= set(extension_schemas(items))
    return [PUBLIC, *sorted((_filled(items) | created) - {PUBLIC})]


def extension_schemas(items: Iterable[Item]) -> list[str]:
    """List the schemas that are there for an extension's sake: a dump makes nothing else in them.

    Args:
        items: The dump's items.

    Returns:
        Their names; neither `public` nor PostgreSQL's own.
    """
    items = list(items)
    homes = {home for item in items if (home := extension_home(item))}
    homes -= _filled(items) | {PUBLIC}
    return sorted(home for home in homes if not home.startswith("pg_"))


def extension_home(item: Item) -> str | None:
    """Give the schema into which an extension goes.

    Args:
        item: Any item.

    Returns:
        The schema that the item of an extension names; None for any other item.
    """
    if item.kind != "EXTENSION" or not item.statements:
        return None
    found = list(tokens(item.statements[0]))
    return next(
        (name.name for word, name in pairwise(found) if _words([word], b"SCHEMA")),
        None,
    )


def without_extensions_own(items: Iterable[Item]) -> list[Item]:
    """Drop what belongs to an extension: its sequences' values, and comments on its schemas.

    Args:
        items: The dump's items.

    Returns:
        The others.
    """
    items = list(items)
    made = {_line(item) for item in items if item.kind == "SEQUENCE"}
    homes = {f"SCHEMA {name}" for name in extension_schemas(items)}
    return [
        item
        for item in items
        if not (
            (item.kind == SEQUENCE_SET and _line(item) not in made)
            or (item.kind == "COMMENT" and item.tag in homes)
        )
    ]


def _line(item: Item) -> tuple[str | None, str]:
    """Give an item's name as the header of a plain dump has it: in one line."""
    return item.schema, item.tag.translate(_ONE_LINE)


def _filled(items: list[Item]) -> set[str]:
    """List the schemas in which items make something; rows may be those of an extension's table."""
    return {
        item.schema for item in items if item.schema and item.kind not in _MAKE_NOTHING
    }


def parents(items: Iterable[Item]) -> dict[TableName, TableName]:
    """Find which tables are partitions or children of which.

    Args:
        items: A dump's items.

    Returns:
        The (first) parent of each child.
    """
    found: dict[TableName, TableName] = {}
    for item in items:
        for child, parent in item.inheritance:
            found.setdefault(child, parent)
    return found


def ancestors(
    table: TableName, parent: dict[TableName, TableName]
) -> Iterator[TableName]:
    """Give a table's parent, the parent's parent, and so on.

    Args:
        table: The table.
        parent: The parent of each child.

    Yields:
        Tables, the nearest first.
    """
    seen = {table}
    while (above := parent.get(table)) and above not in seen:
        seen.add(above)
        yield above
        table = above
