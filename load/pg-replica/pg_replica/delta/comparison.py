"""What the replica's tables hold beside what was read of the source: which rows must change.

Nothing is applied here. The tables are locked against writers, so that a row's place (`ctid`) names
it until the changes are applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from entrepot_core.postgres.identifiers import quote
from pg_replica.delta.scan import Sum
from pg_replica.delta.working import Working


class Doubt(Exception):
    """What was read of a table does not explain what it must become."""


@dataclass(frozen=True)
class Foreign:
    """Tells rows that somebody else has written into the replica.

    Attributes:
        snapshot: What was committed when the last night was published.
        transaction: The last night's own; None after a whole copy.
    """

    snapshot: str
    transaction: str | None

    @property
    def condition(self) -> str:
        """The condition that somebody else has written a row, of a table called t."""
        _, following, running = self.snapshot.split(":")
        newer = (
            f"pg_catalog.age(t.xmin) BETWEEN 0 AND pg_catalog.age({_xid(following)})"
        )
        if self.transaction:
            newer += f" AND t.xmin <> {_xid(self.transaction)}"
        others = [
            each for each in running.split(",") if each and each != self.transaction
        ]
        listed = "".join(f" OR t.xmin = {_xid(each)}" for each in others)
        return f"(({newer}){listed})"


def _xid(number: str) -> str:
    return f"'{int(number) % 2**32}'::pg_catalog.xid"


@dataclass(frozen=True)
class Counts:
    """What will be done to a table.

    Attributes:
        inserted: Rows that are new.
        updated: Rows that differ.
        deleted: Rows that are gone.
        moved: Of those that differ, how many are deleted and inserted.
        before: Rows until now.
    """

    inserted: int
    updated: int
    deleted: int
    moved: int
    before: int

    @property
    def after(self) -> int:
        """Rows afterwards."""
        return self.before + self.inserted - self.deleted

    @property
    def is_nothing(self) -> bool:
        """Whether nothing changes."""
        return not (self.inserted or self.updated or self.deleted)


def by_words(session: psycopg.Connection, table: Working, foreign: Foreign) -> Counts:
    """Compare the keys, 64 to a word, and list what must change.

    Args:
        session: A session of the replica's role, in autocommit.
        table: The table, its changed rows and the source's words staged.
        foreign: Tells rows of somebody else.

    Returns:
        What will be done.

    Raises:
        Doubt: If that would not make the source's keys.
    """
    live, words = table.staged("live"), table.staged("words")
    session.execute(
        f"CREATE UNLOGGED TABLE {live} AS"
        " SELECT k >> 6 AS word, pg_catalog.bit_or(1::int8 << (k & 63)::int4) AS bits,"
        " pg_catalog.count(*) AS row_count, pg_catalog.bool_or(is_foreign) AS is_foreign"
        f" FROM (SELECT {table.word_key('t')} AS k, {foreign.condition} AS is_foreign"
        f" FROM ONLY {table.live.sql} AS t) AS r GROUP BY 1"
    )
    session.execute(f"ANALYZE {live}")
    before, is_foreign = _row(
        session,
        "SELECT coalesce(pg_catalog.sum(row_count), 0)::int8,"
        f" coalesce(pg_catalog.bool_or(is_foreign), false) FROM {live}",
    )
    if is_foreign:
        raise Doubt("somebody else has written into the replica's table")
    ((missing, strange),) = session.execute(
        "SELECT pg_catalog.count(*) FILTER (WHERE"
        " coalesce(w.bits, 0) & ~(coalesce(l.bits, 0) | coalesce(s.bits, 0)) <> 0),"
        " pg_catalog.count(*) FILTER (WHERE coalesce(s.bits, 0) & ~coalesce(w.bits, 0) <> 0)"
        f" FROM {words} AS w FULL JOIN {live} AS l ON l.word = w.word FULL JOIN ("
        " SELECT k >> 6 AS word, pg_catalog.bit_or(1::int8 << (k & 63)::int4) AS bits"
        f" FROM (SELECT {table.word_key('t')} AS k FROM {table.staged('rows')} AS t) AS r"
        " GROUP BY 1) AS s ON s.word = coalesce(w.word, l.word)"
    ).fetchall()
    if missing or strange:
        raise Doubt("rows are missing in the replica that no change explains")
    key = quote(table.key[0])
    session.execute(
        f"CREATE UNLOGGED TABLE {table.staged('gone')} AS"
        " SELECT t.ctid AS there FROM ("
        " SELECT (g.word << 6) | b.bit AS k FROM ("
        f" SELECT l.word, l.bits & ~coalesce(w.bits, 0) AS bits FROM {live} AS l"
        f" LEFT JOIN {words} AS w ON w.word = l.word"
        " WHERE l.bits & ~coalesce(w.bits, 0) <> 0) AS g"
        " CROSS JOIN pg_catalog.generate_series(0, 63) AS b (bit)"
        " WHERE (g.bits >> b.bit) & 1 = 1) AS d"
        f" JOIN ONLY {table.live.sql} AS t ON t.{key} = d.k"
    )
    rows = _row(
        session, f"SELECT coalesce(pg_catalog.sum(row_count), 0)::int8 FROM {words}"
    )
    return _listed(session, table, int(before), int(rows[0]))


def differing_blocks(
    session: psycopg.Connection, table: Working, foreign: Foreign
) -> list[int]:
    """Compare the keys of a table by blocks.

    Args:
        session: A session of the replica's role, in autocommit.
        table: The table, its changed rows and the source's blocks staged.
        foreign: Tells rows of somebody else.

    Returns:
        The blocks in which rows are gone.

    Raises:
        Doubt: If somebody else has written into the table.
    """
    kept = table.staged("kept")
    session.execute(
        f"CREATE UNLOGGED TABLE {kept} AS"
        f" SELECT t.ctid AS there, {table.hashed_key('t')} AS h, {foreign.condition} AS is_foreign,"
        f" s.ctid IS NOT NULL AS is_staged FROM ONLY {table.live.sql} AS t"
        f" LEFT JOIN {table.staged('rows')} AS s ON {table.same_key('t', 's')}"
    )
    if _row(
        session, f"SELECT coalesce(pg_catalog.bool_or(is_foreign), false) FROM {kept}"
    )[0]:
        raise Doubt("somebody else has written into the replica's table")
    return _differing(session, table, "")


def by_blocks(session: psycopg.Connection, table: Working) -> Counts:
    """List what must change, the keys of the differing blocks being staged.

    Args:
        session: A session of the replica's role, in autocommit.
        table: The table.

    Returns:
        What will be done.

    Raises:
        Doubt: If that would not make the source's keys.
    """
    kept, gone = table.staged("kept"), table.staged("gone")
    keys = table.staged("keys")
    if _row(session, f"SELECT pg_catalog.to_regclass('{keys}') IS NOT NULL")[0]:
        session.execute(
            f"CREATE UNLOGGED TABLE {gone} AS SELECT t.ctid AS there"
            f" FROM ONLY {table.live.sql} AS t WHERE {table.block('t')} IN ("
            f" SELECT {table.block('s')} FROM {keys} AS s"
            f" UNION SELECT b.block FROM {table.staged('differing')} AS b)"
            f" AND NOT EXISTS (SELECT FROM {keys} AS s WHERE {table.same_key('t', 's')})"
        )
    else:
        session.execute(f"CREATE UNLOGGED TABLE {gone} (there pg_catalog.tid)")
    session.execute(f"ANALYZE {gone}")
    is_left = f" AND NOT EXISTS (SELECT FROM {gone} AS g WHERE g.there = k.there)"
    if _differing(session, table, is_left):
        raise Doubt("rows are missing in the replica that no change explains")
    before = _row(session, f"SELECT pg_catalog.count(*) FROM {kept}")[0]
    rows = _row(
        session,
        f"SELECT coalesce(pg_catalog.sum(row_count), 0)::int8 FROM {table.staged('blocks')}",
    )[0]
    return _listed(session, table, int(before), int(rows))


def _differing(session: psycopg.Connection, table: Working, is_left: str) -> list[int]:
    """List the blocks that would not be the source's: those kept, and those staged."""
    mask = table.blocks - 1
    differing = table.staged("differing")
    session.execute(f"DROP TABLE IF EXISTS {differing}")
    session.execute(
        f"CREATE UNLOGGED TABLE {differing} AS"
        " SELECT coalesce(b.block, m.block) AS block FROM ("
        f" SELECT h & {mask} AS block, pg_catalog.count(*) AS row_count,"
        " pg_catalog.sum(h) AS key_sum FROM ("
        f" SELECT k.h FROM {table.staged('kept')} AS k WHERE NOT k.is_staged{is_left}"
        f" UNION ALL SELECT {table.hashed_key('s')} FROM {table.staged('rows')} AS s) AS r (h)"
        f" GROUP BY 1) AS m FULL JOIN {table.staged('blocks')} AS b ON b.block = m.block"
        " WHERE (b.row_count, b.key_sum) IS DISTINCT FROM (m.row_count, m.key_sum)"
    )
    return [block for (block,) in session.execute(f"SELECT block FROM {differing}")]


def by_all_keys(session: psycopg.Connection, table: Working, rows: int) -> Counts:
    """List what must change, the whole table being staged.

    Args:
        session: A session of the replica's role, in autocommit.
        table: The table.
        rows: Its rows on the source.

    Returns:
        What will be done.

    Raises:
        Doubt: If that would not make the source's rows.
    """
    gone = table.staged("gone")
    session.execute(f"DROP TABLE IF EXISTS {gone}")
    session.execute(f"DROP TABLE IF EXISTS {table.staged('todo')}")
    if not table.key:
        return _by_text(session, table, rows)
    session.execute(
        f"CREATE UNLOGGED TABLE {gone} AS SELECT t.ctid AS there FROM ONLY {table.live.sql} AS t"
        f" WHERE NOT EXISTS (SELECT FROM {table.staged('rows')} AS s"
        f" WHERE {table.same_key('t', 's')})"
    )
    return _listed(session, table, _count(session, table), rows)


def _by_text(session: psycopg.Connection, table: Working, rows: int) -> Counts:
    """Compare rows that nothing tells apart by their whole text, and each text's number."""

    def numbered(alias: str, relation: str) -> str:
        text = f'{table.row(alias)}::pg_catalog.text COLLATE "C"'
        return (
            f"SELECT {alias}.ctid AS place, {text} AS r,"
            f" pg_catalog.row_number() OVER (PARTITION BY {text}) AS n FROM {relation} AS {alias}"
        )

    pairs = (
        f"({numbered('t', f'ONLY {table.live.sql}')}) AS l"
        f" FULL JOIN ({numbered('s', table.staged('rows'))}) AS o ON l.r = o.r AND l.n = o.n"
    )
    session.execute(
        f"CREATE UNLOGGED TABLE {table.staged('gone')} AS"
        f" SELECT l.place AS there FROM {pairs} WHERE o.place IS NULL"
    )
    session.execute(
        f"CREATE UNLOGGED TABLE {table.staged('todo')} AS SELECT NULL::pg_catalog.tid AS there,"
        f" o.place AS here, false AS is_moved FROM {pairs} WHERE l.place IS NULL"
    )
    return _counted(session, table, _count(session, table), rows)


def _listed(
    session: psycopg.Connection, table: Working, before: int, rows: int
) -> Counts:
    """List the staged rows that are new or differ, byte by byte."""
    moving = [name for name in table.copied if name in {*table.moving, *table.key}]
    moved = _differ(table, moving)
    differs = _differ(table, table.copied)
    session.execute(
        f"CREATE UNLOGGED TABLE {table.staged('todo')} AS"
        f" SELECT t.ctid AS there, s.ctid AS here, t.ctid IS NOT NULL AND {moved} AS is_moved"
        f" FROM {table.staged('rows')} AS s LEFT JOIN ONLY {table.live.sql} AS t"
        f" ON {table.same_key('t', 's')} WHERE t.ctid IS NULL OR {differs}"
    )
    return _counted(session, table, before, rows)


def _differ(table: Working, names: list[str]) -> str:
    """Write the condition that a staged row differs from the replica's, byte by byte."""
    return (
        f"pg_catalog.record_image_ne({table.row('s', names)}, {table.row('t', names)})"
    )


def _counted(
    session: psycopg.Connection, table: Working, before: int, rows: int
) -> Counts:
    for what in ("todo", "gone"):
        session.execute(f"ANALYZE {table.staged(what)}")
    inserted, updated, moved = _row(
        session,
        "SELECT pg_catalog.count(*) FILTER (WHERE there IS NULL),"
        " pg_catalog.count(*) FILTER (WHERE there IS NOT NULL),"
        f" pg_catalog.count(*) FILTER (WHERE is_moved) FROM {table.staged('todo')}",
    )
    (deleted,) = _row(
        session, f"SELECT pg_catalog.count(*) FROM {table.staged('gone')}"
    )
    counts = Counts(inserted, updated, deleted, moved, before)
    if counts.after != rows:
        raise Doubt(f"{rows} rows on the source would be {counts.after} here")
    return counts


def _count(session: psycopg.Connection, table: Working) -> int:
    return int(
        _row(session, f"SELECT pg_catalog.count(*) FROM ONLY {table.live.sql}")[0]
    )


def figures(
    session: psycopg.Connection, table: Working, foreign: Foreign
) -> tuple[int, bool]:
    """Count a table's rows, and say whether somebody else has written any.

    Args:
        session: A session of the replica's role, in autocommit.
        table: The table.
        foreign: Tells rows of somebody else.

    Returns:
        Both.
    """
    rows, is_foreign = _row(
        session,
        f"SELECT pg_catalog.count(*), coalesce(pg_catalog.bool_or({foreign.condition}), false)"
        f" FROM ONLY {table.live.sql} AS t",
    )
    return int(rows), bool(is_foreign)


def unchanged(
    session: psycopg.Connection, table: Working, part: int, parts: int
) -> Sum:
    """Sum up a part of the rows that stay as they are.

    Args:
        session: A session of the replica's role, in autocommit.
        table: The table, what changes listed.
        part: Which part of the table.
        parts: Of how many.

    Returns:
        Their number, and the sum of their hashes.
    """
    rows, total = _row(
        session,
        f"SELECT pg_catalog.count(*), coalesce(pg_catalog.sum({table.summed('t')}), 0)::text"
        f" FROM ONLY {table.live.sql} AS t WHERE {table.part('t', part, parts)}"
        f" AND NOT EXISTS (SELECT FROM {table.staged('rows')} AS s"
        f" WHERE {table.same_key('t', 's')})"
        f" AND NOT EXISTS (SELECT FROM {table.staged('gone')} AS g WHERE g.there = t.ctid)",
    )
    return int(rows), str(total)


def _row(session: psycopg.Connection, query: str) -> Any:
    row = session.execute(query.encode()).fetchone()
    assert row is not None
    return row
