"""What a stream's schema asks of its table: columns, types, key, comments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from entrepot_core.postgres.identifiers import LONGEST_NAME, TableName
from entrepot_core.singer.keywords import INDEXES, ORIGIN, REFUSE_EMPTY, TYPE
from entrepot_target_postgres.errors import CannotLoad

# A time without a date has no type here: `time` would drop an offset, `timetz` invent one.
_FORMATS = {
    "date-time": "timestamp with time zone",
    "date": "date",
    "uuid": "uuid",
}
_TYPES = {"integer": "bigint", "number": "numeric", "boolean": "boolean"}
_NESTED = {"object", "array"}


@dataclass(frozen=True)
class Column:
    """A column as the schema wants it.

    Attributes:
        name: Whole, as the property's.
        type: As the schema or we spell it, not yet as the server does.
        comment: The property's description.
        is_native: Whether the schema itself gave the type.
    """

    name: str
    type: str
    comment: str | None
    is_native: bool


@dataclass(frozen=True)
class Shape:
    """A table as the schema wants it.

    Attributes:
        stream: Whose.
        table: Where.
        columns: In the schema's order.
        keys: The primary key's columns; none for a table without one.
        comment: The schema's description.
        origin: The columns that say where a row is from, for errors.
        indexes: Lists of columns, each of which has an index.
        refuses_empty: Whether rows may not be replaced by none.
    """

    stream: str
    table: TableName
    columns: list[Column]
    keys: list[str]
    comment: str | None
    origin: list[str]
    indexes: list[list[str]] = field(default_factory=list)
    refuses_empty: bool = False

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [column.name for column in self.columns]


def of_schema(
    stream: str, table: TableName, schema: dict[str, Any], keys: list[str]
) -> Shape:
    """Read a schema.

    Args:
        stream: The stream's name.
        table: Its table.
        schema: The JSON schema.
        keys: The stream's `key_properties`.

    Returns:
        What the table should be.

    Raises:
        CannotLoad: If a name is too long, or a key or an index is of no property.
    """
    properties = schema["properties"]
    for what, name in [
        ("schema", table.schema),
        ("table", table.name),
        *(("column", name) for name in properties),
    ]:
        if not name or "\0" in name or len(name.encode()) > LONGEST_NAME:
            raise CannotLoad(
                f"stream {stream}: {what} {name!r}: PostgreSQL takes names of 1 to "
                f"{LONGEST_NAME} bytes without NUL: rename it (in the tap, or with stream_maps)"
            )
    if unknown := [key for key in keys if key not in properties]:
        raise CannotLoad(
            f"stream {stream}: key_properties {', '.join(unknown)} are not properties of the schema"
        )
    columns = [
        Column(name, _type(each), each.get("description"), TYPE in each)
        for name, each in properties.items()
    ]
    origin = [name for name in schema.get(ORIGIN, []) if name in properties]
    indexes = schema.get(INDEXES, [])
    if unknown := [name for each in indexes for name in each if name not in properties]:
        raise CannotLoad(
            f"stream {stream}: {INDEXES} names {', '.join(unknown)}, which are not properties of "
            "the schema"
        )
    return Shape(
        stream,
        table,
        columns,
        keys,
        schema.get("description"),
        origin,
        indexes,
        schema.get(REFUSE_EMPTY, False),
    )


def holds_json_text(property_: dict[str, Any]) -> bool:
    """Say whether a `json` or `jsonb` column's values come as its text, to be read as it is.

    Args:
        property_: The column's, of the JSON schema.

    Returns:
        Whether they do.
    """
    return TYPE in property_ and _kinds(property_)[0] == {"string"}


def _type(property_: dict[str, Any]) -> str:
    if TYPE in property_:
        return str(property_[TYPE])
    kinds, formats = _kinds(property_)
    if kinds == {"integer", "number"}:
        return "numeric"
    if not kinds or kinds & _NESTED:
        return "jsonb"
    if kinds == {"string"} and len(formats) == 1:
        return _FORMATS.get(formats.pop(), "text")
    return _TYPES.get(kinds.pop(), "text") if len(kinds) == 1 else "text"


def _kinds(property_: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Collect the types that a property may have, and the formats of its strings."""
    written = property_.get("type", [])
    kinds = {written} if isinstance(written, str) else set(written)
    formats = {property_.get("format", "")} if "string" in kinds else set()
    for choice in (*property_.get("anyOf", []), *property_.get("oneOf", [])):
        more, other = _kinds(choice)
        kinds |= more
        formats |= other
    return kinds - {"null"}, formats
