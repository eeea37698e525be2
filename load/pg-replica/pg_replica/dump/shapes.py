"""What an item of each kind may consist of: pg_dump's own statements, on the dump's own objects.

A dump is not trusted. The night runs as a role that owns more than the landing, so an item is run
only if each of its statements is of a form that pg_dump writes for its kind, and names objects in
the dump's own schemas alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice

from entrepot_core.base.errors import Refused
from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump.items import (
    FOREIGN_KEY,
    LEFT_OUT,
    Item,
    extension_home,
    schemas_of,
)
from pg_replica.dump.lexer import (
    STRING,
    SYMBOL,
    WORD,
    Token,
    UnexpectedText,
    tokens,
)

# A shape is a row of words: `A|B` is either, `[A]` may be missing, `@` is a name with its schema,
# `@op` an operator with its schema, `name` any name, `string` and `number` are constants, and
# `...` passes over what comes before the next word.
_TABLE = "[FOREIGN] TABLE [IF] [EXISTS] [ONLY] @"
_COLUMN = f"ALTER {_TABLE} ALTER [COLUMN] name"
_TABLE_CHANGES = (
    f"{_COLUMN} SET STATISTICS|STORAGE|COMPRESSION|NOT|DEFAULT|(",
    f"{_COLUMN} OPTIONS",
    f"ALTER {_TABLE} ATTACH PARTITION @",
    f"ALTER {_TABLE} ADD CONSTRAINT name CHECK|NOT",
    f"ALTER {_TABLE} REPLICA IDENTITY",
    f"ALTER {_TABLE} CLUSTER ON name ;",
    f"ALTER {_TABLE} SET ACCESS METHOD name ;",
    f"ALTER {_TABLE} ENABLE|DISABLE|FORCE [ALWAYS] [REPLICA] TRIGGER|RULE|ROW",
)
_INDEX_CHANGES = (
    "ALTER INDEX @ ALTER [COLUMN] number SET STATISTICS",
    f"ALTER {_TABLE} CLUSTER ON name ;",
    f"ALTER {_TABLE} REPLICA IDENTITY USING INDEX name ;",
)
_TEXT_SEARCH = "DICTIONARY|PARSER|TEMPLATE|CONFIGURATION"
_SHAPES: dict[str, tuple[str, ...]] = {
    "ACCESS METHOD": ("CREATE ACCESS METHOD name",),
    "AGGREGATE": ("CREATE AGGREGATE @ (",),
    "CAST": ("CREATE CAST (",),
    "CHECK CONSTRAINT": (
        f"ALTER {_TABLE} ADD CONSTRAINT name CHECK|NOT",
        "ALTER DOMAIN @ ADD CONSTRAINT name CHECK|NOT",
    ),
    "COLLATION": ("CREATE COLLATION @ (",),
    "COMMENT": (
        "COMMENT ON [MATERIALIZED] [FOREIGN] TABLE|VIEW @ IS",
        "COMMENT ON SEQUENCE|INDEX|TYPE|DOMAIN|COLLATION|CONVERSION|STATISTICS @ IS",
        "COMMENT ON COLUMN @ . name IS",
        "COMMENT ON FUNCTION|PROCEDURE|AGGREGATE @ ( ... IS",
        "COMMENT ON OPERATOR @op ( ... IS",
        "COMMENT ON OPERATOR CLASS|FAMILY @ USING name IS",
        f"COMMENT ON TEXT SEARCH {_TEXT_SEARCH} @ IS",
        "COMMENT ON CONSTRAINT|TRIGGER|RULE|POLICY name ON [DOMAIN] @ IS",
        "COMMENT ON SCHEMA|EXTENSION|LANGUAGE|SERVER|PUBLICATION|SUBSCRIPTION name IS",
        "COMMENT ON [PROCEDURAL] LANGUAGE name IS",
        "COMMENT ON ACCESS|EVENT METHOD|TRIGGER name IS",
        "COMMENT ON FOREIGN DATA WRAPPER name IS",
        "COMMENT ON LARGE OBJECT number IS",
        "COMMENT ON DATABASE name IS",
        "COMMENT ON CAST ( ... IS",
        "COMMENT ON TRANSFORM FOR ... IS",
    ),
    "CONSTRAINT": (
        f"ALTER {_TABLE} ADD CONSTRAINT name PRIMARY|UNIQUE|EXCLUDE|NOT",
        *_INDEX_CHANGES,
    ),
    "CONVERSION": ("CREATE [DEFAULT] CONVERSION @ FOR",),
    "DEFAULT": (f"{_COLUMN} SET DEFAULT",),
    "DOMAIN": ("CREATE DOMAIN @ AS",),
    "EXTENSION": ("CREATE EXTENSION [IF] [NOT] [EXISTS] name [WITH] SCHEMA|;",),
    "FK CONSTRAINT": (
        f"ALTER {_TABLE} ADD CONSTRAINT name FOREIGN KEY ( ... REFERENCES @",
    ),
    "FUNCTION": ("CREATE [OR] [REPLACE] FUNCTION @ (",),
    "INDEX": ("CREATE [UNIQUE] INDEX name ON [ONLY] @ USING", *_INDEX_CHANGES),
    "INDEX ATTACH": ("ALTER INDEX @ ATTACH PARTITION @ ;",),
    "MATERIALIZED VIEW": ("CREATE MATERIALIZED VIEW @", *_TABLE_CHANGES),
    "MATERIALIZED VIEW DATA": ("REFRESH MATERIALIZED VIEW @ ;",),
    "OPERATOR": ("CREATE OPERATOR @op (",),
    "OPERATOR CLASS": ("CREATE OPERATOR CLASS @",),
    "OPERATOR FAMILY": (
        "CREATE OPERATOR FAMILY @ USING name ;",
        "ALTER OPERATOR FAMILY @ USING name ADD",
    ),
    "PROCEDURE": ("CREATE [OR] [REPLACE] PROCEDURE @ (",),
    "RULE": (
        "CREATE [OR] [REPLACE] RULE name AS ON name TO @",
        "CREATE OR REPLACE VIEW @",
        f"ALTER {_TABLE} ENABLE|DISABLE [ALWAYS] [REPLICA] RULE name ;",
    ),
    "SEQUENCE": (
        "CREATE [UNLOGGED] SEQUENCE @",
        f"{_COLUMN} ADD GENERATED",
        "ALTER SEQUENCE @ SET LOGGED|UNLOGGED ;",
    ),
    "SEQUENCE OWNED BY": ("ALTER SEQUENCE @ OWNED BY @ . name ;",),
    "SEQUENCE SET": ("SELECT name . name ( string , [-] number , TRUE|FALSE ) ;",),
    "SHELL TYPE": ("CREATE TYPE @ ;",),
    "STATISTICS": (
        "CREATE STATISTICS @ ... FROM @",
        "ALTER STATISTICS @ SET STATISTICS",
    ),
    "TABLE": (
        "CREATE [UNLOGGED] TABLE @ (|OF",
        "CREATE [UNLOGGED] TABLE @ PARTITION OF @",
        *_TABLE_CHANGES,
    ),
    "TABLE ATTACH": (f"ALTER {_TABLE} ATTACH PARTITION @",),
    "TEXT SEARCH CONFIGURATION": (
        "CREATE TEXT SEARCH CONFIGURATION @ (",
        "ALTER TEXT SEARCH CONFIGURATION @ ADD MAPPING FOR",
    ),
    "TEXT SEARCH DICTIONARY": ("CREATE TEXT SEARCH DICTIONARY @ (",),
    "TEXT SEARCH PARSER": ("CREATE TEXT SEARCH PARSER @ (",),
    "TEXT SEARCH TEMPLATE": ("CREATE TEXT SEARCH TEMPLATE @ (",),
    "TRANSFORM": ("CREATE TRANSFORM FOR",),
    "TRIGGER": (
        "CREATE [CONSTRAINT] TRIGGER name BEFORE|AFTER|INSTEAD ... ON @",
        f"ALTER {_TABLE} ENABLE|DISABLE [ALWAYS] [REPLICA] TRIGGER name ;",
    ),
    "TYPE": ("CREATE TYPE @ AS|(|;",),
    "VIEW": ("CREATE [OR] [REPLACE] VIEW @", *_TABLE_CHANGES),
}
_MANY = 20  # refused items that a message names
_CHANGE = re.compile(rb"ALTER\s+(?:FOREIGN\s+)?TABLE\b", re.IGNORECASE)
_HEAD = 6  # tokens of a refused statement that a message repeats


def matched(kind: str, statement: bytes) -> list[TableName] | None:
    """Match a statement with what pg_dump writes for a kind of item.

    Args:
        kind: As pg_dump calls it.
        statement: One statement.

    Returns:
        The names of the objects that it makes, changes or refers to, as far as its shape tells;
        None if it is of no shape of that kind.

    Raises:
        UnexpectedText: If it ends in a quote or a comment.
    """
    found = _Tokens(statement)
    for shape in _SHAPES.get(kind, (f"CREATE {kind} @",)):
        names = _match(shape.split(), found)
        if names is not None:
            return names
    return None


def check(items: Iterable[Item], is_reserved: Callable[[str], bool]) -> None:
    """Refuse items that are not what pg_dump writes.

    Args:
        items: All items of a dump.
        is_reserved: Says of a schema whether it is one of the warehouse's own.

    Raises:
        Refused: With every such item.
    """
    items = list(items)
    homes = {home for item in items if (home := extension_home(item))}
    schemas = set(schemas_of(items)) | {
        schema for schema in homes if not is_reserved(schema)
    }
    problems = [
        problem
        for item in items
        if item.kind not in LEFT_OUT and (problem := _problem(item, schemas))
    ]
    if problems:
        named = [f"{problem} (not what pg_dump writes)" for problem in problems[:_MANY]]
        more = len(problems) - _MANY
        raise Refused(named + [f"and {more} more such items"] * (more > 0))


def _problem(item: Item, schemas: set[str]) -> str | None:
    try:
        for statement in item.statements:
            if problem := _problem_of(item, statement, schemas):
                return f"the dump's item {item.label} is not run: {problem}"
    except UnexpectedText as error:
        return f"the dump's item {item.label} is not run: {error}"
    return None


def _problem_of(item: Item, statement: bytes, schemas: set[str]) -> str | None:
    names = matched(item.kind, statement)
    if names is None or _has_more(item.kind, statement):
        return head_of(statement)
    names += [parent for _, parent in item.inheritance]
    if item.kind == "SEQUENCE SET":
        names += _sequence(statement)
    for name in names:
        if name.schema not in schemas:
            return f"it names {name}, which is in no schema of the dump"
    if item.kind == "COMMENT" and _schema_commented(statement) not in {None, *schemas}:
        return "it names no schema of the dump"
    return None


def head_of(statement: bytes) -> str:
    """Give the first words of a statement for a message, without values.

    Args:
        statement: Any statement.

    Returns:
        A few words at most.
    """
    shown = ""
    for token in islice(tokens(statement), _HEAD):
        if token.kind == STRING:
            break
        text = statement[token.start : token.end].decode(errors="replace")
        shown += text if text == "." or shown.endswith(".") else f" {text}"
    return repr(shown.strip())


def _has_more(kind: str, statement: bytes) -> bool:
    """Say whether a change holds a second one, or a definition a foreign key of its own."""
    is_change = bool(_CHANGE.match(statement))
    may_refer = kind in ("TABLE", FOREIGN_KEY) and b"references" in statement.lower()
    if not (is_change and b"," in statement) and not may_refer:
        return False
    depth, keys = 0, 0
    for token in tokens(statement):
        if token.kind == SYMBOL:
            depth += (token.text in b"([") - (token.text in b")]")
            if is_change and not depth and token.text == b",":
                return True
        keys += token.kind == WORD and token.text == b"REFERENCES"
    return may_refer and keys > (kind == FOREIGN_KEY)


def _schema_commented(statement: bytes) -> str | None:
    found = _Tokens(statement)
    third, name = found.get(2), found.get(3)
    return name.name if name and third and third.text == b"SCHEMA" else None


def _sequence(statement: bytes) -> list[TableName]:
    """Give the sequence that a call of setval names in its constant."""
    found = _Tokens(statement)
    called = [token.name for place in (1, 3) if (token := found.get(place))]
    text = found.get(5)
    if called != ["pg_catalog", "setval"] or text is None:
        return [TableName("", "")]
    inner = _Tokens(text.text[1:-1].replace(b"''", b"'"))
    names = _match(["@"], inner)
    return names if names and inner.get(3) is None else [TableName("", "")]


class _Tokens:
    """A statement's tokens, read as far as they are asked for."""

    def __init__(self, statement: bytes) -> None:
        self._source = tokens(statement)
        self._read: list[Token] = []

    def get(self, place: int) -> Token | None:
        if place >= len(self._read):
            self._read += islice(self._source, place + 1 - len(self._read))
        return self._read[place] if place < len(self._read) else None


def _match(shape: list[str], found: _Tokens) -> list[TableName] | None:
    names: list[TableName] = []
    place, skipping = 0, False
    for part in shape:
        if part == "...":
            skipping = True
            continue
        after = _match_part(part, found, place, names)
        while skipping and after is None and found.get(place):
            place += 1
            after = _match_part(part, found, place, names)
        skipping = False
        if after is None:
            return None
        place = after
    return names


def _match_part(
    part: str, found: _Tokens, place: int, names: list[TableName]
) -> int | None:
    """Match one part of a shape; give the place after it."""
    if part in ("@", "@op"):
        return _match_qualified(part, found, place, names)
    if part.startswith("["):
        wanted, is_optional = part[1:-1], True
    else:
        wanted, is_optional = part, False
    token = found.get(place)
    if token is not None and _is(token, wanted):
        return place + 1
    return place if is_optional else None


def _match_qualified(
    part: str, found: _Tokens, place: int, names: list[TableName]
) -> int | None:
    schema, dot, name = (found.get(place + more) for more in range(3))
    if not (schema and dot and name and dot.text == b"."):
        return None
    if part == "@op":
        end = place + 2
        while (token := found.get(end)) and token.kind == SYMBOL and token.text != b"(":
            end += 1
        symbols = "operator" if end > place + 2 else None
        after = end
    else:
        symbols, after = name.name, place + 3
    if schema.name is None or symbols is None:
        return None
    names.append(TableName(schema.name, symbols))
    return after


def _is(token: Token, wanted: str) -> bool:
    if wanted == "name":
        return token.name is not None
    if wanted == "string":
        return token.kind == STRING
    if wanted == "number":
        return token.kind == SYMBOL and token.text.isdigit()
    return token.kind in (WORD, SYMBOL) and token.text.decode(errors="replace") in (
        wanted.split("|")
    )
