"""Types that the source's owner made: made again beside the append tables, which outlive a swap."""

from __future__ import annotations

import re
from typing import Any

import psycopg

from pg_replica.names import literal, parse_qualified, quote


class Types:
    """The types of one table's columns."""

    def __init__(self, found: list[dict[str, Any]], schema: str) -> None:
        """Prepare.

        Args:
            found: As the tap read them, each after those it needs.
            schema: Where they are made.
        """
        self._found = found
        self._names = {
            each["type"]: f"{quote(schema)}.{quote(parse_qualified(each['type']).name)}"
            for each in found
        }
        self._spelt = {
            each[
                "type"
            ]: f"{_spell(schema)}.{_spell(parse_qualified(each['type']).name)}"
            for each in found
        }

    def here(self, type_name: str) -> str:
        """Spell a column's type as the warehouse's `format_type` does.

        Args:
            type_name: As the source's spells it.
        """
        base = type_name.removesuffix("[]")
        return self._spelt.get(base, base) + type_name[len(base) :]

    def create(self, session: psycopg.Connection) -> None:
        """Make the types that are missing, and add the values that enums have gained.

        Args:
            session: A session on the warehouse, in autocommit.
        """
        for each in self._found:
            name = self._names[each["type"]]
            row = session.execute("SELECT to_regtype(%s)", [name]).fetchone()
            is_there = bool(row and row[0])
            if each["kind"] == "e":
                self._create_enum(session, name, each["labels"], is_there=is_there)
            elif not is_there and each["kind"] == "d":
                checks = " ".join(
                    f"CONSTRAINT {quote(check)} {text}"
                    for check, text in each["checks"]
                )
                session.execute(
                    f"CREATE DOMAIN {name} AS {self.here(each['base'])} {checks}"
                )
            elif not is_there and each["kind"] == "c":
                listed = ", ".join(
                    f"{quote(attribute)} {self.here(type_name)}"
                    for attribute, type_name in each["attributes"]
                )
                session.execute(f"CREATE TYPE {name} AS ({listed})")

    def _create_enum(
        self,
        session: psycopg.Connection,
        name: str,
        labels: list[str],
        *,
        is_there: bool,
    ) -> None:
        if not is_there:
            session.execute(
                f"CREATE TYPE {name} AS ENUM ({', '.join(map(literal, labels))})"
            )
            return
        before = None
        for label in labels:
            place = f" AFTER {literal(before)}" if before else ""
            session.execute(
                f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {literal(label)}{place}"
            )
            before = label


def _spell(name: str) -> str:
    """Quote a name only where PostgreSQL does."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quote(name)
