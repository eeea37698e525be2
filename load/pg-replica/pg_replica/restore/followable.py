"""The form in which later nights can change a replica's rows in place.

A foreign key's CASCADE and SET NULL would change rows by themselves, RESTRICT cannot wait for the
end of a transaction, and triggers and rules have done on the source what they do. So keys become
NO ACTION and deferrable, triggers and rules are there but disabled.
"""

from __future__ import annotations

import psycopg

from entrepot_core.postgres.identifiers import TableName, quote
from pg_replica.dump.lexer import SYMBOL, WORD, Token, tokens

_TRIGGERS = """
SELECT DISTINCT n.nspname, c.relname FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'D'
    AND c.relkind IN ('r', 'p') AND n.nspname = ANY (%s)
"""
_RULES = """
SELECT n.nspname, c.relname, r.rulename FROM pg_catalog.pg_rewrite AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE r.ev_enabled <> 'D' AND c.relkind IN ('r', 'p') AND n.nspname = ANY (%s)
"""


def deferrable(sql: str) -> str:
    """Write a foreign key so that it is checked at the end of a transaction, and changes nothing.

    Args:
        sql: What adds it, as pg_dump writes it.

    Returns:
        The same with NO ACTION, deferrable; unchanged where it is not enforced.
    """
    text = sql.encode(errors="surrogateescape")
    found = list(tokens(text))
    end = _end_of_reference(found)
    rest = [token.text.upper() for token in found[end + 1 :]]
    if not end or b"ENFORCED" in rest:
        return sql
    kept = b" MATCH FULL" * (b"MATCH" in rest) + b" DEFERRABLE"
    # NOT DEFERRABLE is never written.
    kept += b" NOT VALID" * (b"VALID" in rest)
    changed = text[: found[end].end] + kept + b";"
    return changed.decode(errors="surrogateescape")


def _end_of_reference(found: list[Token]) -> int:
    """Find the parenthesis that closes the referenced columns; 0 where there is none."""
    place = next(
        (
            at
            for at, token in enumerate(found)
            if token.kind == WORD and token.text == b"REFERENCES"
        ),
        len(found),
    )
    return next(
        (
            at
            for at in range(place, len(found))
            if found[at].kind == SYMBOL and found[at].text == b")"
        ),
        0,
    )


def silence(connection: psycopg.Connection, schemas: list[str]) -> None:
    """Disable the triggers and rules of tables.

    Args:
        connection: A session of the tables' owner, in autocommit.
        schemas: Their schemas.
    """
    for schema, name in connection.execute(_TRIGGERS, [schemas]).fetchall():
        connection.execute(
            f"ALTER TABLE {TableName(schema, name).sql} DISABLE TRIGGER USER"
        )
    for schema, name, rule in connection.execute(_RULES, [schemas]).fetchall():
        connection.execute(
            f"ALTER TABLE {TableName(schema, name).sql} DISABLE RULE {quote(rule)}"
        )
