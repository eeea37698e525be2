"""Foreign keys that others have made on a table of ours: rows are put in place in spite of them.

A row that is deleted and inserted again would break such a key, or act on the table behind it. So
where there is one, rows are changed in place, and those that the source no longer has stay as long
as somebody refers to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from entrepot_core.postgres.identifiers import TableName, quote

_KEYS = """
SELECT pg_catalog.format('foreign key %%I of %%s', o.conname, o.conrelid::regclass),
    o.confdeltype NOT IN ('a', 'r'),
    ARRAY(
        SELECT a.attname::text FROM pg_catalog.unnest(o.confkey) AS k (attnum)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = o.confrelid AND a.attnum = k.attnum
    )
FROM pg_catalog.pg_constraint AS o
WHERE o.contype = 'f' AND o.confrelid = to_regclass(%s) AND o.conrelid <> o.confrelid
    AND o.conparentid = 0
ORDER BY 1
"""
# Row by row: one that is referenced must not keep the others.
_DELETE = """
DO $block$
DECLARE here record; kept bigint := 0;
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    FOR here IN SELECT place FROM pg_temp.vanished LOOP
        BEGIN
            DELETE FROM {table} WHERE ctid = here.place;
        EXCEPTION WHEN foreign_key_violation OR restrict_violation THEN kept := kept + 1;
        END;
    END LOOP;
    PERFORM pg_catalog.set_config('entrepot.kept', kept::text, true);
END $block$
"""


@dataclass(frozen=True)
class Reference:
    """A foreign key of another table's on ours.

    Attributes:
        label: What it is, for messages.
        acts: Whether deleting a row would change the other table.
        columns: The columns of ours that it names.
    """

    label: str
    acts: bool
    columns: list[str]


def on_table(connection: psycopg.Connection, table: TableName) -> list[Reference]:
    """Find the foreign keys of other tables on a table.

    Args:
        connection: A session on the warehouse.
        table: The table.

    Returns:
        The keys.
    """
    rows = connection.execute(_KEYS, [table.sql])
    return [Reference(*row) for row in rows]


def put_in_place(
    connection: psycopg.Connection,
    table: TableName,
    arriving: str,
    columns: list[str],
    key: list[str],
    replaced: str | None,
    found: list[Reference],
) -> str | None:
    """Put rows in the place of a table's, in spite of foreign keys on it.

    Args:
        connection: A session of the table's owner, in a transaction.
        table: The table.
        arriving: The table of the new rows, as SQL names it.
        columns: Those that the new rows have.
        key: The columns that tell rows apart; empty for those that a foreign key names.
        replaced: The condition on the table's rows of which the new ones are all; None to take
            none away.
        found: The foreign keys, at least one.

    Returns:
        What stays although the source no longer has it; None if nothing does.
    """
    key = key or found[0].columns
    same = " AND ".join(f"t.{quote(name)} = a.{quote(name)}" for name in key)
    kept = 0
    if replaced is not None:
        kept = _take_away(connection, table, arriving, same, replaced, found)
    listed = ", ".join(map(quote, columns))
    others = [name for name in columns if name not in key]
    changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in others)
    # A value that a foreign key names cannot change while somebody refers to it.
    named = [name for name in others if any(name in one.columns for one in found)]
    unchanged = "".join(
        f" AND t.{quote(name)} IS NOT DISTINCT FROM excluded.{quote(name)}"
        for name in named
    )
    action = f"UPDATE SET {changes} WHERE true{unchanged}" if others else "NOTHING"
    put = connection.execute(
        f"INSERT INTO {table.sql} AS t ({listed}) SELECT {listed} FROM {arriving}"
        f" ON CONFLICT ({', '.join(map(quote, key))}) DO {action}"
    ).rowcount
    row = connection.execute(f"SELECT count(*) FROM {arriving}").fetchone()
    old = row[0] - put if row and others else 0
    if not kept and not old:
        return None
    labels = ", ".join(one.label for one in found)
    said = [f"{kept} rows that the source no longer has stay"] if kept else []
    said += [f"{old} rows stay as they were"] if old else []
    return f"{' and '.join(said)}, because of {labels}: drop it to let them go"


def _take_away(
    connection: psycopg.Connection,
    table: TableName,
    arriving: str,
    same: str,
    replaced: str,
    found: list[Reference],
) -> int:
    """Delete what is not among the new rows; say how many had to stay."""
    connection.execute(
        f"CREATE TEMPORARY TABLE vanished AS SELECT t.ctid AS place FROM {table.sql} AS t"
        f" WHERE ({replaced}) AND NOT EXISTS (SELECT FROM {arriving} AS a WHERE {same})"
    )
    if any(one.acts for one in found):
        # What they would change is somebody else's, and code behind it could run as us.
        query = "SELECT count(*) FROM pg_temp.vanished"
    else:
        connection.execute(_DELETE.format(table=table.sql))
        query = "SELECT pg_catalog.current_setting('entrepot.kept')::bigint"
    row = connection.execute(query).fetchone()
    connection.execute("DROP TABLE pg_temp.vanished")
    return row[0] if row else 0
