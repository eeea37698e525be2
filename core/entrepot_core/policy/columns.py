"""Columns that are left out or pseudonymised, in SQL on the source and in the text of a dump.

A pseudonym is the HMAC-SHA-256 of the value's text, in hexadecimal (RFC 2104): the same each
night and in every table, so joins hold, and not to be found by trying names without the secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator

import psycopg

from entrepot_core.policy.tables import TableRule
from entrepot_core.postgres.catalog import Table
from entrepot_core.postgres.identifiers import quote

PSEUDONYM_LENGTH = 64
_BLOCK = 64  # bytes: SHA-256's block, to which HMAC pads the key
_NULL = rb"\N"
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_NAMED_ESCAPES = {
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}
_SQL = (
    "pg_catalog.encode(pg_catalog.sha256(pg_catalog.decode("
    "pg_catalog.current_setting('entrepot.outer'), 'hex') || pg_catalog.sha256(pg_catalog.decode("
    "pg_catalog.current_setting('entrepot.inner'), 'hex') ||"
    " pg_catalog.convert_to(({column})::pg_catalog.text, 'UTF8'))), 'hex') AS {column}"
)


def set_secret(source: psycopg.Connection, secret: str) -> None:
    """Give a session of the source what the pseudonyms' SQL needs.

    The key goes as a bound parameter, so no statement shows it in `pg_stat_activity`.

    Args:
        source: The session.
        secret: `PSEUDONYM_SECRET`.
    """
    key = secret.encode()
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    key = key.ljust(_BLOCK, b"\0")
    source.execute(
        "SELECT pg_catalog.set_config('entrepot.inner', %s, false),"
        " pg_catalog.set_config('entrepot.outer', %s, false)",
        [
            bytes(byte ^ 0x36 for byte in key).hex(),
            bytes(byte ^ 0x5C for byte in key).hex(),
        ],
    )


def copied(table: Table, rule: TableRule) -> list[str]:
    """List the columns that the copy carries.

    Args:
        table: The table on the source.
        rule: Its rule.

    Returns:
        Names, in the table's order: neither generated ones nor those left out.
    """
    return [
        column.name
        for column in table.columns
        if not column.generated and rule.columns.get(column.name) != "exclude"
    ]


def copy_format(
    table: Table, rule: TableRule, is_binary_safe: Callable[[int], bool]
) -> str:
    """Choose COPY's format: binary where every column has the same binary form everywhere.

    Args:
        table: The table on the source.
        rule: Its rule.
        is_binary_safe: The source's types.

    Returns:
        `binary` or `text`.
    """
    carried = set(copied(table, rule))
    safe = all(
        rule.columns.get(column.name) == "pseudonymise"
        or is_binary_safe(column.type_oid)
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
    if blocks is None and "pseudonymise" not in rule.columns.values() and names:
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
    """Write a select list in which pseudonyms are computed.

    Args:
        names: The columns, as `copied` gives them.
        rule: The table's rule.

    Returns:
        The list, for a SELECT from the table.
    """
    return ", ".join(
        _SQL.format(column=quote(name))
        if rule.columns.get(name) == "pseudonymise"
        else quote(name)
        for name in names
    )


def rewriter(
    names: list[str], types: dict[str, str], rule: TableRule, secret: str | None
) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
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
            actions.append((place, lambda _: _NULL))
        elif rule.columns.get(name) == "pseudonymise":
            assert secret is not None
            actions.append((place, _pseudonymiser(secret.encode(), types[name])))

    def rewrite(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            lines = []
            for line in chunk.split(b"\n")[:-1]:
                fields = line.split(b"\t")
                for place, action in actions:
                    fields[place] = action(fields[place])
                lines.append(b"\t".join(fields))
            yield b"\n".join(lines) + b"\n"

    return rewrite if actions else iter


def pseudonym(key: bytes, value: bytes) -> bytes:
    """Give a value's pseudonym, as the source's SQL does.

    Args:
        key: `PSEUDONYM_SECRET`.
        value: The value's text, in UTF-8.

    Returns:
        Its hexadecimal digits.
    """
    return hmac.digest(key, value, "sha256").hex().encode()


def _pseudonymiser(key: bytes, type_name: str) -> Callable[[bytes], bytes]:
    """Build the function from a field of COPY's text to its pseudonym.

    A cast to text, as the SQL does it, differs from the output form for two types.

    Returns:
        The function.
    """

    def of_field(field: bytes) -> bytes:
        if field == _NULL:
            return field
        value = unescaped(field)
        if type_name == "boolean":
            value = {b"t": b"true", b"f": b"false"}[value]
        elif type_name.startswith("character("):
            value = value.rstrip(b" ")
        return pseudonym(key, value)

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
