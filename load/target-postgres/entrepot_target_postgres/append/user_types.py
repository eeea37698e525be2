"""Types that the source's owner made: made again beside the append tables, which outlive a swap."""

from __future__ import annotations

import re

import psycopg

from entrepot_core.postgres.identifiers import PUBLIC, literal, parse_qualified, quote
from entrepot_core.singer.table_definition import (
    CompositeType,
    DomainType,
    EnumType,
    RangeType,
    UserType,
)
from entrepot_target_postgres.errors import CannotLoad

_LABELS = (
    "SELECT enumlabel::text FROM pg_catalog.pg_enum WHERE enumtypid = %s::regtype"
    " ORDER BY enumsortorder"
)
_CHECKS = (
    "SELECT conname::text, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint"
    " WHERE contypid = %s::regtype AND contype = 'c'"
)
_ATTRIBUTES = (
    "SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)"
    " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.typrelid = a.attrelid"
    " WHERE t.oid = %s::regtype AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)
_STRING = r"'(?:[^']|'')*'"


class Types:
    """The types of one table's columns."""

    def __init__(self, found: list[UserType], schema: str) -> None:
        """Prepare.

        Args:
            found: As the tap read them, each after those it needs.
            schema: Where they are made.
        """
        self._found = found
        self._schema = schema
        names = {each.type: self._name(each.type) for each in found}
        self._names = {
            there: f"{quote(schema)}.{quote(name)}" for there, name in names.items()
        }
        self._spelt = {
            there: f"{_spell(schema)}.{_spell(name)}" for there, name in names.items()
        }
        spellings = "|".join(map(re.escape, sorted(self._spelt, reverse=True)))
        self._mentioned = re.compile(
            rf'{_STRING}|(?<![\w."])(?:{spellings})(?![\w"])' if names else _STRING
        )

    def _name(self, there: str) -> str:
        """Name a type so that two of the same name, in two schemas, stay apart."""
        source = parse_qualified(there)
        if source.schema == PUBLIC:
            return source.name
        return f"{source.schema}_{source.name}"

    def here(self, type_name: str) -> str:
        """Spell a column's type as the warehouse's `format_type` does.

        Args:
            type_name: As the source's spells it.

        Returns:
            The type's name here.
        """
        base = type_name.removesuffix("[]")
        return self._spelt.get(base, base) + type_name[len(base) :]

    def translated(self, text: str) -> str:
        """Name in an expression or a definition the types that are here.

        Args:
            text: As the source's catalogs write it.

        Returns:
            The text, with the names that the types have here.
        """
        return self._mentioned.sub(lambda m: self._spelt.get(m[0], m[0]), text)

    def create(self, session: psycopg.Connection) -> None:
        """Make the types that are missing, and let the others follow the source's.

        Args:
            session: A session on the warehouse, in autocommit.

        Raises:
            CannotLoad: If one has changed in a way that values which are here do not allow.
        """
        for each in self._found:
            name = self._names[each.type]
            row = session.execute("SELECT to_regtype(%s)", [name]).fetchone()
            is_there = bool(row and row[0])
            if isinstance(each, EnumType):
                self._enum(session, name, each, is_there)
            elif isinstance(each, DomainType):
                self._domain(session, name, each, is_there)
            elif isinstance(each, CompositeType):
                self._composite(session, name, each, is_there)
            elif isinstance(each, RangeType):
                self._range(session, name, each, is_there)
            # A multirange is made with its range.

    def _enum(
        self,
        session: psycopg.Connection,
        name: str,
        there: EnumType,
        is_there: bool,
    ) -> None:
        labels = there.labels
        if not is_there:
            listed = ", ".join(map(literal, labels))
            session.execute(f"CREATE TYPE {name} AS ENUM ({listed})")
            return
        here = [row[0] for row in session.execute(_LABELS, [name])]
        for old, new in zip(here, labels, strict=False):
            if old not in labels and new not in here:  # in the same place: renamed
                session.execute(
                    f"ALTER TYPE {name} RENAME VALUE {literal(old)} TO {literal(new)}"
                )
        before = None
        for label in labels:
            place = f" AFTER {literal(before)}" if before else ""
            session.execute(
                f"ALTER TYPE {name} ADD VALUE IF NOT EXISTS {literal(label)}{place}"
            )
            before = label

    def _domain(
        self,
        session: psycopg.Connection,
        name: str,
        there: DomainType,
        is_there: bool,
    ) -> None:
        checks = {check: self.translated(text) for check, text in there.checks}
        if not is_there:
            session.execute(f"CREATE DOMAIN {name} AS {self.here(there.base)}")
        here = {
            check: text.removesuffix(" NOT VALID")
            for check, text in session.execute(_CHECKS, [name]).fetchall()
        }
        with session.transaction():
            for check, text in here.items():
                if text != checks.get(check):
                    session.execute(
                        f"ALTER DOMAIN {name} DROP CONSTRAINT {quote(check)}"
                    )
            for check, text in checks.items():
                if here.get(check) != text:
                    # What is here was valid when it came; the source has checked what comes.
                    valid = "" if not is_there or "NOT VALID" in text else " NOT VALID"
                    session.execute(
                        f"ALTER DOMAIN {name} ADD CONSTRAINT {quote(check)} {text}{valid}"
                    )

    def _composite(
        self,
        session: psycopg.Connection,
        name: str,
        there: CompositeType,
        is_there: bool,
    ) -> None:
        wanted = [(a, self.here(type_name)) for a, type_name in there.attributes]
        if not is_there:
            listed = ", ".join(f"{quote(a)} {kind}" for a, kind in wanted)
            session.execute(f"CREATE TYPE {name} AS ({listed})")
            return
        here = session.execute(_ATTRIBUTES, [name]).fetchall()
        if here == wanted:
            return
        changes = [
            *(
                f"DROP ATTRIBUTE {quote(a)}"
                for a, kind in here
                if (a, kind) not in wanted
            ),
            *(f"ADD ATTRIBUTE {quote(a)} {k}" for a, k in wanted if (a, k) not in here),
        ]
        kept = [each for each in here if each in wanted]
        names = {a for a, _ in here}
        if kept != wanted[: len(kept)] or any(
            a in names for a, _ in wanted[len(kept) :]
        ):
            raise CannotLoad(
                f"type {there.type} is ({_listed(here)}) in the warehouse and "
                f"({_listed(wanted)}) on the source: no value may be lost or bent, so drop the "
                "tables that use it, and the type, to have them loaded again"
            )
        session.execute(f"ALTER TYPE {name} {', '.join(changes)}")

    def _range(
        self,
        session: psycopg.Connection,
        name: str,
        there: RangeType,
        is_there: bool,
    ) -> None:
        if is_there:
            return
        options = [f"subtype = {self.here(there.subtype)}"]
        if there.operators:
            options.append(f"subtype_opclass = {there.operators}")
        if there.multirange:
            multirange = self._name(there.multirange)
            options.append(
                f"multirange_type_name = {quote(self._schema)}.{quote(multirange)}"
            )
        session.execute(f"CREATE TYPE {name} AS RANGE ({', '.join(options)})")


def _listed(attributes: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in attributes)


def _spell(name: str) -> str:
    """Quote a name only where PostgreSQL does."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else quote(name)
