"""The tables of schema `entrepot_ops`, made and changed by numbered migrations.

`migrations/NNNN_name.sql` holds what one release adds to what the one before it left. A migration
that was released is never edited: a change is a new file with the next number. Each runs once in
each warehouse, in one transaction with its row in `entrepot_ops.schema_version`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.base.logs import event

if TYPE_CHECKING:
    from importlib.abc import Traversable

SCHEMA = "entrepot_ops"
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK_TIMEOUT = (
    "60s"  # for whoever migrates at the same time, or reads a table that changes
)
_TRIES = 5
# What two first commands on an empty warehouse can see of each other, before there is a table
# to lock: the row of a catalog that the other one is about to commit.
_RACES = (
    errors.UniqueViolation,
    errors.DuplicateSchema,
    errors.DuplicateTable,
    errors.DuplicateObject,
)
_VERSION_TABLE = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
COMMENT ON SCHEMA {SCHEMA} IS 'What each run of Entrepôt did, step by step and item by item';
CREATE TABLE IF NOT EXISTS {SCHEMA}.schema_version (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL
);
COMMENT ON TABLE {SCHEMA}.schema_version IS
'Which migrations have made and changed the tables of this schema, when, and who ran them';
"""


@dataclass(frozen=True)
class Migration:
    """One step from a version of the tables to the next.

    Attributes:
        number: The version that it leads to; the first is 1.
        name: What it is about, from the file's name.
        script: Its SQL: statements that an ordinary role may run in one transaction.
    """

    number: int
    name: str
    script: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Give all migrations of this release, by number."""
    return read(resources.files("entrepot_core.warehouse").joinpath("migrations"))


def read(folder: Traversable) -> tuple[Migration, ...]:
    """Read the migrations of a folder.

    Args:
        folder: Where their files are, and nothing else.

    Returns:
        One per file, by number.

    Raises:
        ValueError: If a file's name is not `NNNN_name.sql`, or numbers repeat or leave a gap.
    """
    found: list[Migration] = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if (match := _FILE.fullmatch(file.name)) is None:
            raise ValueError(f"migrations/{file.name} should be named NNNN_name.sql")
        if int(match[1]) != len(found) + 1:
            raise ValueError(
                f"migrations/{file.name} should have number {len(found) + 1:04}"
            )
        script = file.read_text(encoding="utf-8")
        found.append(Migration(int(match[1]), match[2], script))
    return tuple(found)


def is_made(session: psycopg.Connection) -> bool:
    """Say whether a warehouse has schema `entrepot_ops`, of whatever version.

    Args:
        session: A session on the warehouse.

    Returns:
        Whether it has.
    """
    query = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s"
    return session.execute(query, [SCHEMA]).fetchone() is not None


def version(session: psycopg.Connection) -> int:
    """Give the number of the newest migration that a warehouse has seen.

    Args:
        session: A session on the warehouse.

    Returns:
        The number; 0 for an empty warehouse and for one of release 0.1.0.

    Raises:
        Refused: If the warehouse is newer than this release.
    """
    try:
        with session.transaction():
            row = session.execute(
                f"SELECT max(number) FROM {SCHEMA}.schema_version"
            ).fetchone()
    except (errors.InvalidSchemaName, errors.UndefinedTable):
        return 0
    found = (row[0] if row else None) or 0
    if found > (known := len(migrations())):
        problem = (
            f"the warehouse's schema {SCHEMA} has version {found}, and this release of "
            f"Entrepôt knows {known}: a newer release has worked here; install that one"
        )
        raise Refused([problem])
    return found


def upgrade(session: psycopg.Connection) -> None:
    """Bring the tables of `entrepot_ops` to this release's version; make them where there are none.

    Safe to call from several processes at once, and cheap when nothing is to be done: one query.

    Args:
        session: A session on the warehouse, of the role that owns it.

    Raises:
        Refused: If the warehouse is newer than this release.
        RunFailed: If the role may not.
        TransientFailure: If others hold the tables for longer than a minute.
    """
    for left in reversed(range(_TRIES)):
        try:
            if version(session) == len(migrations()):
                return
            with session.transaction():
                _apply_missing(session)
            return
        except errors.LockNotAvailable:
            raise TransientFailure(
                f"the tables of schema {SCHEMA} cannot be brought up to date: another session "
                f"has held one of them for {_LOCK_TIMEOUT}"
            ) from None
        except errors.InsufficientPrivilege as error:
            raise RunFailed(
                f"the tables of schema {SCHEMA} cannot be brought up to date: "
                f"{error.diag.message_primary}",
                f"schema {SCHEMA} and all in it must belong to the role of TARGET_DATABASE_URL, "
                "which needs CREATE on the database",
            ) from None
        except _RACES:
            if not left:
                raise


def upgrade_if_made(session: psycopg.Connection) -> bool:
    """Bring the tables up to date where there are any, for who only reads them.

    Args:
        session: A session on the warehouse, of the role that owns it.

    Returns:
        Whether there are any; where there are none, none are made.

    Raises:
        Refused: If the warehouse is newer than this release.
        RunFailed: If the role may not.
        TransientFailure: If others hold the tables for longer than a minute.
    """
    if not is_made(session):
        return False
    upgrade(session)
    return True


def _apply_missing(session: psycopg.Connection) -> None:
    session.execute(
        "SELECT pg_catalog.set_config('lock_timeout', %s, true)", [_LOCK_TIMEOUT]
    )
    session.execute(_VERSION_TABLE)
    # One at a time; only the schema's owner can take this lock, so nobody else can stop us.
    session.execute(f"LOCK TABLE {SCHEMA}.schema_version IN SHARE ROW EXCLUSIVE MODE")
    before = version(session)
    for each in migrations()[before:]:
        session.execute(each.script.encode())
        session.execute(
            f"INSERT INTO {SCHEMA}.schema_version (number, name, who)"
            " SELECT %s, %s, current_user || ', ' ||"
            " pg_catalog.current_setting('application_name')",
            [each.number, each.name],
        )
    event(f"schema {SCHEMA} has version {len(migrations())}", before=before)
