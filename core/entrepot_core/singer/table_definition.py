"""The definition of an append table: the value of the keyword `x-postgres` in a stream's schema.

The tap reads it from the source's catalogs; the target makes the table from it. Every text of SQL
is PostgreSQL's own, read with an empty `search_path`, so that names outside `pg_catalog` are
qualified. Shape:

    {"schema": "public", "table": "answers", "comment": null,
     "columns": [{"name": "id", "type": "bigint", …}], "primary_key": ["id"],
     "replication_key": "id", "indexes": [{"name": "answers_pkey", …}],
     "extra_indexes": {"answers_by_user": "USING btree (user_id)"},
     "types": [{"kind": "e", "type": "public.mood", "labels": ["sad", "happy"]}],
     "keep_deleted": false, "emptied": [], "distribution": null}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from entrepot_core.singer import validation
from entrepot_core.singer.keywords import TABLE_DEFINITION
from entrepot_core.singer.validation import Validated


@dataclass(frozen=True)
class Column(Validated):
    """A column, as the warehouse can have it.

    Attributes:
        name: Its name.
        type: As `format_type` spells it, length and precision included.
        not_null: Whether it is NOT NULL.
        generated: `s` for a stored and `v` for a virtual generated column; None for any other.
        expression: Its default, or what generates it, as SQL; None for neither.
        comment: The source's comment.
        base: The type's name in `pg_type`, without length or precision.
        number: `attnum` on the source, which a new name does not change.
        former: The text of the value that rows have which are older than the column.
        collation: A collation of `pg_catalog` other than the type's own.
        binary: Whether its values may travel in COPY's binary format.
    """

    name: str
    type: str
    not_null: bool
    generated: str | None
    expression: str | None
    comment: str | None
    base: str
    number: int
    former: str | None
    collation: str | None
    binary: bool = True


@dataclass(frozen=True)
class Index(Validated):
    """An index that the warehouse can have.

    Attributes:
        name: Its name.
        definition: The whole CREATE INDEX statement, on the source's table.
        unique: Whether it is unique.
        constraint: `p` or `u` where it belongs to a primary key or unique constraint.
        deferrable: Whether that constraint is.
        deferred: Whether it is initially deferred.
        columns: The key columns in order; None for an expression.
    """

    name: str
    definition: str
    unique: bool
    constraint: str | None
    deferrable: bool
    deferred: bool
    columns: list[str | None]


@dataclass(frozen=True)
class EnumType(Validated):
    """An enum.

    Attributes:
        type: As `format_type` spells it.
        labels: In their order.
    """

    type: str
    labels: list[str]
    kind: Literal["e"] = "e"


@dataclass(frozen=True)
class DomainType(Validated):
    """A domain.

    Attributes:
        type: As `format_type` spells it.
        base: The type that it restricts.
        checks: Name and definition of each constraint.
    """

    type: str
    base: str
    checks: list[list[str]]
    kind: Literal["d"] = "d"


@dataclass(frozen=True)
class CompositeType(Validated):
    """A composite type.

    Attributes:
        type: As `format_type` spells it.
        attributes: Name and type of each.
    """

    type: str
    attributes: list[list[str]]
    kind: Literal["c"] = "c"


@dataclass(frozen=True)
class RangeType(Validated):
    """A range.

    Attributes:
        type: As `format_type` spells it.
        subtype: Of its bounds.
        operators: The operator class, when it is not the subtype's default.
        multirange: Its multirange's name; None before PostgreSQL 14.
    """

    type: str
    subtype: str
    operators: str | None
    multirange: str | None
    kind: Literal["r"] = "r"


@dataclass(frozen=True)
class MultirangeType(Validated):
    """A multirange, which comes with its range.

    Attributes:
        type: As `format_type` spells it.
    """

    type: str
    kind: Literal["m"] = "m"


UserType = EnumType | DomainType | CompositeType | RangeType | MultirangeType


@dataclass(frozen=True)
class TableDefinition(Validated):
    """An append table.

    Attributes:
        schema: Its schema on the source.
        table: Its name.
        comment: The source's comment.
        columns: Those that are carried, in the order of the source's.
        primary_key: What tells rows apart; empty when nothing does.
        replication_key: The column that new rows follow.
        indexes: The source's that the warehouse can have.
        extra_indexes: The policy's own, by name: what follows `CREATE INDEX … ON …`.
        types: Types of the source's owner that columns use, each after those it needs.
        keep_deleted: Whether rows that the source deletes stay, marked.
        emptied: The columns that are NULL in such rows.
        distribution: The column by which a warehouse of several machines distributes the rows.
    """

    schema: str
    table: str
    comment: str | None
    columns: list[Column]
    primary_key: list[str]
    replication_key: str
    indexes: list[Index]
    extra_indexes: dict[str, str]
    types: list[UserType]
    keep_deleted: bool = False
    emptied: list[str] = field(default_factory=list)
    distribution: str | None = None

    @property
    def key_column(self) -> Column:
        """The column of the replication key."""
        return self.column(self.replication_key)

    @property
    def copied(self) -> list[Column]:
        """The columns whose values travel: all but the generated ones."""
        return [column for column in self.columns if not column.generated]

    @property
    def numbers(self) -> dict[str, int]:
        """The source's number of each column, by name."""
        return {column.name: column.number for column in self.columns}

    def column(self, name: str) -> Column:
        """Find a column.

        Args:
            name: Its name; it is there.

        Returns:
            The column.
        """
        return next(column for column in self.columns if column.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Write it as the keyword's value."""
        return asdict(self)

    @classmethod
    def of_schema(cls, stream: str, schema: dict[str, Any]) -> TableDefinition | None:
        """Read the definition that a stream's schema carries.

        Args:
            stream: The stream's name, for messages.
            schema: Its JSON schema.

        Returns:
            The definition; None for a stream that carries none.

        Raises:
            MalformedMessage: If the keyword's value is not of this form, or its replication key
                is none of its columns.
        """
        if TABLE_DEFINITION not in schema:
            return None
        what = f"stream {stream}: {TABLE_DEFINITION} in its schema"
        definition = validation.read(cls, schema[TABLE_DEFINITION], what)
        names = definition.numbers.keys()
        if unknown := {definition.replication_key, *definition.primary_key} - names:
            raise validation.MalformedMessage(
                f"{what} is malformed: {', '.join(sorted(unknown))}: no such column"
            )
        return definition
