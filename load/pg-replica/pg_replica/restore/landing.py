"""The landing: where a night is rebuilt, out of everybody's sight."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from contextlib import nullcontext

import psycopg

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.policy.columns import PSEUDONYM_LENGTH
from entrepot_core.policy.tables import Policy, TableRule
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import (
    PUBLIC,
    TableName,
    quote,
)
from entrepot_core.warehouse.runs import Item as RecordedItem
from entrepot_core.warehouse.runs import Record, utc_now
from entrepot_core.warehouse.schemas import Naming
from pg_replica.dump.cutter import split
from pg_replica.dump.items import FOREIGN_KEY, LEFT_OUT, REFRESH, Item
from pg_replica.restore import range_types
from pg_replica.warehouse import functions, made_schemas, objects, ownership

_PATIENCE = 60.0  # seconds for what a dead run's sessions still hold
_MANY = 20  # failed items that a message lists
# Making these computes something over rows, or looks at them.
_OVER_ROWS = frozenset(
    {
        "CHECK CONSTRAINT",
        "CONSTRAINT",
        FOREIGN_KEY,
        "INDEX",
        "INDEX ATTACH",
        REFRESH,
        "TABLE ATTACH",
    }
)
# Whether PUBLIC has a right on the schema, and whether readers need it for an extension's sake.
_PUBLIC_IS_OPEN = """
SELECT EXISTS (
    SELECT FROM pg_catalog.aclexplode(
        coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a
    WHERE a.grantee = 0
), EXISTS (
    SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s AND NOT EXISTS (
        SELECT FROM pg_catalog.aclexplode(n.nspacl) AS a WHERE a.grantee = r.oid
    )
) AND EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extnamespace = n.oid)
FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'public'
"""


def names_of(items: Iterable[Item]) -> list[str]:
    """List the names that a dump's items can have in schema `public`.

    Args:
        items: The items.

    Returns:
        Each name once.
    """
    here = [item for item in items if item.schema == PUBLIC]
    return sorted({item.made.name if item.made else item.tag for item in here})


def clean(
    connection: psycopg.Connection,
    schemas: list[str],
    names: Collection[str],
    builder: str | None,
) -> None:
    """Empty the landing of what an earlier run or attempt left, and give the space back.

    Args:
        connection: A session on the warehouse, in autocommit.
        schemas: The landing's schemas.
        names: What runs make in schema `public`, as `objects.in_landing` takes it.
        builder: As there.

    Raises:
        RunFailed: If something remains.
    """
    schemas = made_schemas.ours(connection, schemas)
    held = objects.drop(
        connection,
        schemas,
        patience=_PATIENCE,
        is_ours=objects.in_landing(names, builder),
    )
    if held:
        raise RunFailed(
            "the landing cannot be emptied: " + "; ".join(held[:_MANY]),
            "something outside the landing depends on it: drop that, then run again",
        )


def create_schemas(
    connection: psycopg.Connection,
    schemas: list[str],
    naming: Naming,
    builder: str | None,
) -> None:
    """Make the landing's schemas, and where it waits; readers get no right on them.

    Args:
        connection: A session on the warehouse.
        schemas: The source's schemas.
        naming: The schemas' names.
        builder: The role that builds in them; None where the owner does.
    """
    for schema in schemas:
        waiting = naming.following(schema)
        made_schemas.create(connection, waiting)
        if schema != PUBLIC:
            made_schemas.create(connection, schema)
        if builder:
            ownership.let_build(connection, [schema, waiting], builder)


def close_public(connection: psycopg.Connection, reader: str) -> bool:
    """Take schema `public` from everybody, for it is where a night is rebuilt.

    Who may use a schema can hold a lock on each of its tables, and call what is open there. The
    readers keep it where an extension lives in it: their queries call its functions.

    Args:
        connection: A session of the warehouse's owner.
        reader: The role of the readers.

    Returns:
        Whether PUBLIC has no right on it any more; only its owner can take it away.
    """
    is_open, reader_needs_it = _public(connection, reader)
    if is_open:
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    if reader_needs_it:
        connection.execute(f"GRANT USAGE ON SCHEMA public TO {quote(reader)}")
    return not (is_open and _public(connection, reader)[0])


def _public(connection: psycopg.Connection, reader: str) -> tuple[bool, bool]:
    row = connection.execute(_PUBLIC_IS_OPEN, [reader]).fetchone()
    assert row is not None
    return row[0], row[1]


class Builder:
    """Makes a dump's items in the landing and records each.

    Attributes:
        tolerated: The items that failed and may.

    Args:
        policy: Which columns change, which items may fail.
        record: Where items and findings go.
        naming: The schemas' names.
        owner: A session of the warehouse's owner, who makes what is the database's: extensions.
    """

    def __init__(
        self,
        policy: Policy,
        record: Record,
        naming: Naming,
        owner: psycopg.Connection | None = None,
    ) -> None:
        self._owner = owner
        self._naming = naming
        self._policy = policy
        self._record = record
        self.tolerated: list[Item] = []

    def build(self, connection: psycopg.Connection, items: Iterable[Item]) -> None:
        """Make items one after the other.

        Args:
            connection: A session on the warehouse, in autocommit.
            items: In the dump's order.

        Raises:
            RunFailed: After the last item, with every one that failed.
            TransientFailure: At once, if the server is lost.
        """
        failed = []
        for item in items:
            if item.kind in LEFT_OUT:
                self._leave_out(item)
                continue
            try:
                self.make(connection, item)
            except TransientFailure:
                raise
            except RunFailed as error:
                failed.append(str(error))
        if failed:
            more = f"; and {len(failed) - _MANY} more" if len(failed) > _MANY else ""
            raise RunFailed(
                f"{len(failed)} items of the dump could not be restored: "
                + "; ".join(failed[:_MANY])
                + more,
                "mend the cause, or name an item that may fail in tolerated_items of the "
                "table policy",
            )

    def make(
        self, connection: psycopg.Connection, item: Item, sql: str | None = None
    ) -> None:
        """Make one item.

        Args:
            connection: A session on the warehouse, in autocommit.
            item: The item.
            sql: What to run instead of the item's own statements.

        Raises:
            QueryCanceled: If another task has failed meanwhile.
            RunFailed: If the server refuses it and the policy does not tolerate that.
            TransientFailure: If the server is lost.
        """
        if not item.sql or _is_comment_on_extension(item):
            return
        if self._owner and _is_the_database_s(item):
            connection = self._owner
        began, started_at = time.monotonic(), utc_now()
        try:
            if item.kind in functions.KINDS and item.schema:
                self._make_function(connection, item, item.schema)
            else:
                execute(
                    connection, split(sql.encode()) if sql else self._statements(item)
                )
            if item.kind == "TABLE":
                self._adapt(connection, TableName(item.schema or PUBLIC, item.tag))
        except psycopg.errors.QueryCanceled:
            raise
        except psycopg.Error as error:
            self._failed(connection, item, error)
            return
        seconds = time.monotonic() - began
        self._record.item(RecordedItem(item.kind, item.tag, started_at, seconds))

    def _make_function(
        self, connection: psycopg.Connection, item: Item, schema: str
    ) -> None:
        names = [item.made.name] if item.made else None
        with connection.transaction():
            execute(connection, item.statements)
            definers = functions.close(connection, schema, names)
        for name in definers:
            self._record.finding(
                f"function {name}",
                "SECURITY DEFINER on the source; here it runs with its caller's rights",
            )

    def _statements(self, item: Item) -> list[bytes]:
        if item.schema is None:
            return item.statements
        waiting = self._naming.following(item.schema)
        return range_types.made_elsewhere(item, waiting) or item.statements

    def _failed(
        self, connection: psycopg.Connection, item: Item, error: psycopg.Error
    ) -> None:
        why = one_line(error, of_rows=item.kind in _OVER_ROWS)
        message = f"{item.label} (entry {item.number}): {why}"
        if connection.closed or isinstance(error, psycopg.errors.AdminShutdown):
            raise TransientFailure(message) from None
        if f"{item.kind} {item.tag}" not in self._policy.tolerated:
            raise RunFailed(message) from None
        self.tolerated.append(item)
        self._record.finding(item.label, f"not restored, which is tolerated: {why}")

    def _leave_out(self, item: Item) -> None:
        if reason := LEFT_OUT[item.kind]:
            self._record.finding(item.label, f"left out: {reason}")

    def _adapt(self, connection: psycopg.Connection, table: TableName) -> None:
        """Make room for NULLs and pseudonyms in a table that was just made, and is empty."""
        rule = self._policy.rule(table)
        if not rule.columns:
            return
        attributes = connection.execute(
            "SELECT attname, attnum, attidentity <> '',"
            " pg_catalog.format_type(atttypid, atttypmod),"
            " CASE WHEN atttypid IN ('varchar'::regtype, 'bpchar'::regtype) THEN atttypmod - 4 END,"
            " atttypid = 'text'::regtype FROM pg_catalog.pg_attribute"
            " WHERE attrelid = %s::regclass AND attname = ANY (%s) AND attinhcount = 0",
            [table.sql, list(rule.columns)],
        ).fetchall()
        self._drop_checks(connection, table, [row[1] for row in attributes])
        for name, _, identity, type_name, length, is_text in attributes:
            changes = _column_changes(
                rule, name, identity=identity, length=length, is_text=is_text
            )
            connection.execute(
                f"ALTER TABLE {table.sql} "
                + ", ".join(
                    f"ALTER COLUMN {quote(name)} {change}" for change in changes
                )
            )
            if any("TYPE" in change for change in changes):
                self._record.finding(
                    f"column {table}.{name}",
                    f"is text instead of {type_name}: a pseudonym is",
                )

    def _drop_checks(
        self, connection: psycopg.Connection, table: TableName, numbers: list[int]
    ) -> None:
        """Drop the CHECKs that NULLs or pseudonyms would not pass."""
        for (name,) in connection.execute(
            "SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = %s::regclass"
            " AND contype = 'c' AND conkey && %s::int2[]",
            [table.sql, numbers],
        ).fetchall():
            connection.execute(f"ALTER TABLE {table.sql} DROP CONSTRAINT {quote(name)}")
            self._record.finding(
                f"constraint {name} of table {table}",
                "left out: it checks a changed column",
            )


def execute(connection: psycopg.Connection, statements: list[bytes]) -> None:
    """Run statements all or none, each by itself.

    Args:
        connection: A session in autocommit.
        statements: One statement each; a second one in it is refused by the server.
    """
    with connection.transaction() if len(statements) > 1 else nullcontext():
        for statement in statements:
            # With a binary answer the protocol takes one statement, never two.
            connection.execute(statement, binary=True)


def _column_changes(
    rule: TableRule, name: str, *, identity: bool, length: int | None, is_text: bool
) -> list[str]:
    changes = ["DROP IDENTITY"] if identity else ["DROP DEFAULT"]
    if rule.columns[name] == "exclude":
        return [*changes, "DROP NOT NULL"]
    roomy = is_text or (
        length is not None and (length < 0 or length >= PSEUDONYM_LENGTH)
    )
    return changes if roomy else [*changes, "TYPE text"]


def _is_the_database_s(item: Item) -> bool:
    """Say whether only the database's owner may make an item."""
    return item.kind == "EXTENSION" or (
        item.kind == "COMMENT" and item.tag.startswith("SCHEMA ")
    )


def _is_comment_on_extension(item: Item) -> bool:
    """Only an extension's owner may comment on it, and on managed hosts that is not us."""
    return item.kind == "COMMENT" and item.tag.startswith("EXTENSION ")


def drop_kept_out(
    connection: psycopg.Connection, policy: Policy, tables: set[TableName]
) -> None:
    """Drop the tables and columns that stay out, and what hangs on them in the landing.

    They were made empty, with all that belongs to them: so PostgreSQL's own record of what
    depends on what decides what goes, never a resemblance of names.

    Args:
        connection: A session on the warehouse, in autocommit.
        policy: What stays out.
        tables: The tables that are in the landing.
    """
    for table in tables & set(policy.kept_out):
        connection.execute(f"DROP TABLE IF EXISTS {table.sql} CASCADE")
    for table, rule in policy.rules.items():
        if table not in tables or rule.mode != "full":
            continue
        for column in (
            name for name, action in rule.columns.items() if action == "exclude"
        ):
            connection.execute(
                f"ALTER TABLE {table.sql} DROP COLUMN IF EXISTS {quote(column)} CASCADE"
            )
