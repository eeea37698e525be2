"""Amounts of type money: a number of units that `lc_monetary` alone tells the size of.

The type stores whole units, cents of a euro or yen; its text depends on the locale of who reads it
(PostgreSQL's manual, 8.2). Between two databases that count in different units the same bytes are
another amount, and text in one locale is another amount in the next, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import TableName

_COLUMNS = queries.read("pg_replica", "money_columns")
# With the database's own setting, not that of our sessions.
_DIGITS = (
    "SELECT max(d) FROM pg_catalog.generate_series(0, 6) AS s (d)"
    " WHERE (10::numeric ^ -d)::numeric::money::numeric <> 0"
)
_MANY = 10  # columns that a message lists
_DIGITS_OF_OURS = 2  # of lc_monetary C, with which a dump's amounts are read
_AMOUNT = rb"-?\$\d{1,3}(?:,\d{3})*\.\d{2}"
_AMOUNTS = re.compile(
    rb'(?:\\N|%b|\{(?:(?:"?%b"?|NULL)(?:,(?="|-|\$|N)|(?=\})))*\})' % (_AMOUNT, _AMOUNT)
)


class Amount(NamedTuple):
    """A column that holds amounts.

    Attributes:
        table: Its table.
        column: Its name.
        may_be_numeric: Whether it can arrive as numeric: it is of type money itself, and its table
            is copied whole.
    """

    table: TableName
    column: str
    may_be_numeric: bool


def columns(session: psycopg.Connection, policy: Policy) -> list[Amount]:
    """List the columns that hold amounts and are brought.

    Args:
        session: A session on the source, or on the warehouse once the tables are made.
        policy: The table policy, names resolved.

    Returns:
        The columns.
    """
    found = []
    for schema, name, column, is_plain in session.execute(_COLUMNS).fetchall():
        table = TableName(schema, name)
        rule = policy.rule(table)
        if rule.mode != "none" and column not in rule.columns:
            found.append(Amount(table, column, is_plain and rule.mode == "full"))
    return found


def digits(session: psycopg.Connection) -> int:
    """Say how many decimal places the database's own `lc_monetary` counts amounts in.

    Args:
        session: A session, in autocommit.

    Returns:
        The number: 2 for cents, 0 for yen.
    """
    with session.transaction():
        session.execute("SET LOCAL lc_monetary TO DEFAULT")
        row = session.execute(_DIGITS).fetchone()
    assert row is not None
    return int(row[0])


def problem(found: list[Amount], source: int, warehouse: int) -> str | None:
    """Say what is wrong where the two count differently.

    Args:
        found: The columns with amounts.
        source: The source's decimal places.
        warehouse: The warehouse's.

    Returns:
        A sentence; None where nothing is wrong.
    """
    if not found or source == warehouse:
        return None
    more = f" and {len(found) - _MANY} more" if len(found) > _MANY else ""
    listed = ", ".join(f"{each.table}.{each.column}" for each in found[:_MANY])
    return (
        f"amounts of type money would change ({listed}{more}): the source counts "
        f"them with {source} decimal places, the warehouse with {warehouse}. Give the warehouse's "
        "database the source's lc_monetary (ALTER DATABASE … SET lc_monetary), or exclude the "
        "columns in the table policy"
    )


def problem_of_dump(found: list[Amount], warehouse: int) -> str | None:
    """Say what is wrong where a dump's amounts are read with other units than the warehouse's.

    Args:
        found: The columns with amounts.
        warehouse: The warehouse's decimal places.

    Returns:
        A sentence; None where nothing is wrong.
    """
    return problem(found, _DIGITS_OF_OURS, warehouse)


def is_plain(value: bytes) -> bool:
    """Say whether a dump's amount is written as lc_monetary `C` or `en_US` writes it.

    Args:
        value: As COPY's text format has it: an amount, an array of them, or NULL.

    Returns:
        Whether it is: text of other locales means another amount, or none.
    """
    return _AMOUNTS.fullmatch(value) is not None


def places(names: Iterable[str], types: dict[str, str]) -> dict[int, str]:
    """Find the columns of a dump's rows that hold amounts.

    Args:
        names: The columns in the rows' order.
        types: The columns' types, as `format_type` spells them.

    Returns:
        The columns' names by their place, from 0.
    """
    return {
        place: name
        for place, name in enumerate(names)
        if types.get(name, "") in ("money", "money[]")
    }
