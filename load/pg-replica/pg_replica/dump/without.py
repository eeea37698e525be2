"""The definition of a table without what the warehouse cannot have: rows do not depend on it.

An extension that is not there takes defaults and CHECKs along, and the types of columns that the
policy brings as text. A server that is older than the source has no virtual generated columns, and
no constraints that are not enforced. What rows hold stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pg_replica.dump.lexer import SYMBOL, WORD, Token, tokens

KNOWS = 180000  # the first version with virtual columns, temporal keys, NOT ENFORCED
_NOT_OF_COLUMNS = frozenset((b"CONSTRAINT", b"CHECK", b"EXCLUDE", b"LIKE"))


@dataclass(frozen=True)
class Lacking:
    """What a table goes without.

    Attributes:
        text: Columns that are of type text.
        bare: Columns without default, and not generated.
        constraints: Constraints that are left out.
        loose: Columns that may lose NOT NULL, or be stored instead of virtual.
    """

    text: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    constraints: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()

    def __or__(self, other: Lacking) -> Lacking:
        """Add what else it goes without."""
        return Lacking(
            self.text | other.text,
            self.bare | other.bare,
            self.constraints | other.constraints,
            self.loose | other.loose,
        )


NOTHING = Lacking()


def simplified(statement: bytes, lacking: Lacking, version: int) -> bytes:
    """Write a table's definition without what the warehouse cannot have.

    Args:
        statement: A statement of a dump's item of kind TABLE.
        lacking: What it goes without.
        version: The warehouse's, as `server_version_num`.

    Returns:
        The statement, the same where nothing is lacking; any other statement as it is.
    """
    is_older = version < KNOWS
    if not (is_older or lacking.text or lacking.bare or lacking.constraints):
        return statement
    found = list(tokens(statement))
    first = _opening(found)
    if first is None:
        return statement
    kept, changed = [], False
    elements = list(_elements(found, first))
    for element, _ in elements:
        text = statement[element[0].start : element[-1].end] if element else b""
        new = _element(text, element, lacking, is_older=is_older)
        changed = changed or new != text
        if new:
            kept.append(new)
    if not changed:
        return statement
    inner = b",\n    ".join(kept)
    head, tail = (
        statement[: found[first].end],
        statement[found[elements[-1][1]].start :],
    )
    return head + b"\n    " + inner + b"\n" + tail


def is_newer(statement: bytes, version: int) -> bool:
    """Say whether a constraint is of a kind that the warehouse does not know.

    Args:
        statement: ALTER TABLE … ADD CONSTRAINT, as pg_dump writes it.
        version: The warehouse's, as `server_version_num`.

    Returns:
        Whether it is a temporal key, not enforced, or a NOT NULL with a name.
    """
    if version >= KNOWS or not statement.startswith(b"ALTER TABLE"):
        return False
    found = list(tokens(statement))
    places = range(len(found))
    added = next((p for p in places if _at(found, p, b"ADD", b"CONSTRAINT")), None)
    if added is None:
        return False
    rest = found[added + 3 :]
    return _at(rest, 0, b"NOT", b"NULL") or any(
        _at(rest, place, b"WITHOUT", b"OVERLAPS")
        or _at(rest, place, b"NOT", b"ENFORCED")
        or _is_period(rest[place : place + 2])
        for place in range(len(rest))
    )


def _is_period(pair: list[Token]) -> bool:
    """Say whether a foreign key names a period here: FOREIGN KEY (a, PERIOD b)."""
    return _at(pair, 0, b"PERIOD") and len(pair) > 1 and pair[1].name is not None


def _opening(found: list[Token]) -> int | None:
    """Find the parenthesis of the columns: CREATE [UNLOGGED] TABLE schema.name [OF …] (."""
    words = [token.text for token in found[:3]]
    if b"TABLE" not in words or words[0] != b"CREATE":
        return None
    for place, token in enumerate(found):
        if token.kind == SYMBOL and token.text == b"(":
            return place
        if token.kind == WORD and token.text in (b"PARTITION", b"WITH", b"INHERITS"):
            return None
    return None


def _elements(found: list[Token], first: int) -> Iterator[tuple[list[Token], int]]:
    """Give each column and constraint, and the place of what stands behind it."""
    depth, begin = 0, first + 1
    for place in range(first, len(found)):
        token = found[place]
        if token.kind != SYMBOL:
            continue
        depth += (token.text in b"([") - (token.text in b")]")
        if depth == 0 or (depth == 1 and token.text == b","):
            yield found[begin:place], place
            begin = place + 1
            if depth == 0:
                return


def _element(
    text: bytes, element: list[Token], lacking: Lacking, *, is_older: bool
) -> bytes:
    """Write an element anew; nothing if it is left out."""
    if not element:
        return text
    head = element[0]
    if head.kind == WORD and head.text in _NOT_OF_COLUMNS:
        name = element[1].name if len(element) > 1 else None
        gone = name in lacking.constraints or (is_older and _is_newer(element))
        return b"" if gone else text
    if head.name in lacking.text:
        return text[: head.end - head.start] + b" text"
    if head.name in lacking.bare:
        return _bare(text, element)
    return _inherited(_stored(text, element)) if is_older else text


def _is_newer(element: list[Token]) -> bool:
    """Say whether a constraint is one that only newer servers know: not enforced, or NOT NULL."""
    words = [token.text for token in element if token.kind == WORD]
    return words[-2:] == [b"NOT", b"ENFORCED"] or _at(element, 2, b"NOT", b"NULL")


def _inherited(text: bytes) -> bytes:
    """Take NO INHERIT from a column's NOT NULL."""
    found = list(tokens(text))
    if _at(found, max(0, len(found) - 4), b"NOT", b"NULL", b"NO", b"INHERIT"):
        return text[: found[-3].end]
    return text


def _at(element: list[Token], place: int, *words: bytes) -> bool:
    found = [token.text for token in element[place : place + len(words)]]
    return found == list(words)


def _top(element: list[Token]) -> Iterator[tuple[int, Token]]:
    """Give the tokens that are in no parenthesis."""
    depth = 0
    for place, token in enumerate(element):
        if token.kind == SYMBOL:
            depth += (token.text in b"([") - (token.text in b")]")
        elif depth == 0:
            yield place, token


def _bare(text: bytes, element: list[Token]) -> bytes:
    """Take the default away, or the way in which it is generated; NOT NULL stays."""
    start = element[0].start
    words = [(p, t) for p, t in _top(element) if t.kind == WORD and p > 0]
    first = next((t for _, t in words if t.text in (b"DEFAULT", b"GENERATED")), None)
    if first is None:
        return text
    rest = b""
    for place, token in words:
        if token.start > first.start and _at(element, place, b"NOT", b"NULL"):
            rest = b" NOT NULL"
    return text[: first.start - start].rstrip() + rest


def _stored(text: bytes, element: list[Token]) -> bytes:
    """Store what is computed when it is read: an older server knows no other way."""
    words = [(p, t) for p, t in _top(element) if t.kind == WORD and p > 0]
    generated = next((p for p, t in words if t.text == b"GENERATED"), None)
    if generated is None or not _at(element, generated, b"GENERATED", b"ALWAYS", b"AS"):
        return text
    if element[generated + 3].text != b"(":
        return text  # an identity column
    depth = 0
    for place in range(generated + 3, len(element)):
        token = element[place]
        if token.kind == SYMBOL:
            depth += (token.text in b"([") - (token.text in b")]")
        if depth == 0:
            behind = text[token.end - element[0].start :]
            if _at(element, place + 1, b"STORED"):
                return text
            behind = behind.replace(b" VIRTUAL", b"", 1)
            return text[: token.end - element[0].start] + b" STORED" + behind
    return text
