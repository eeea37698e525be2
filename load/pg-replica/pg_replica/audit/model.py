"""What an audit works with: tables on both sides, ranges of keys, differences."""

from __future__ import annotations

from dataclasses import dataclass, field

from entrepot_core.policy import columns
from entrepot_core.policy.tables import TableRule
from entrepot_core.postgres.identifiers import TableName, literal, quote, unlike
from entrepot_core.warehouse import deleted


@dataclass(frozen=True)
class Span:
    """A range of keys.

    Attributes:
        low: Above this key, as text; None for the first row on.
        high: Up to this key, included.
        rows: About how many rows the source has there.
    """

    low: str | None
    high: str
    rows: int


@dataclass(frozen=True)
class Audited:
    """A table on both sides.

    Attributes:
        stream: Its name among the streams.
        there: On the source.
        here: In the warehouse.
        key: The replication key.
        key_type: That column's type.
        high: The key up to which it is loaded.
        settled: The key up to which the source can add nothing more; None when not known yet.
        size: About how many rows it has here.
        names: The columns compared.
        rule: The table's rule: which of them arrive as pseudonyms.
        primary_key: Columns that tell rows apart here; empty when none do.
    """

    stream: str
    there: TableName
    here: TableName
    key: str
    key_type: str
    high: str
    settled: str | None
    size: int
    names: list[str]
    rule: TableRule
    primary_key: list[str]

    @property
    def keeps(self) -> bool:
        """Whether rows that the source has deleted stay here, marked."""
        return self.rule.keep_deleted

    @property
    def hidden(self) -> list[str]:
        """The compared columns that are pseudonyms here."""
        return [name for name in self.names if name in self.rule.pseudonymised]

    def row(self, letter: str = "r") -> str:
        """Give a table alias that is no column's name, else `alias::text` would be that column."""
        return quote(unlike(letter, self.names))

    def within(self, span: Span) -> str:
        """Write the condition for a range."""
        key = quote(self.key)
        text = f"{key} <= {literal(span.high)}::{self.key_type}"
        if span.low is None:
            return text
        return f"{key} > {literal(span.low)}::{self.key_type} AND {text}"

    def rows_there(self, span: Span) -> str:
        """Write the source's query for a range."""
        chosen = columns.chosen(self.names, self.rule)
        return f"SELECT {chosen} FROM {self.there.sql} WHERE {self.within(span)}"

    def rows_here(self, span: Span) -> str:
        """Write the warehouse's query for a range."""
        listed = ", ".join(map(quote, self.names))
        where = self.within(span)
        if self.keeps:
            where += f" AND {quote(deleted.COLUMN)} IS NULL"
        return f"SELECT {listed} FROM {self.here.sql} WHERE {where}"


@dataclass
class Findings:
    """What a slice showed.

    Attributes:
        compared: Rows compared, as the source counts them.
        ranges: Smallest ranges that differed.
        missing: Rows that only the source had.
        changed: Rows that both had, differently.
        surplus: Rows that only the warehouse had.
        low: Where the slice began.
        high: Where it ended.
        at_end: Whether nothing is left above.
        kept: What could not be made as the source's, and why; None if nothing.
        marks: Whether rows that only the warehouse had stay, marked.
    """

    compared: int = 0
    ranges: list[Span] = field(default_factory=list)
    missing: int = 0
    changed: int = 0
    surplus: int = 0
    low: str | None = None
    high: str | None = None
    at_end: bool = False
    kept: str | None = None
    marks: bool = False

    def add(self, other: Findings) -> None:
        """Add what a part of the slice showed."""
        self.compared += other.compared
        self.ranges += other.ranges
        self.missing += other.missing
        self.changed += other.changed
        self.surplus += other.surplus
        self.kept = other.kept or self.kept

    @property
    def differs(self) -> bool:
        """Whether anybody must hear of it: rows that are meant to stay are no difference."""
        return bool(self.missing or self.changed or (self.ranges and not self.marks))

    @property
    def sentence(self) -> str:
        """Say what differed."""
        surplus = (
            "that the source has deleted and that stay" if self.marks else "too many"
        )
        return (
            f"{self.missing} rows missing, {self.changed} changed, {self.surplus} {surplus}, in "
            f"{len(self.ranges)} ranges"
        )
