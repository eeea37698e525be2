"""The lines of a proposal: one decision each, with its reason and its confidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.identifiers import PUBLIC, TableName
from pg_replica.personal.model import PROPOSED, TableFacts, Verdict
from pg_replica.proposal.catalog import SourceColumn, SourceTable
from pg_replica.proposal.modes import propose
from pg_replica.proposal.sample import Samples

_MEDIUM, _HIGH = 0.65, 0.8

Reader = Callable[[SourceTable], Samples]


@dataclass(frozen=True)
class Line:
    """A decision that is proposed.

    Attributes:
        table: The table.
        column: The column; None for a mode of the table.
        value: `pseudonymise` or `exclude`; or a mode.
        confidence: From 0 to 1.
        reason: Why, in a sentence without any value.
        settings: What goes with a mode: key and replication key.
    """

    table: TableName
    column: str | None
    value: str
    confidence: float
    reason: str
    settings: tuple[tuple[str, str | list[str]], ...] = ()

    @property
    def name(self) -> str:
        """How the line is called: as the policy spells the table, and the column behind a dot."""
        table = spelled(self.table)
        return table if self.column is None else f"{table}.{self.column}"

    @property
    def degree(self) -> str:
        """The confidence as a word."""
        if self.confidence >= _HIGH:
            return "high"
        return "medium" if self.confidence >= _MEDIUM else "low"

    @property
    def remark(self) -> str:
        """What stands beside it in the policy."""
        return f"{self.reason} ({self.degree}, {self.confidence:.2f})"


def spelled(table: TableName) -> str:
    """Spell a table as the policy does.

    Args:
        table: The table.

    Returns:
        Its name, its schema before it outside `public`.
    """
    return table.name if table.schema == PUBLIC else f"{table.schema}.{table.name}"


def lines(
    tables: Iterable[SourceTable], policy: Policy, read: Reader, modes: set[TableName]
) -> list[Line]:
    """Propose what the policy does not say yet.

    Args:
        tables: The source's tables.
        policy: The policy, names resolved: what it decides is not proposed again.
        read: Reads a sample of a table.
        modes: Tables whose mode is decided.

    Returns:
        The lines, table by table.
    """
    found: list[Line] = []
    for table in tables:
        rule = policy.rule(table.name)
        if table.name not in modes and (mode := propose(table)):
            settings: tuple[tuple[str, str | list[str]], ...] = ()
            if mode.replication_key:
                settings = (
                    ("key", list(mode.key)),
                    ("replication_key", mode.replication_key),
                )
            found.append(
                Line(
                    table.name, None, mode.mode, mode.confidence, mode.reason, settings
                )
            )
        if rule.mode == "none":
            continue
        found += [
            _line(table, column, verdict)
            for column, verdict in verdicts(table, read(table))
            if column.facts.name not in {*rule.columns, *rule.kept}
        ]
    return found


def verdicts(
    table: SourceTable, samples: Samples
) -> list[tuple[SourceColumn, Verdict]]:
    """Find the columns of a table that look personal and that a policy can name.

    Args:
        table: The table.
        samples: A few values of its columns.

    Returns:
        The columns, in the table's order; computed ones go with those that they are computed from.
    """
    from pg_replica.personal.judge import (
        judge,  # with what knows numbers of all countries
    )

    facts = [column.facts for column in table.columns]
    said = judge(TableFacts(table.name.name, facts, samples))
    return [
        (column, verdict)
        for column in table.columns
        if not column.generated
        and not column.counts_up
        and (verdict := said.get(column.facts.name))
        and verdict.confidence >= PROPOSED
    ]


def _line(table: SourceTable, column: SourceColumn, verdict: Verdict) -> Line:
    value = verdict.action
    if column.in_key or column.referenced or column.parts:
        value = "pseudonymise"  # a key cannot be left out, and joins hold
    reason = f"{verdict.says}: {'; '.join(verdict.reasons)}"
    return Line(table.name, column.facts.name, value, verdict.confidence, reason)
