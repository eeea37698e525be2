"""Range types, made where they will wait for the swap.

A range type's constructor functions belong to PostgreSQL's superuser, and no ordinary role can move
them. Made with the type in the schema to which it will go, they are there already; the type itself
comes to the landing, where the tables look for it.
"""

from __future__ import annotations

from entrepot_core.postgres.identifiers import TableName, quote
from pg_replica.dump.items import Item, qualified_name
from pg_replica.dump.lexer import Token, tokens

_MULTIRANGE = b"MULTIRANGE_TYPE_NAME"


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


def _renamed(
    statement: bytes, found: list[Token], place: int, name: TableName
) -> bytes:
    start, end = found[place].start, found[place + 2].end
    return statement[:start] + name.sql.encode() + statement[end:]
