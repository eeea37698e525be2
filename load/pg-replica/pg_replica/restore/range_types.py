"""Range types, made where they will wait for the swap.

A range type's constructor functions belong to PostgreSQL's superuser, and no ordinary role can move
them. Made with the type in the schema to which it will go, they are there already; the type itself
comes to the landing, where the tables look for it.

A function of the source that measures distances is left out: the planner and ANALYZE call it as
whoever plans or analyses, and ask for no right. Rows and indexes do not need it.
"""

from __future__ import annotations

from entrepot_core.postgres.identifiers import TableName, quote
from pg_replica.dump.items import Item, qualified_name
from pg_replica.dump.lexer import Token, tokens

_MULTIRANGE, _DISTANCE = b"MULTIRANGE_TYPE_NAME", b"SUBTYPE_DIFF"
# The server's own, as pg_dump writes them.
_KNOWN_DISTANCES = frozenset(
    {b"FLOAT8MI"}
    | {
        kind + b"_SUBDIFF"
        for kind in (
            b"INT4RANGE",
            b"INT8RANGE",
            b"NUMRANGE",
            b"DATERANGE",
            b"TSRANGE",
            b"TSTZRANGE",
        )
    }
)


def made_elsewhere(item: Item, schema: str) -> list[bytes] | None:
    """Give the statements that make a range type in another schema and then move it to its own.

    Args:
        item: Any item.
        schema: The other schema.

    Returns:
        The statements; None if the item is no range type.
    """
    if item.kind != "TYPE" or not item.statements:
        return None
    statement = item.statements[0]
    found = list(tokens(statement))
    name = qualified_name(found[2:])
    if name is None or [token.text for token in found[5:7]] != [b"AS", b"RANGE"]:
        return None
    statement, found = _without_distance(statement, found)
    own = {2: name}
    for place, token in enumerate(found):
        multirange = qualified_name(found[place + 2 :])
        if token.text == _MULTIRANGE and multirange:
            own[place + 2] = multirange
    for place in sorted(own, reverse=True):
        statement = _renamed(
            statement, found, place, TableName(schema, own[place].name)
        )
    moves = [
        f"ALTER TYPE {TableName(schema, each.name).sql} SET SCHEMA {quote(name.schema)};"
        for each in own.values()
    ]
    return [statement, *(move.encode() for move in moves)]


def _without_distance(
    statement: bytes, found: list[Token]
) -> tuple[bytes, list[Token]]:
    """Leave the option out that names a function which is not the server's."""
    for place, token in enumerate(found):
        if token.text != _DISTANCE or found[place + 1].text != b"=":
            continue
        end = place + 2
        while end < len(found) and found[end].text not in (b",", b")"):
            end += 1
        words = [one.text for one in found[place + 2 : end]]
        if words[:2] == [b"PG_CATALOG", b"."]:
            words = words[2:]
        if len(words) == 1 and words[0] in _KNOWN_DISTANCES:
            return statement, found
        # It is never the first: the comma before goes with it.
        start = found[place - 1].start
        statement = statement[:start] + statement[found[end - 1].end :]
        return statement, list(tokens(statement))
    return statement, found


def _renamed(
    statement: bytes, found: list[Token], place: int, name: TableName
) -> bytes:
    start, end = found[place].start, found[place + 2].end
    return statement[:start] + name.sql.encode() + statement[end:]
