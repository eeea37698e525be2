"""Types that stay the same from one night to the next.

A type made anew each night is another type: a pooled session's prepared statement then ends with
"cached plan must not change result type", and no view with such a column can be replaced. So a
type that is defined as the live one is not made again: the new night's tables have the live type,
and the swap moves it from the old schema into the new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import psycopg

from entrepot_core.postgres import queries
from entrepot_core.postgres.catalog import Fact
from entrepot_core.postgres.identifiers import TableName, quote
from entrepot_core.warehouse.schemas import Naming
from pg_replica.dump.items import Item, qualified_name
from pg_replica.dump.lexer import QUOTED, WORD, Token, tokens
from pg_replica.warehouse import made_schemas

_SAME = queries.read("pg_replica", "same_type")
_KINDS = frozenset({"TYPE", "DOMAIN"})


class KeptTypes:
    """The types of a night that are the live night's.

    Args:
        main: A session of the warehouse's owner.
        naming: The schemas' names.
        schemas: The landing's schemas.
        builder: The role that builds; None where the owner does.
        items: What is to be made: casts can be made by a type's owner alone.
    """

    def __init__(
        self,
        main: psycopg.Connection,
        naming: Naming,
        schemas: Iterable[str],
        builder: str | None,
        items: Iterable[Item],
    ) -> None:
        self._cast = {
            name
            for item in items
            if item.kind == "CAST"
            for statement in item.statements
            for name in _names(list(tokens(statement)))
        }
        self._main = main
        self._naming = naming
        self._builder = builder
        names = {naming.live(schema): schema for schema in schemas}
        self._live = {
            names[live]: live for live in made_schemas.ours(main, list(names))
        }
        self._kept: dict[TableName, TableName] = {}
        self._spelled: dict[
            str, str
        ] = {}  # the landing's name by the live one, in facts

    def consider(self, connection: psycopg.Connection, item: Item) -> None:
        """Take the live type instead of one that was just made, if they are alike.

        Args:
            connection: The session that made it, in autocommit.
            item: What was made; nothing happens for what is no type.
        """
        ours = item.made if item.kind in _KINDS else None
        if ours is None or ours.schema not in self._live or ours in self._cast:
            return
        live = TableName(self._live[ours.schema], ours.name)
        names = {"ours": ours.sql, "live": live.sql}
        spelled = self._main.execute(_SAME, names).fetchone()
        if spelled is None:
            return
        if self._builder:
            self._main.execute(
                f"GRANT USAGE ON SCHEMA {quote(live.schema)} TO {quote(self._builder)}"
            )
            self._main.execute(
                f"GRANT USAGE ON TYPE {live.sql} TO {quote(self._builder)}"
            )
        connection.execute(f"DROP TYPE {ours.sql}")
        self._kept[ours] = live
        self._spelled[spelled[1]] = spelled[0]

    def renamed(self, statements: list[bytes]) -> list[bytes]:
        """Write the live types' names into statements that name the landing's.

        Args:
            statements: As the dump has them.

        Returns:
            The statements to run.
        """
        if not self._kept:
            return statements
        return [self._renamed(statement) for statement in statements]

    def _renamed(self, statement: bytes) -> bytes:
        if not any(name.name.encode() in statement for name in self._kept):
            return statement
        found, written, done = list(tokens(statement)), [], 0
        for place, token in enumerate(found):
            live = self._named(found, place)
            if live is not None:
                written += [statement[done : token.start], live.sql.encode()]
                done = found[place + 2].end
        return b"".join([*written, statement[done:]])

    def _named(self, found: list[Token], place: int) -> TableName | None:
        """Give the live type that tokens name; a function may have the same name."""
        if found[place].kind not in (WORD, QUOTED):
            return None
        name = qualified_name(found[place : place + 3])
        is_part = place > 0 and found[place - 1].text == b"."
        if name is None or is_part or name not in self._kept:
            return None
        after = found[place + 3 : place + 4]
        is_call = bool(after) and after[0].text == b"("
        return None if is_call else self._kept[name]

    def as_landed(self, facts: set[Fact]) -> set[Fact]:
        """Say of a night's facts what they would be if the types had been made in the landing.

        Args:
            facts: Those of the landing, and of the live schemas that kept types are in.

        Returns:
            The landing's, as they can be compared with the source's.
        """
        if not self._kept:
            return facts
        listed = "|".join(re.escape(name) for name in self._spelled)
        pattern = re.compile(rf'(?<![\w$".])({listed})(?![\w$"])')
        back = {live: ours for ours, live in self._kept.items()}
        found: set[Fact] = set()
        for kind, schema, name, detail in facts:
            ours = back.get(TableName(schema, name))
            if schema not in self.live_schemas:
                spelled = pattern.sub(lambda match: self._spelled[match[1]], detail)
                found.add((kind, schema, name, spelled))
            elif ours and kind.startswith("type "):
                found.add((kind, ours.schema, ours.name, detail))
        return found

    @property
    def live_schemas(self) -> list[str]:
        """The schemas in which kept types are."""
        return sorted({live.schema for live in self._kept.values()})

    def move(self, connection: psycopg.Connection) -> None:
        """Move the types into the schemas that are live now, within the transaction of the swap.

        Args:
            connection: The session that swaps.
        """
        for live in self._kept.values():
            previous = self._naming.previous(live.schema)
            connection.execute(
                f"ALTER TYPE {TableName(previous, live.name).sql}"
                f" SET SCHEMA {quote(live.schema)}"
            )
        if self._builder:
            for schema in self.live_schemas:
                connection.execute(
                    f"REVOKE ALL ON SCHEMA {quote(self._naming.previous(schema))}"
                    f" FROM {quote(self._builder)}"
                )


def _names(found: list[Token]) -> Iterator[TableName]:
    """Give every name with a schema that tokens hold."""
    for place in range(len(found)):
        if (name := qualified_name(found[place : place + 3])) is not None:
            yield name
