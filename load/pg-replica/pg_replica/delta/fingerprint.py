"""Digests of whatever decides what a night brings, beside the rows themselves.

The source's own definitions are digested as pg_dump writes them, together with what a dump does
not show: OIDs, and the numbers of columns and of composite types' attributes. A night whose digests
are the last one's has the same objects to fill, by the same rules.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version

import psycopg

from entrepot_core.policy.columns import pseudonyms
from entrepot_core.policy.tables import Policy
from entrepot_core.postgres import queries
from entrepot_core.postgres.catalog import Table
from entrepot_core.warehouse.schemas import Naming
from pg_replica.dump.items import Item
from pg_replica.settings import Settings

# Another number wherever this release would make another replica of the same source.
_FORM = "1"
_LENGTH = 16  # hexadecimal digits
_PROBE = b"the horizon of a replica"
_DEFINITIONS = queries.read("pg_replica", "source_definitions")
_REPLICA = queries.read("pg_replica", "replica_definitions")
_READER = "SELECT oid::text FROM pg_catalog.pg_roles WHERE rolname = %s"


def of_source(items: Iterable[Item], session: psycopg.Connection) -> dict[str, str]:
    """Digest the source's objects.

    Args:
        items: The items of a dump of it.
        session: A session on it, under the same snapshot.

    Returns:
        A digest by object.
    """
    lines = [(item.label, item.sql) for item in items]
    rows = session.execute(_DEFINITIONS).fetchall()
    return _digests([*lines, *((label, detail or "") for label, detail in rows)])


def of_replica(
    session: psycopg.Connection, naming: Naming, schemas: Iterable[str]
) -> dict[str, str]:
    """Digest the live replica's objects, and the append tables that it shows.

    Args:
        session: A session of the warehouse's owner.
        naming: The schemas' names.
        schemas: The source's schemas.

    Returns:
        A digest by object.
    """
    names = [*map(naming.live, schemas), naming.incremental]
    rows = session.execute(_REPLICA, {"schemas": names}).fetchall()
    return _digests((label, detail or "") for label, detail in rows)


def of_settings(
    settings: Settings, policy: Policy, session: psycopg.Connection
) -> dict[str, str]:
    """Digest the variables and rules on which the replica's form and rows depend.

    Args:
        settings: The variables.
        policy: The table policy.
        session: A session on the warehouse.

    Returns:
        A digest by name.
    """
    secret = settings.pseudonym_secret
    reader = session.execute(_READER, [settings.internal_reader]).fetchone()
    rules = sorted(
        (
            table.sql,
            rule.mode,
            sorted(rule.columns.items()),
            sorted(rule.indexes.items()),
        )
        for table, rule in policy.rules.items()
    )
    former = sorted((former, str(now)) for former, now in policy.former_names.items())
    values = {
        "the version of pg-replica": f"{version('entrepot-pg-replica')} {_FORM}",
        "REPLICATION": settings.replication,
        "RESTORE_FK_CONSTRAINTS": settings.restore_fk_constraints,
        "BUILD_ROLE": str(settings.build_role),
        "REPLICA_ROLE": str(settings.replica_role),
        "INTERNAL_READER": f"{settings.internal_reader} {reader}",
        "TRUST_SOURCE_CODE": str(settings.trust_source_code),
        "PSEUDONYM_SECRET": pseudonyms(secret)(_PROBE).decode() if secret else "",
        "the table policy": repr((rules, sorted(policy.tolerated), former)),
        "the warehouse's version": str(session.info.server_version),
    }
    return _digests(values.items())


def of_files(tables: Iterable[Table]) -> dict[str, int]:
    """Note the file of each table.

    Args:
        tables: The source's tables.

    Returns:
        The file's number by table.
    """
    return {table.name.sql: table.filenode for table in tables}


def _digests(lines: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Digest lines; those of one label, in whatever order they come, together."""
    found = defaultdict(list)
    for label, text in lines:
        found[label].append(text)
    return {
        label: hashlib.sha256(
            "\0".join(sorted(texts)).encode(errors="surrogateescape")
        ).hexdigest()[:_LENGTH]
        for label, texts in found.items()
    }
