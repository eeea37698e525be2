"""Columns that no night has brought yet and that look personal: said, or held until decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.warehouse.schemas import Naming
from pg_replica.dump.items import Item, ancestors, parents, schemas_of
from pg_replica.personal.model import Verdict
from pg_replica.proposal import catalog
from pg_replica.proposal.catalog import SourceColumn, SourceTable
from pg_replica.proposal.lines import verdicts
from pg_replica.proposal.sample import Sampler
from pg_replica.settings import Settings

_SECONDS = 10.0  # for samples of all new columns, while the source's snapshot is held
_DECIDE = "say in the table policy what becomes of it (pg-replica propose)"


# A dump makes its keys last, when no column can be taken out of them any more.
_PRIMARY_KEY = re.compile(r"\sPRIMARY KEY \(([^()]*)\)")


@dataclass(frozen=True)
class NewColumn:
    """A column that no night has brought, and that looks personal.

    Attributes:
        table: Its table.
        name: Its name.
        finding: What is said of it, in a sentence without any value.
    """

    table: TableName
    name: str
    finding: str


class NewColumns:
    """What of a source is new, and looks personal.

    Args:
        settings: The variables.
        live: The columns of the live night, by the names of its relations.
        policy: The policy, names resolved: what it decides is not new; takes what is held.
        items: What the source holds.
    """

    def __init__(
        self,
        settings: Settings,
        live: Mapping[TableName, set[str]],
        policy: Policy,
        items: list[Item],
    ) -> None:
        self._naming = Naming(settings.replica_schema)
        self._hold = settings.new_columns == "hold"
        self._live = live
        self._policy = policy
        self._parents = parents(items)
        self._schemas = set(schemas_of(items))
        self._keys = {
            item.table: _listed(keyed.group(1))
            for item in items
            if item.kind == "CONSTRAINT" and (keyed := _PRIMARY_KEY.search(item.sql))
        }

    def of_source(
        self, source: Database, columns: Mapping[TableName, list[str]]
    ) -> list[NewColumn]:
        """Look at a live source, with a few values of what is new.

        Args:
            source: The source.
            columns: Its columns under the snapshot.

        Returns:
            What was found; on most nights nothing is new, and nothing is read.
        """
        if not any(self._fresh(table, names) for table, names in columns.items()):
            return []
        with source.connect(purpose="new columns") as session:
            tables = catalog.read(session)
        sampler = Sampler(source, _SECONDS)
        try:
            return self._found(tables, sampler)
        finally:
            sampler.close()

    def of_landing(self, landing: psycopg.Connection) -> list[NewColumn]:
        """Look at tables that a dump has made, by their names.

        Args:
            landing: A session on the warehouse, the tables made and empty.

        Returns:
            What was found.
        """
        if not (self._live or self._hold):
            return []
        tables = catalog.read(landing)
        return self._found([t for t in tables if t.name.schema in self._schemas], None)

    def _fresh(self, table: TableName, names: Iterable[str]) -> set[str]:
        """Give the columns that nobody has decided on and no night has brought."""
        rule = self._policy.rule(table)
        if rule.mode == "none" or not (self._live or self._hold):
            return set()
        live = TableName(self._naming.live(table.schema), table.name)
        return {*names} - self._live.get(live, set()) - {*rule.columns, *rule.kept}

    def _found(
        self, tables: Iterable[SourceTable], sampler: Sampler | None
    ) -> list[NewColumn]:
        found: list[NewColumn] = []
        for table in tables:
            fresh = self._fresh(
                table.name, (column.facts.name for column in table.columns)
            )
            if not fresh:
                continue
            samples = sampler.sample(table, fresh) if sampler else {}
            found += [
                self._judged(table, column, verdict)
                for column, verdict in verdicts(table, samples)
                if column.facts.name in fresh
            ]
        return found

    def _judged(
        self, table: SourceTable, column: SourceColumn, verdict: Verdict
    ) -> NewColumn:
        looks = (
            f"is new and looks personal ({verdict.says}: {'; '.join(verdict.reasons)}; "
            f"{verdict.degree})"
        )
        name = column.facts.name
        if not self._hold:
            return NewColumn(table.name, name, f"{looks}: it comes; {_DECIDE}")
        if self._policy.rule(table.name).mode == "incremental":
            does = "append tables take new columns as they come"
        elif column.in_key or column.parts or name in self._keys.get(table.name, ()):
            does = "it is part of a key, so its table stays out until then"
            self._change(table.name, None)
        else:
            does = "it stays out until then"
            self._change(table.name, name)
        return NewColumn(table.name, name, f"{looks}: {does}; {_DECIDE}")

    def _change(self, table: TableName, column: str | None) -> None:
        """Keep a column, or the table, out; of partitions and children too."""
        below = [c for c in self._parents if table in ancestors(c, self._parents)]
        for each in [table, *below]:
            rule = self._policy.rule(each)
            self._policy.rules[each] = rule.model_copy(
                update={"columns": {**rule.columns, column: "exclude"}}
                if column
                else {"mode": "none"}
            )


def _listed(columns: str) -> set[str]:
    """Read the columns of a key, as pg_dump writes them."""
    return {
        column.strip().strip('"').replace('""', '"') for column in columns.split(",")
    }
