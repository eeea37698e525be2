"""What the detector is told of a table and its columns, and what it says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PROPOSED = 0.5  # from here on a column is proposed
_MEDIUM, _HIGH = 0.65, 0.8
_CLASSES = (
    ("t", r"text|character|char|varchar|citext|name|bpchar|xml|enum"),
    ("n", r"smallint|integer|bigint|int[248]?"),
    ("f", r"numeric|real|double precision|money|decimal|float[48]?"),
    ("d", r"date|time|timestamp|timestamptz|interval|timetz"),
    ("b", r"boolean|bool|bit"),
    ("y", r"bytea|oid"),
    ("j", r"jsonb?|hstore"),
    ("i", r"inet|cidr|macaddr8?"),
    ("u", r"uuid"),
)
_SCHEMA = re.compile(r'^(?:"[^"]+"|\w+)\.')
_CLASS_OF = [(letter, re.compile(rf"(?:{words})\b")) for letter, words in _CLASSES]


@dataclass(frozen=True)
class ColumnFacts:
    """A column, as the catalog has it.

    Attributes:
        name: Its name.
        type: As `format_type` spells it; a domain's base type.
        comment: What its owner says of it.
        type_name: The name of the domain, enum or composite type that somebody made; else "".
    """

    name: str
    type: str
    comment: str = ""
    type_name: str = ""

    @property
    def type_class(self) -> str:
        """A letter: t text, n integer, f other numbers, d time, b, y, j, i, u, or x."""
        spelled = _SCHEMA.sub("", self.type)
        for letter, pattern in _CLASS_OF:
            if pattern.match(spelled):
                return letter
        return "x"


@dataclass(frozen=True)
class TableFacts:
    """A table, as the catalog has it.

    Attributes:
        name: Its name, without its schema.
        columns: In order.
        samples: A few values of each column as text, None for NULL; none where nothing was read.
    """

    name: str
    columns: Sequence[ColumnFacts]
    samples: Mapping[str, Sequence[str | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What is said of a column.

    Attributes:
        kind: What it seems to hold: a name of `words.yml`, or `unknown`.
        says: The same for people.
        action: What is proposed: `pseudonymise` or `exclude`.
        confidence: From 0 to 1.
        reasons: Why, each a few words, with no value of a row.
    """

    kind: str
    says: str
    action: str
    confidence: float
    reasons: tuple[str, ...]

    @property
    def is_proposed(self) -> bool:
        """Whether the column looks personal."""
        return self.confidence >= PROPOSED

    @property
    def degree(self) -> str:
        """The confidence as a word."""
        if self.confidence >= _HIGH:
            return "high"
        return "medium" if self.confidence >= _MEDIUM else "low"
