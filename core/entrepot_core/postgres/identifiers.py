"""Names of tables and schemas, as PostgreSQL spells and quotes them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

PUBLIC = "public"
LONGEST_NAME = 63  # bytes: NAMEDATALEN - 1
PART = r'(?:"(?:[^"]|"")+"|[^\s".();,]+)'
QUALIFIED = rf"{PART}\.{PART}"


class TableName(NamedTuple):
    """A relation's schema and name, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        """Spell it as policies and messages do: the schema is left out when it is `public`."""
        return self.name if self.schema == PUBLIC else f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """The quoted, schema-qualified identifier."""
        return f"{quote(self.schema)}.{quote(self.name)}"


def quote(identifier: str) -> str:
    """Quote an identifier, always.

    Args:
        identifier: A name as the catalogs hold it.

    Returns:
        The name between double quotes, inner quotes doubled.
    """
    return '"' + identifier.replace('"', '""') + '"'


def unlike(name: str, names: Collection[str]) -> str:
    """Make a name that none of some others is: a row of a column's name would mean the column.

    Args:
        name: What to begin with.
        names: The others.

    Returns:
        The name, with as many underscores as it takes.
    """
    while name in names:
        name += "_"
    return name


def literal(text: str) -> str:
    """Quote a string constant for the places that take no parameter.

    Args:
        text: Any text without NUL.

    Returns:
        A constant that means the same whatever `standard_conforming_strings` says.
    """
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"


def parse_qualified(text: str) -> TableName:
    """Read a schema-qualified identifier as pg_dump writes it.

    Args:
        text: Such as `public."knowledge-elements"`.

    Returns:
        The two names, unquoted.

    Raises:
        ValueError: If the text is not such an identifier.
    """
    match = re.fullmatch(rf"({PART})\.({PART})", text)
    if match is None:
        raise ValueError(f"not a qualified name: {text}")
    schema, name = (
        part[1:-1].replace('""', '"') if part.startswith('"') else part
        for part in match.groups()
    )
    return TableName(schema, name)
