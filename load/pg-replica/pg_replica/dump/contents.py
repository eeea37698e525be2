"""A table of contents made into items: each entry's own statements, decoded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from entrepot_core.base.errors import RunFailed
from entrepot_core.postgres.identifiers import PUBLIC
from pg_replica.dump import toc
from pg_replica.dump.encodings import codec
from pg_replica.dump.items import LEFT_OUT, SEQUENCE_SET, Item, qualified_name
from pg_replica.dump.lexer import STRING, Token, tokens
from pg_replica.dump.storage_options import without_internal
from pg_replica.dump.toc import DATA, Entry, TableOfContents

_SEARCH_PATH = "SEARCHPATH"
# Comments on what is left out, and those that only a superuser may make.
_COMMENTS_LEFT_OUT = (
    *((kind.encode(),) for kind in ("DATABASE", "LANGUAGE", "POLICY", "PUBLICATION")),
    *((kind.encode(),) for kind in ("PROCEDURAL", "SERVER", "SUBSCRIPTION", "LARGE")),
    (b"EVENT", b"TRIGGER"),
    (b"FOREIGN", b"DATA"),
    (b"FOREIGN", b"TABLE"),
)


def read_schema(stream: IO[bytes]) -> list[Item]:
    """Read the items of `pg_dump --format=custom --schema-only` from its standard output.

    Args:
        stream: The output, read to its end.

    Returns:
        The items, in the dump's order.

    Raises:
        RunFailed: If it ends early or goes on behind the table of contents.
    """
    found = toc.read(stream.read)
    if stream.read(1):
        raise RunFailed("pg_dump's answer goes on behind its table of contents")
    return items_of(found)


def encoding_of(contents: TableOfContents) -> str:
    """Give PostgreSQL's name of the encoding of an archive's text.

    Args:
        contents: Its table of contents.

    Returns:
        Such as `UTF8`.
    """
    for entry in contents.entries:
        if entry.kind == "ENCODING":
            for token in tokens(entry.definition):
                if token.kind == STRING:
                    return token.text[1:-1].decode(errors="replace")
    return "UTF8"


def items_of(contents: TableOfContents) -> list[Item]:
    """Make items of the entries that are not rows, what is left out included.

    Args:
        contents: The table of contents.

    Returns:
        The items in the dump's order, the sequences' values last.

    Raises:
        RunFailed: If the names in it are not qualified, or not of the encoding that it names.
    """
    if not any(entry.kind == _SEARCH_PATH for entry in contents.entries):
        raise RunFailed(
            f"it was made by pg_dump {contents.tool}, which writes names without their schemas",
            "dump with the newest minor release of pg_dump",
        )
    encoding = encoding_of(contents)
    made = [entry for entry in contents.entries if entry.section != DATA]
    values = [entry for entry in contents.entries if entry.kind == SEQUENCE_SET]
    return kept([_item(entry, encoding) for entry in made + values])


def _item(entry: Entry, encoding: str) -> Item:
    schema = entry.schema
    try:
        return Item(
            number=entry.number,
            oid=entry.oid,
            kind=entry.kind,
            schema=None if schema is None else schema.decode(codec(encoding)),
            tag=entry.tag.decode(codec(encoding)),
            sql=entry.definition.decode(codec(encoding)).strip(),
            dependencies=entry.dependencies,
        )
    except (UnicodeDecodeError, LookupError):
        listed = entry.listed.decode(errors="backslashreplace")
        raise RunFailed(
            f"the entry {listed!r} is not in the encoding {encoding!r} that the dump names"
        ) from None


def kept(items: Iterable[Item]) -> list[Item]:
    """Leave out what hangs on items that are left out, and what a server keeps for itself.

    Args:
        items: A dump's items.

    Returns:
        The items that are made or that a finding names.
    """
    items = list(items)
    foreign = {
        (item.schema, item.tag) for item in items if item.kind == "FOREIGN TABLE"
    }
    return [
        _without_internal(item)
        for item in items
        if item.kind in LEFT_OUT or not _is_on_left_out(item, foreign)
    ]


def _without_internal(item: Item) -> Item:
    if "pg_" not in item.sql or item.kind in LEFT_OUT:
        return item
    left = [without_internal(statement) for statement in item.statements]
    if left == item.statements:
        return item
    sql = b"\n".join(statement for statement in left if statement)
    return Item(
        item.number,
        item.oid,
        item.kind,
        item.schema,
        item.tag,
        sql.decode(errors="surrogateescape"),
        item.dependencies,
    )


def _is_on_left_out(item: Item, foreign: set[tuple[str | None, str]]) -> bool:
    """Say whether an item belongs to something that is left out."""
    if not item.statements:
        return True
    if item.kind != "COMMENT":
        return bool(foreign) and item.table in foreign
    found = [
        token for _, token in zip(range(16), tokens(item.statements[0]), strict=False)
    ]
    subject = tuple(token.text.upper() for token in found[2:4])
    if any(subject[: len(words)] == words for words in _COMMENTS_LEFT_OUT):
        return True
    if subject[:1] == (b"SCHEMA",) and found[3:] and found[3].name == PUBLIC:
        return True
    return bool(foreign) and _table_commented(found) in foreign


def _table_commented(found: list[Token]) -> object:
    """Give the table on whose column, trigger or constraint a comment is."""
    place = 3 if found[2:3] and found[2].text == b"COLUMN" else 5
    return qualified_name(found[place:])
