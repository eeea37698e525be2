"""What settings have let pass in one file, counted, so that it can be said."""

from __future__ import annotations

from dataclasses import dataclass, field

SKIPPED = "lines before the header left out"
SEPARATOR = "line `sep=` left out"
COMMENTS = "comment lines left out"
FOOTERS = "lines of the footer left out"
TAILS = "line tails cut off"
QUOTES = "lines with bare quotes mended"
SHORT = "short rows filled with NULL"
EMPTY_NAMES = "empty names of columns numbered"
DUPLICATES = "names of columns that were there before numbered"


@dataclass
class Forgiven:
    """Counts by kind, each with the line where it was first met.

    Attributes:
        counts: How often.
        first: The line, from 1.
    """

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, line: int, count: int = 1) -> None:
        """Count.

        Args:
            kind: One of the module's names.
            line: Of the file, from 1.
            count: How often.
        """
        self.counts[kind] = self.counts.get(kind, 0) + count
        self.first.setdefault(kind, line)

    def __str__(self) -> str:
        """Say all of it in one line; empty where there was nothing."""
        return "; ".join(
            f"{kind}: {count:,} (first: line {self.first[kind]:,})"
            for kind, count in self.counts.items()
        )
