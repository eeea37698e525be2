"""Regular expressions for the lines behind a table, such as fit no line of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 40  # signs of a line


def pattern_of(lines: Sequence[str], first: int, table: Sequence[str]) -> str | None:
    """Make an expression for the first line of a footer.

    Args:
        lines: Of the file.
        first: The footer's line, from 1.
        table: Lines of the table.

    Returns:
        Its words up to the first figure, or more of it; None where the table has such lines too.
    """
    line = lines[first - 1].rstrip("\r")
    words = re.match(r"\W*[^\W\d]+(?:[^\w\n;,\t|\"]+[^\W\d]+)?", line)
    for start in (words[0] if words else "", line[:_LONGEST], line):
        if start.strip() or start.startswith("\x1a"):
            expression = re.compile(re.escape(start))
            if not any(map(expression.match, table)):
                return expression.pattern.replace("\\ ", " ")
    return None
