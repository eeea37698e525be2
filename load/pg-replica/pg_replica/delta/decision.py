"""Which way a night goes, and why: decided before anything is read, from what was noted last night.

Whatever is in doubt makes it a whole copy: that is slow, and right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres import queries
from entrepot_core.postgres.catalog import Table
from entrepot_core.postgres.identifiers import TableName
from pg_replica.delta.horizon import Horizon, Moment

Way = Literal["changed rows", "whole"]

_MANY = 5
# Half the numbers that an xmin of 32 bits can tell apart, and a margin for the time of a scan.
_FARTHEST = 2**31 - 100_000_000
_KEYS = queries.read("pg_replica", "row_keys")
_CHANGED = "changed since the last night"


@dataclass(frozen=True)
class Key:
    """Columns by which the rows of a table can be told apart.

    Attributes:
        columns: Their names.
        is_integer: Whether it is one column of whole numbers.
    """

    columns: tuple[str, ...]
    is_integer: bool


@dataclass(frozen=True)
class TablePlan:
    """What is done about one table.

    Attributes:
        table: The table on the source.
        key: How its rows are told apart; None where nothing does.
        way: `changed rows` are found by their transaction; or it is read `whole`.
        reason: Why.
        has_same_file: Whether rows that did not change are where they were.
    """

    table: Table
    key: Key | None
    way: Way
    reason: str
    has_same_file: bool = True


@dataclass(frozen=True)
class Plan:
    """What the night does.

    Attributes:
        reasons: Why it copies everything; none where it brings changes alone.
        tables: What is done about each table then.
    """

    reasons: list[str] = field(default_factory=list)
    tables: list[TablePlan] = field(default_factory=list)


def keys(session: psycopg.Connection) -> dict[TableName, list[Key]]:
    """Read the source's keys.

    Args:
        session: A session on the source, under the snapshot.

    Returns:
        The keys of each table, the best first.
    """
    found: dict[TableName, list[Key]] = {}
    for schema, name, columns, is_integer, _ in session.execute(_KEYS):
        key = Key(tuple(columns), is_integer)
        found.setdefault(TableName(schema, name), []).append(key)
    return found


def decide(
    last: Horizon | None,
    now: Horizon,
    tables: Iterable[Table],
    found_keys: Mapping[TableName, list[Key]],
    policy: Policy,
) -> Plan:
    """Decide which way a night goes.

    Args:
        last: The live night's horizon.
        now: What this night finds.
        tables: The source's tables.
        found_keys: Their keys.
        policy: The table policy.

    Returns:
        The plan, with the reasons.
    """
    if last is None:
        return Plan(["the live night left no horizon to go on from"])
    reasons = [
        *_of_source(last.source, now.source),
        *_of_warehouse(last.snapshot, now.snapshot),
        *_of_differences("setting", last.settings, now.settings),
        *_of_differences("definition", last.definitions, now.definitions),
        *_of_differences("object of the replica", last.replica, now.replica),
    ]
    if reasons:
        return Plan(reasons)
    return Plan(
        [],
        [
            _of_table(
                table,
                last.files,
                _usable(found_keys.get(table.name, []), table, policy),
            )
            for table in tables
            if policy.rule(table.name).mode == "full"
        ],
    )


def _of_source(last: Moment, now: Moment) -> list[str]:
    """Say why the snapshot may not show all that the last one saw."""
    if now.system is None:
        may_not = "the source's role may not call pg_control_system()"
        return [f"{may_not}, which tells one server from another"]
    differs = {
        "another server": now.system != last.system,
        "another database": now.database != last.database,
        "no longer what it was, a standby or a primary": now.is_standby
        != last.is_standby,
        "on another timeline": now.timeline != last.timeline,
        "started again since": now.started_at != last.started_at,
    }
    found = [f"the source is {what}" for what, does in differs.items() if does]
    if found:
        return found
    positions = (
        (now.wal_position, last.wal_position),
        (now.oldest, last.oldest),
        (now.following, last.following),
    )
    if any(here < there for here, there in positions):
        return ["the source is behind what the last night has seen of it"]
    if now.following - last.oldest > _FARTHEST:
        return [
            "the source has had too many transactions since to tell new rows from old"
        ]
    return []


def _of_warehouse(last: str, now: str) -> list[str]:
    """Say why it could not be told who has written the replica's rows."""
    before, after = (int(snapshot.split(":")[1]) for snapshot in (last, now))
    if before <= after <= before + _FARTHEST:
        return []
    return ["the warehouse's transactions are not those that follow the last night's"]


def _of_differences(
    what: str, last: Mapping[str, str], now: Mapping[str, str]
) -> list[str]:
    """Say what is not as it was."""
    changed = [name for name in sorted(last) if now.get(name) not in (None, last[name])]
    gone = [name for name in sorted(last) if name not in now]
    new = [name for name in sorted(now) if name not in last]
    return [
        f"{what} {state}: {_listed(names)}"
        for state, names in ((_CHANGED, changed), ("gone", gone), ("new", new))
        if names
    ]


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more


def _usable(candidates: Iterable[Key], table: Table, policy: Policy) -> Key | None:
    """Choose a key of which nothing is left out or changed on the way."""
    changed = policy.rule(table.name).columns
    return next(
        (key for key in candidates if not set(key.columns) & set(changed)), None
    )


def _of_table(table: Table, files: Mapping[str, int], key: Key | None) -> TablePlan:
    if files.get(table.name.sql) != table.filenode:
        why = "emptied or written anew as a whole on the source"
        return TablePlan(table, key, "whole", why, has_same_file=False)
    if key is None:
        why = "it has no key that is unique, whole, never NULL and replicated as it is"
        return TablePlan(table, None, "whole", why)
    return TablePlan(
        table, key, "changed rows", "its rows are found by their transaction"
    )
