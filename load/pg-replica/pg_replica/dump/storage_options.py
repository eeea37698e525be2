"""Storage parameters that a server keeps for itself, left out of statements.

A pg_dump of an older minor release prints them, and a server of an older one refuses them.
"""

from __future__ import annotations

from collections.abc import Iterator

from pg_replica.dump.lexer import QUOTED, SYMBOL, WORD, Token, tokens

_INTERNAL = frozenset({"pg_attver"})
_IN_TEXT = tuple(name.encode() for name in _INTERNAL)


def without_internal(statement: bytes) -> bytes | None:
    """Leave out a server's internal storage parameters.

    Args:
        statement: An `ALTER … SET (…)` or `CREATE … WITH (…)` of a table, index or view; any other
            statement comes back as it is.

    Returns:
        The statement; None when nothing is left to do.
    """
    if not any(name in statement for name in _IN_TEXT):
        return statement
    found = list(tokens(statement))
    if not found or found[0].text not in (b"ALTER", b"CREATE"):
        return statement
    for start, end in reversed(list(_option_lists(found))):
        entries = list(_entries(found[start + 1 : end]))
        kept = [entry for entry in entries if entry[0].name not in _INTERNAL]
        if len(kept) == len(entries):
            continue
        if not kept and found[start - 1].text == b"SET":
            return None
        statement = _with_options(statement, found, start, end, kept)
    return statement


def _option_lists(found: list[Token]) -> Iterator[tuple[int, int]]:
    """Give where lists of options open and close, by their tokens' places."""
    depth = 0
    for place, token in enumerate(found):
        if depth == 0 and token.text == b"AS" and token.kind == WORD:
            return  # a query follows
        if token.kind != SYMBOL or token.text not in b"()":
            continue
        depth += 1 if token.text == b"(" else -1
        if token.text == b"(" and _opens_options(found, place, depth):
            end = next(
                (i for i in range(place, len(found)) if found[i].text == b")"), None
            )
            if end is not None:
                yield place, end


def _opens_options(found: list[Token], place: int, depth: int) -> bool:
    """Say whether a parenthesis opens options: after SET or WITH, or after an operator class."""
    before = found[place - 1]
    if depth == 1:
        return before.kind == WORD and before.text in (b"SET", b"WITH")
    if depth != 2 or before.kind not in (WORD, QUOTED):
        return False
    # In an index a name after a name is an operator class; a function's name begins a column.
    head = place - 1
    if found[head - 1].text == b".":
        head -= 2
    return found[head - 1].kind in (WORD, QUOTED) or found[head - 1].text == b")"


def _entries(found: list[Token]) -> Iterator[list[Token]]:
    entry: list[Token] = []
    for token in found:
        if token.text == b",":
            yield entry
            entry = []
        else:
            entry.append(token)
    if entry:
        yield entry


def _with_options(
    statement: bytes, found: list[Token], start: int, end: int, kept: list[list[Token]]
) -> bytes:
    begin = start if kept or found[start - 1].text != b"WITH" else start - 1
    head = statement[: found[begin].start]
    tail = statement[found[end].end :]
    if not kept:
        return head.rstrip() + tail
    listed = b", ".join(statement[entry[0].start : entry[-1].end] for entry in kept)
    return head + b"(" + listed + b")" + tail
