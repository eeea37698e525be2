"""Amounts of type `money`, which PostgreSQL keeps without saying how many decimals they have."""

from __future__ import annotations

from collections.abc import Callable

from psycopg.rows import TupleRow

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.identifiers import TableName

_MANY = 10  # columns that a message names
_OF_MONEY = """
SELECT n.nspname, c.relname, a.attname
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE a.atttypid IN ('pg_catalog.money'::regtype, 'pg_catalog.money[]'::regtype)
    AND c.relkind = 'r' AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, 3
"""
# What the source's own sessions have; ours write amounts as in the locale C, with two decimals.
_AS_THE_SOURCE = """
SELECT pg_catalog.set_config('lc_monetary', reset_val, true)
FROM pg_catalog.pg_settings WHERE name = 'lc_monetary'
"""
_AS_OURS = "SELECT pg_catalog.set_config('lc_monetary', 'C', true)"
_TWO_DECIMALS = """
SELECT 0.01::pg_catalog.money::numeric = 0.01 AND 0.001::pg_catalog.money::numeric = 0
"""


def problems(query: Callable[[str], list[TupleRow]], policy: Policy) -> list[str]:
    """Say which amounts would arrive as others.

    Args:
        query: Asks the source.
        policy: The tables and columns that stay out.

    Returns:
        A problem, if the source's locale gives `money` more or fewer decimals than two.
    """
    found = [
        f"{table}.{column}"
        for schema, name, column in query(_OF_MONEY)
        if (rule := policy.rule(table := TableName(schema, name))).mode == "full"
        and column not in rule.columns
    ]
    if not found:
        return []
    ((locale,),) = query(_AS_THE_SOURCE)
    ((has_two,),) = query(_TWO_DECIMALS)
    query(_AS_OURS)
    if has_two:
        return []
    more = f" and {len(found) - _MANY} more" if len(found) > _MANY else ""
    problem = (
        f"{', '.join(found[:_MANY])}{more}: amounts of type money have not two decimals in the "
        f"source's lc_monetary ({locale}) and would arrive as others: make the columns numeric, "
        "or leave them out (exclude) in the table policy"
    )
    return [problem]
