"""An invented schema while it is made: what it holds, and the statements that made it."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from entrepot_lab.invented.draws import TEXTS, VALUES, Chance


@dataclass
class Column:
    """A column.

    Attributes:
        name: Its name.
        type: A type of PostgreSQL's own or an array of one, or `user` for another.
        spelled: The type as statements write it.
        is_written: Whether INSERT gives it a value.
    """

    name: sql.Identifier
    type: str
    spelled: sql.Composable
    is_written: bool = True


@dataclass
class Relation:
    """A table, view or materialized view.

    Attributes:
        name: Its name, with its schema's.
        kind: As `pg_class.relkind` has it.
        columns: In order.
        keys: Columns of each unique key that a foreign key may point to.
        has_rows: Whether rows may be inserted.
    """

    name: sql.Identifier
    kind: str
    columns: list[Column]
    keys: list[list[Column]] = field(default_factory=list)
    has_rows: bool = True


@dataclass
class UserType:
    """A type of the schema.

    Attributes:
        name: Its name.
        values: Some of its values, as expressions.
    """

    name: sql.Identifier
    values: list[sql.Composable]


@dataclass
class Schema:
    """A schema and what is in it.

    Attributes:
        name: Its name.
        connection: A session on its database, in autocommit.
        chance: Decides.
        statements: Those that the server took, in order.
        refused: How many it did not take.
    """

    name: str
    connection: psycopg.Connection
    chance: Chance
    statements: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    types: list[UserType] = field(default_factory=list)
    functions: list[sql.Identifier] = field(default_factory=list)
    triggers: list[sql.Identifier] = field(default_factory=list)
    sequences: list[sql.Identifier] = field(default_factory=list)

    def do(self, text: str, **parts: sql.Composable) -> bool:
        """Run a statement.

        Args:
            text: It, with places for its parts.
            parts: What goes there; `S` is the schema.

        Returns:
            Whether the server took it.
        """
        statement = sql.SQL(text).format(S=sql.Identifier(self.name), **parts)
        written = statement.as_string(self.connection)
        try:
            self.connection.execute(written.encode())
        except psycopg.Error as error:
            self.refused.append(f"{written}\n-- {error}")
            return False
        self.statements.append(written)
        return True

    def fresh(self, letter: str) -> sql.Identifier:
        """Draw a name in the schema."""
        return sql.Identifier(self.name, self.chance.plain_name(letter))

    def tables(self, kinds: str = "rp") -> list[Relation]:
        """List what is of some kinds."""
        return [each for each in self.relations if each.kind in kinds]

    def type(self) -> tuple[str, sql.Composable]:
        """Draw a type for a column: its name, and how it is spelled."""
        if self.types and self.chance.maybe(4):
            spelled = self.chance.of(self.types).name
            if self.chance.maybe(5):
                return "user", sql.SQL("{}[]").format(spelled)
            return "user", spelled
        name = self.chance.of([*VALUES, *TEXTS * 3])
        if self.chance.maybe(7) and "COLLATE" not in name:
            name += "[]"
        return name, sql.SQL(name)

    def value(self, column: Column) -> sql.Composable:
        """Draw a value for a column."""
        if column.type != "user":
            return self.chance.literal(column.type)
        for each in self.types:
            if each.name == column.spelled:
                return self.chance.of([*each.values, sql.SQL("NULL")])
        for each in self.types:
            if sql.SQL("{}[]").format(each.name) == column.spelled:
                values = sql.SQL(", ").join(self.chance.some(each.values))
                return sql.SQL("ARRAY[{}]::{}").format(values, column.spelled)
        return sql.SQL("NULL")
