"""Columns that are left out or pseudonymised, from a live source and in the text of a dump.

A pseudonym is the HMAC-SHA-256 of the value's text, in hexadecimal (RFC 2104): the same each
night and in every table, so joins hold, and not to be found by trying names without the secret.
It is computed here, never by a server: whoever reads a server's log or sessions finds no key there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator

from entrepot_core.policy.tables import TableRule
from entrepot_core.postgres.catalog import Table
from entrepot_core.postgres.identifiers import quote

Chunk = bytes | bytearray | memoryview
Rewriter = Callable[[Iterable[Chunk]], Iterator[bytes]]

PSEUDONYM_LENGTH = 64
_BLOCK = 64  # bytes: SHA-256's block, to which HMAC pads the key
NULL = rb"\N"  # in COPY's text
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_NAMED_ESCAPES = {
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}
_TEXT = "({column})::pg_catalog.text AS {column}"
_NUMERIC = "({column})::pg_catalog.numeric AS {column}"


def copied(table: Table, rule: TableRule) -> list[str]:
    """List the columns that the copy carries.

    Args:
        table: The table on the source.
        rule: Its rule.

    Returns:
        Names, in the table's order: neither those left out nor generated ones, unless as text.
    """
    return [
        column.name
        for column in table.columns
        if rule.columns.get(column.name) != "exclude"
        and (not column.generated or rule.columns.get(column.name) == "text")
    ]


def copy_format(
    table: Table, rule: TableRule, is_binary_safe: Callable[[int], bool]
) -> str:
    """Choose COPY's format: binary where every column has the same binary form everywhere.

    Pseudonyms are put into the text form.

    Args:
        table: The table on the source.
        rule: Its rule.
        is_binary_safe: The source's types.

    Returns:
        `binary` or `text`.
    """
    carried = set(copied(table, rule))
    safe = not (rule.pseudonymised or rule.changed) and all(
        is_binary_safe(column.type_oid)
        for column in table.columns
        if column.name in carried
    )
    return "binary" if safe else "text"


def copy_out_statement(
    table: Table,
    rule: TableRule,
    copy_format: str,
    blocks: tuple[int, int | None] | None = None,
) -> str:
    """Write the source's COPY.

    Args:
        table: The table on the source.
        rule: Its rule.
        copy_format: `binary` or `text`.
        blocks: First page, and the page to stop before; None for the whole table.

    Returns:
        A COPY … TO STDOUT of this very table, its children's rows left to their own copies.
    """
    names = copied(table, rule)
    is_plain = not (rule.pseudonymised or rule.changed)
    if blocks is None and is_plain and names:
        listed = ", ".join(map(quote, names))
        return f"COPY {table.name.sql} ({listed}) TO STDOUT (FORMAT {copy_format})"
    where = ""
    if blocks is not None:
        first, stop = blocks
        where = f" WHERE ctid >= '({first},0)'"
        where += "" if stop is None else f" AND ctid < '({stop},0)'"
    rows = f"SELECT {chosen(names, rule)} FROM ONLY {table.name.sql}{where}"
    return f"COPY ({rows}) TO STDOUT (FORMAT {copy_format})"


def chosen(names: list[str], rule: TableRule) -> str:
    """Write a select list of values' text where there will be pseudonyms, of numbers of amounts.

    Args:
        names: The columns, as `copied` gives them.
        rule: The table's rule.

    Returns:
        The list, for a SELECT from the table.
    """
    forms = {"pseudonymise": _TEXT, "text": _TEXT, "numeric": _NUMERIC}
    return ", ".join(
        forms.get(rule.columns.get(name, ""), "{column}").format(column=quote(name))
        for name in names
    )


def live_rewriter(names: list[str], rule: TableRule, secret: str | None) -> Rewriter:
    """Build what puts pseudonyms into the rows of a live source, as `chosen` asks for them.

    Args:
        names: The columns, in the order of the COPY.
        rule: The table's rule.
        secret: `PSEUDONYM_SECRET`; needed when a column is pseudonymised.

    Returns:
        A function over chunks of COPY's text that end at the end of a line.
    """
    return rewriter(names, dict.fromkeys(names, "text"), rule, secret)


def rewriter(
    names: list[str], types: dict[str, str], rule: TableRule, secret: str | None
) -> Rewriter:
    """Build the same treatment for the text of a dump: whole lines in, whole lines out.

    Args:
        names: The columns of the dump's COPY, in order.
        types: Their types, as `format_type` spells them.
        rule: The table's rule.
        secret: `PSEUDONYM_SECRET`; needed when a column is pseudonymised.

    Returns:
        A function over chunks that end at the end of a line.
    """
    actions: list[tuple[int, Callable[[bytes], bytes]]] = []
    for place, name in enumerate(names):
        if rule.columns.get(name) == "exclude":
            actions.append((place, lambda _: NULL))
        elif rule.columns.get(name) == "pseudonymise":
            assert secret is not None
            actions.append((place, _pseudonymiser(secret, types[name])))
    cuts = max((place for place, _ in actions), default=0) + 1

    def rewrite(chunks: Iterable[Chunk]) -> Iterator[bytes]:
        for chunk in chunks:
            lines = []
            for line in bytes(chunk).split(b"\n")[:-1]:
                fields = line.split(b"\t", cuts)
                for place, action in actions:
                    fields[place] = action(fields[place])
                lines.append(b"\t".join(fields))
            lines.append(b"")
            yield b"\n".join(lines)

    return rewrite if actions else _unchanged


def _unchanged(chunks: Iterable[Chunk]) -> Iterator[bytes]:
    return map(bytes, chunks)


def pseudonyms(secret: str) -> Callable[[bytes], bytes]:
    """Build the function from a value to its pseudonym.

    The state of the hash after the key is kept: a call then costs less than half of `hmac`'s.

    Args:
        secret: `PSEUDONYM_SECRET`.

    Returns:
        A function from the value's text, in UTF-8, to hexadecimal digits.
    """
    key = secret.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def pseudonym(value: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(value)
        second.update(first.digest())
        return second.hexdigest().encode()

    return pseudonym


def _pseudonymiser(secret: str, type_name: str) -> Callable[[bytes], bytes]:
    """Build the function from a field of COPY's text to its pseudonym.

    A cast to text, as a live source does it, differs from the output form for two types.

    Returns:
        The function.
    """
    pseudonym = pseudonyms(secret)

    def of_field(field: bytes) -> bytes:
        if field == NULL:
            return field
        value = unescaped(field) if b"\\" in field else field
        if type_name == "boolean":
            value = {b"t": b"true", b"f": b"false"}[value]
        elif type_name.startswith("character("):
            value = value.rstrip(b" ")
        return pseudonym(value)

    return of_field


def unescaped(field: bytes) -> bytes:
    """Read a field of COPY's text format that is not NULL.

    Args:
        field: As the file has it.

    Returns:
        The value's text, in the encoding of the COPY.
    """
    return _ESCAPE.sub(_unescape, field)


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match.group(1)
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if code.isdigit() and code[:1] in b"01234567":
        return bytes([int(code, 8)])
    return _NAMED_ESCAPES.get(code, code)
