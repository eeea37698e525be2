"""Emptiness is not published: what a night would lose is compared with the night that is live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psycopg

from entrepot_core.base.errors import RunFailed
from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from entrepot_core.warehouse.shrinking import SMALLEST, lost

_FEWEST = 4  # tables: below, their number says nothing
_MANY = 20
# What a delta night left; else of each table the attempt that was the last to copy it, its portions
# added up.
_ROWS = """
SELECT c.table_name, c.row_count FROM entrepot_ops.table_changes AS c
WHERE c.run_id = %(run)s
UNION ALL
SELECT i.name, sum(i.row_count)::bigint
FROM entrepot_ops.items AS i JOIN (
    SELECT name, max(attempt) AS attempt FROM entrepot_ops.items
    WHERE run_id = %(run)s AND kind = 'TABLE DATA' GROUP BY name
) AS last USING (name, attempt)
WHERE i.run_id = %(run)s AND i.kind = 'TABLE DATA' GROUP BY i.name
"""
_LIVE_RUN = """
SELECT max(p.run_id) FROM entrepot_ops.publications AS p
JOIN entrepot_ops.runs AS r USING (run_id) WHERE r.command = 'run' AND p.schemas[1] = %s
"""
_ROOTS = """
SELECT n.nspname, c.relname, rn.nspname, r.relname
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS r ON r.oid = pg_catalog.pg_partition_root(c.oid)
JOIN pg_catalog.pg_namespace AS rn ON rn.oid = r.relnamespace
WHERE c.relispartition AND c.relkind = 'r' AND n.nspname = ANY (%s)
"""


class TooMuchLost(RunFailed):
    """A night that would lose more than may be lost unasked."""


@dataclass(frozen=True)
class Loss:
    """Rows that a table, or the whole replica, would lose.

    Attributes:
        subject: Whose.
        before: Rows last night.
        after: Rows now; None where the table is gone.
        is_refused: Whether it is more than may be lost unasked.
    """

    subject: str
    before: int
    after: int | None
    is_refused: bool

    @property
    def figures(self) -> str:
        """Rows last night and now."""
        now = "the source has no such table" if self.after is None else f"{self.after}"
        return f"{self.before} rows last night, now {now}"

    def __str__(self) -> str:
        return f"{self.subject}: {self.figures}"


def rows_of(
    connection: psycopg.Connection, run_id: int, schemas: Mapping[str, str]
) -> dict[str, int]:
    """Count the rows that a run copied, those of partitions as their root's.

    Args:
        connection: A session on the warehouse.
        run_id: The run.
        schemas: The source's schema by the one in which the run's tables are now.

    Returns:
        Rows by table, as the source names it.
    """
    rows = connection.execute(_ROWS, {"run": run_id}).fetchall()
    return of_roots(connection, rows, schemas)


def of_roots(
    connection: psycopg.Connection,
    rows: Iterable[tuple[str, int | None]],
    schemas: Mapping[str, str],
) -> dict[str, int]:
    """Count the rows of partitions as their root's.

    Args:
        connection: A session on the warehouse.
        rows: Rows by table, as the source names it.
        schemas: The source's schema by the one in which the tables are now.

    Returns:
        Rows by table, as the source names it.
    """
    roots = {
        str(TableName(schemas[schema], name)): str(
            TableName(schemas.get(root_schema, root_schema), root)
        )
        for schema, name, root_schema, root in connection.execute(
            _ROOTS, [list(schemas)]
        )
    }
    counted: dict[str, int] = {}
    for name, count in rows:
        table = roots.get(name) or name
        counted[table] = counted.get(table, 0) + (count or 0)
    return counted


def live_run(connection: psycopg.Connection, replica: str) -> int | None:
    """Find the run whose rows are live; None before the first.

    Args:
        connection: A session on the warehouse.
        replica: The replica's schema.

    Returns:
        Its number.
    """
    row = connection.execute(_LIVE_RUN, [replica]).fetchone()
    return row[0] if row else None


def losses(
    before: Mapping[str, int],
    after: Mapping[str, int],
    policy: Policy,
    limit: float,
) -> list[Loss]:
    """Compare two nights' rows.

    Args:
        before: Rows by table, last night.
        after: The same, now.
        policy: Tables that stay out, which are not compared, and limits of their own.
        limit: Percent of its rows that a table, or the replica, may lose; 100 for all.

    Returns:
        What lost more, the whole replica first.
    """
    kept_out = {str(table) for table in policy.kept_out}
    limits = {
        str(table): rule.shrink_limit
        for table, rule in policy.rules.items()
        if rule.shrink_limit is not None
    }
    compared = {name: rows for name, rows in before.items() if name not in kept_out}
    found = []
    for name, rows in sorted(compared.items()):
        now = after.get(name)
        allowed = limits.get(name, limit)
        if rows and lost(rows, now or 0) > allowed:
            found.append(Loss(f"table {name}", rows, now, rows >= SMALLEST))
    return [*_of_all(compared, after, limits, limit), *found]


def _of_all(
    before: Mapping[str, int],
    after: Mapping[str, int],
    limits: Mapping[str, float],
    limit: float,
) -> list[Loss]:
    """Look at the replica as a whole: many small losses are a wrong source, too."""
    meant = {name for name, own in limits.items() if own >= 100}
    rows = sum(count for name, count in before.items() if name not in meant)
    now = sum(after.get(name, 0) for name in before if name not in meant)
    if limit >= 100 or not rows:
        return []
    gone = [name for name in before if name not in after and name not in meant]
    if len(before) >= _FEWEST and lost(len(before), len(before) - len(gone)) > limit:
        subject = f"the replica, of whose {len(before)} tables {len(gone)} are gone"
        return [Loss(subject, rows, now, is_refused=True)]
    if lost(rows, now) > limit:
        # Few rows may all go, when others have taken their place: not when nothing is left.
        is_refused = rows >= SMALLEST or not any(after.values())
        return [Loss("the whole replica", rows, now, is_refused)]
    return []


def refuse(found: list[Loss]) -> None:
    """Refuse to publish what lost too much.

    Args:
        found: As `losses` gives it.

    Raises:
        TooMuchLost: With the figures.
    """
    refused = [str(loss) for loss in found if loss.is_refused]
    if not refused:
        return
    more = f"; and {len(refused) - _MANY} more" if len(refused) > _MANY else ""
    raise TooMuchLost(
        "the night would lose more than SHRINK_LIMIT allows: "
        f"{'; '.join(refused[:_MANY])}{more}; readers keep the night before",
        "if it is meant, let this run through with `pg-replica run --accept-shrink` (the whole "
        "night with `ops nightly --accept-shrink`), or say so of a table with shrink_limit: 100 "
        "in the table policy; else look at the source",
    )


def guard(
    main: psycopg.Connection,
    record: Record,
    naming: Naming,
    schemas: list[str],
    policy: Policy,
    limit: float,
) -> None:
    """Compare rows with the live night's, before the long work of constraints.

    Args:
        main: A session on the warehouse.
        record: This run's.
        naming: The schemas' names.
        schemas: The landing's schemas.
        policy: As `losses` takes it.
        limit: As `losses` takes it.

    Raises:
        TooMuchLost: If too much would be lost.
    """
    live = live_run(main, naming.replica)
    if live is None:
        return
    record.flush()
    before = rows_of(main, live, {naming.live(schema): schema for schema in schemas})
    after = rows_of(main, record.run_id, {schema: schema for schema in schemas})
    found = losses(before, after, policy, limit)
    for loss in found:
        record.finding(loss.subject, loss.figures)
    refuse(found)
