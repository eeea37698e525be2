"""Sources and staging models of a replica's tables, as the house writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import yaml

from entrepot_core.postgres.identifiers import PUBLIC, TableName
from entrepot_ops.scaffold import names
from entrepot_ops.scaffold.catalog import Column, Replica, Table, source_schema

# A time by which rows come in, as people call it in some languages.
_OF_ROWS = (
    "created",
    "updated",
    "modified",
    "changed",
    "inserted",
    "logged",
    "cree",
    "maj",
    "date",
    "time",
    "_at",
)
_DAY = 86_400.0
# Days: how old the newest row is at most, and how old it may become before dbt warns.
_PATIENCE = ((1.1, 3), (7, 21))
Newest = Callable[[Table, Column], "datetime | None"]


@dataclass(frozen=True)
class Model:
    """A staging model.

    Attributes:
        table: Its table.
        name: Its name.
        source: The name of its dbt source.
        source_table: What the source calls the table.
        entity: What one row is called.
        columns: The model's name of each column of the table.
    """

    table: Table
    name: str
    source: str
    source_table: str
    entity: str
    columns: dict[str, str] = field(default_factory=dict)


def models(replica: Replica, domain: str, known: Mapping[str, str]) -> list[Model]:
    """Name the models of a replica.

    Args:
        replica: The replica.
        domain: The domain that they belong to.
        known: The names that tables have already: they keep them.

    Returns:
        One model for each table.
    """
    called = _table_names(replica, domain, known)
    found = []
    for table in replica.tables:
        schema = source_schema(table.name, replica.schema)
        other = names.snake(schema) or names.checksum(schema)
        entity = names.singular(_plain(table))
        found.append(
            Model(
                table,
                f"stg_{domain}__{called[table.name]}",
                domain if schema == PUBLIC else f"{domain}__{other}",
                called[table.name],
                entity,
                _columns(table, entity, replica.keywords),
            )
        )
    return found


def written(table: TableName, replica: str) -> str:
    """Write a table's name as the source has it.

    Args:
        table: The table in the warehouse.
        replica: The replica's schema.

    Returns:
        Its schema and name.
    """
    return f"{source_schema(table, replica)}.{table.name}"


def _plain(table: Table) -> str:
    return names.snake(table.name.name) or f"table_{names.checksum(table.name.name)}"


def _table_names(
    replica: Replica, domain: str, known: Mapping[str, str]
) -> dict[TableName, str]:
    """Give each table a name of its own; what is called so at the source comes first."""
    taken = set(known.values())
    room = names.LONGEST_MODEL - len(f"stg_{domain}__")
    found: dict[TableName, str] = {}
    for table in sorted(replica.tables, key=lambda t: _plain(t) != t.name.name):
        schema = source_schema(table.name, replica.schema)
        prefix = "" if schema == PUBLIC else f"{names.snake(schema)}_"
        name = known.get(written(table.name, replica.schema))
        found[table.name] = name or names.unique(
            f"{prefix}{_plain(table)}".lstrip("_"), taken, room
        )
        taken.add(found[table.name])
    return found


def _columns(table: Table, entity: str, keywords: frozenset[str]) -> dict[str, str]:
    """Name each column: the key by its entity, and no word that would need quotes."""
    found: dict[str, str] = {}
    plain = {each.name: names.snake(each.name) for each in table.columns}
    for each in table.columns:
        name = plain[each.name] or f"column_{each.number}"
        is_key = table.key == (each.name,) and name == "id"
        if is_key and f"{entity}_id" not in plain.values():
            name = f"{entity}_id"
        if name in keywords or name[0].isdigit():
            name = f"{entity}_{name}"
        if name[0].isdigit():
            name = f"_{name}"
        found[each.name] = names.unique(name, found.values(), names.LONGEST_COLUMN)
    return found


def sql(model: Model, keywords: frozenset[str]) -> str:
    """Write a model.

    Args:
        model: The model.
        keywords: Words that need quotes.

    Returns:
        Its SQL.
    """
    lines = []
    for each in model.table.columns:
        alias = model.columns[each.name]
        written = names.column(each.name, keywords)
        if each.cast_to:
            written += f"::{each.cast_to}"
        lines.append(written if written == alias else f"{written} as {alias}")
    source = f"{{{{ source('{model.source}', '{model.source_table}') }}}}"
    return "select\n    " + ",\n    ".join(lines) + f"\nfrom {source}\n"


def sources(replica: Replica, found: list[Model], newest: Newest) -> str:
    """Write the sources.

    Args:
        replica: The replica.
        found: Its models.
        newest: Finds a table's newest row.

    Returns:
        YAML.
    """
    listed: dict[str, dict[str, Any]] = {}
    for model in found:
        table = model.table
        source = listed.setdefault(model.source, _source(replica, model))
        entry: dict[str, Any] = {"name": model.source_table}
        if model.source_table != table.name.name:
            entry["identifier"] = names.jinja(table.name.name.replace('"', '""'))
        entry["description"] = _described(table.comment, table.name.name)
        if config := _freshness(table, newest, replica.keywords):
            entry["config"] = config
        commented = [
            {"name": names.jinja(each.name), "description": names.jinja(each.comment)}
            for each in table.columns
            if each.comment
        ]
        if commented:
            entry["columns"] = commented
        source["tables"].append(entry)
    return as_yaml({"version": 2, "sources": list(listed.values())})


def _source(replica: Replica, model: Model) -> dict[str, Any]:
    schema = source_schema(model.table.name, replica.schema)
    what = "" if schema == PUBLIC else f", schema {schema}"
    return {
        "name": model.source,
        "description": names.jinja(
            f"The replica {replica.schema}{what}, rebuilt each night"
        ),
        "schema": names.jinja(model.table.name.schema.replace('"', '""')),
        "loader": "pg-replica",
        "quoting": {"schema": True, "identifier": True},
        "tables": [],
    }


def _freshness(
    table: Table, newest: Newest, keywords: frozenset[str]
) -> dict[str, Any]:
    """Expect of a table that its newest row is as young as it is now, with some patience."""
    column = time_of(table)
    found = newest(table, column) if column else None
    if column is None or found is None:
        return {}
    age = (datetime.now(timezone.utc) - found).total_seconds() / _DAY
    for youngest, patience in _PATIENCE:
        if age <= youngest:
            return {
                "loaded_at_field": f"{names.column(column.name, keywords)}::timestamptz",
                "freshness": {
                    "warn_after": {"count": patience, "period": "day"},
                    "error_after": None,
                },
            }
    return {}


def _likelihood(column: Column) -> tuple[int, int]:
    """Say how likely a column tells when a row came; the smaller the likelier."""
    name = names.snake(column.name)
    places = [place for place, word in enumerate(_OF_ROWS) if word in name]
    return (places[0] if places else len(_OF_ROWS), column.number)


def time_of(table: Table) -> Column | None:
    """Find the column that says when a table's rows came.

    Args:
        table: The table.

    Returns:
        The likeliest column; None where no column looks like it.
    """
    for each in sorted(table.columns, key=_likelihood):
        if each.is_time and _likelihood(each)[0] < len(_OF_ROWS):
            return each
    return None


def properties(found: list[Model]) -> str:
    """Write descriptions and data tests of the models.

    Args:
        found: The models.

    Returns:
        YAML.
    """
    by_table = {model.table.name: model for model in found}
    return as_yaml({"version": 2, "models": [_model(each, by_table) for each in found]})


def _model(model: Model, by_table: Mapping[TableName, Model]) -> dict[str, Any]:
    table = model.table
    entry: dict[str, Any] = {
        "name": model.name,
        "description": _described(table.comment, table.name.name),
    }
    if len(table.key) > 1:
        key = [model.columns[name] for name in table.key]
        entry["data_tests"] = [{"is_key_together": {"arguments": {"columns": key}}}]
    referred = {each.column: each for each in table.references}
    entry["columns"] = []
    for each in table.columns:
        column: dict[str, Any] = {
            "name": model.columns[each.name],
            "description": _described(each.comment, each.name),
        }
        tests: list[Any] = []
        if table.key == (each.name,):
            arguments = {"source_column": names.jinja(each.name)}
            tests.append({"is_key": {"arguments": arguments}})
        reference = referred.get(each.name)
        if reference and reference.table in by_table:
            tests.append(_relationship(by_table[reference.table], reference.referred))
        if tests:
            column["data_tests"] = tests
        entry["columns"].append(column)
    return entry


def _relationship(other: Model, referred: str) -> dict[str, Any]:
    return {
        "relationships": {
            "arguments": {
                "to": f"ref('{other.name}')",
                "field": other.columns[referred],
            },
            # Tables that are read at another moment, or a key that the source does not enforce.
            "config": {"severity": "warn"},
        }
    }


def _described(comment: str | None, name: str) -> str:
    return names.jinja((comment or "").strip() or f"As the source's {name}")


def as_yaml(content: Any) -> str:
    """Write YAML as the project's files have it.

    Args:
        content: What to write.

    Returns:
        The text.
    """
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
