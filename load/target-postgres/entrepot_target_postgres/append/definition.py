"""The definition of an append table, as the warehouse has it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from entrepot_core.postgres.identifiers import TableName
from entrepot_core.singer.table_definition import Column, Index, TableDefinition
from entrepot_core.warehouse.schemas import Naming
from entrepot_target_postgres.append.user_types import Types


@dataclass(frozen=True)
class Definition:
    """What the source's catalogs say of a table, in the warehouse's names.

    Attributes:
        stream: The stream's name.
        source: The table on the source.
        name: The table in the warehouse.
        live: The view of the table beside the replica's others.
        columns: In order.
        indexes: Those of the source.
        extra_indexes: By name what follows `ON table` in the table policy.
        comment: The table's.
        primary_key: Columns that tell rows apart; empty when none do.
        key: The replication key.
        key_type: That column's type.
        types: The types that the source's owner made.
        keep_deleted: Whether rows that the source deletes stay, marked.
        emptied: The columns that are NULL in such rows.
        distribution: The column by which rows are distributed, where Citus is there.
    """

    stream: str
    source: TableName
    name: TableName
    live: TableName
    columns: list[Column]
    indexes: list[Index]
    extra_indexes: dict[str, str]
    comment: str | None
    primary_key: list[str]
    key: str
    key_type: str
    types: Types
    keep_deleted: bool
    emptied: list[str]
    distribution: str | None = None

    @property
    def numbers(self) -> dict[str, int]:
        """The source's number of each column, by its name."""
        return {column.name: column.number for column in self.columns}

    @property
    def is_key_alone(self) -> bool:
        """Whether the replication key tells rows apart: then a range can be replaced whole."""
        return self.primary_key in ([], [self.key])


def read(stream: str, definition: TableDefinition, naming: Naming) -> Definition:
    """Write the source's definition in the warehouse's names.

    Args:
        stream: The stream's name.
        definition: As the tap read it from the source's catalogs.
        naming: The schemas' names.

    Returns:
        The definition.
    """
    source = TableName(definition.schema, definition.table)
    types = Types(definition.types, naming.incremental)
    columns = [
        replace(
            column,
            type=types.here(column.type),
            expression=column.expression and types.translated(column.expression),
        )
        for column in definition.columns
    ]
    return Definition(
        stream=stream,
        source=source,
        name=TableName(naming.incremental, source.name),
        live=TableName(naming.live(source.schema), source.name),
        columns=columns,
        indexes=[
            _kept(
                replace(index, definition=types.translated(index.definition)),
                definition,
            )
            for index in definition.indexes
        ],
        extra_indexes=definition.extra_indexes,
        comment=definition.comment,
        primary_key=definition.primary_key,
        key=definition.replication_key,
        key_type=types.here(definition.key_column.type),
        types=types,
        keep_deleted=definition.keep_deleted,
        emptied=definition.emptied,
        distribution=definition.distribution,
    )


def _kept(index: Index, definition: TableDefinition) -> Index:
    """Let a row that stays not refuse the one that has its value now: only keys are unique."""
    is_key = index.constraint == "p" or (
        index.unique and set(index.columns) == set(definition.primary_key)
    )
    if is_key or not definition.keep_deleted:
        return index
    text = index.definition.replace("CREATE UNIQUE INDEX ", "CREATE INDEX ", 1)
    return replace(index, definition=text, unique=False, constraint=None)
