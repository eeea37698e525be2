"""Makes the items of a dump, one by one, and records each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import nullcontext

import psycopg

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.connection import one_line
from entrepot_core.postgres.identifiers import PUBLIC, TableName
from entrepot_core.warehouse.runs import Item as RecordedItem
from entrepot_core.warehouse.runs import Record, utc_now
from entrepot_core.warehouse.schemas import Naming
from pg_replica.dump.cutter import split
from pg_replica.dump.items import FOREIGN_KEY, LEFT_OUT, REFRESH, Item
from pg_replica.dump.without import NOTHING, Lacking, is_newer, simplified
from pg_replica.restore import range_types
from pg_replica.restore.changed_columns import adapt
from pg_replica.restore.kept_types import KeptTypes
from pg_replica.restore.search_path import SearchPath, is_of_path
from pg_replica.warehouse import functions

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


class Builder:
    """Makes a dump's items in the landing and records each.

    Attributes:
        tolerated: The items that failed and may.

    Args:
        policy: Which columns change, which items may fail.
        record: Where items and findings go.
        naming: The schemas' names.
        owner: A session of the warehouse's owner, who makes what is the database's: extensions.
        path: The search path that the source's functions count on.
        types: The live night's types, which stay where they are defined alike.
        lacking: What tables go without, because the warehouse cannot have it.
    """

    def __init__(
        self,
        policy: Policy,
        record: Record,
        naming: Naming,
        owner: psycopg.Connection | None = None,
        path: SearchPath | None = None,
        types: KeptTypes | None = None,
        lacking: Mapping[TableName, Lacking] | None = None,
    ) -> None:
        self._lacking = lacking or {}
        self._types = types
        self._path = path
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
        wanted = []
        for item in items:
            if item.kind in LEFT_OUT:
                self._leave_out(item)
            else:
                wanted.append(item)
        failed = self._try(connection, wanted)
        # A dump's order does not know what functions and views need when they are used.
        while failed and len(again := self._try(connection, list(failed))) < len(
            failed
        ):
            failed = again
        self._judge(failed)

    def _try(
        self, connection: psycopg.Connection, items: list[Item]
    ) -> dict[Item, str]:
        """Make items; give those that failed, each with the reason."""
        failed: dict[Item, str] = {}
        for item in items:
            try:
                self._make(connection, item)
            except psycopg.errors.QueryCanceled:
                raise
            except psycopg.Error as error:
                failed[item] = self._reason(connection, item, error)
        return failed

    def _judge(self, failed: dict[Item, str]) -> None:
        """Tolerate what may fail, and what hangs on it; refuse the rest in one message.

        Raises:
            RunFailed: With every item that failed and may not.
        """
        causes = self._causes(failed)
        problems, hanging = [], Counter[Item]()
        for item, why in failed.items():
            cause = causes[item]
            if _name(cause) in self._policy.tolerated:
                self._tolerate(item, why)
            elif cause is item:
                problems.append(item)
            else:
                hanging[cause] += 1
        if not problems:
            return
        listed = [
            failed[item] + f" ({hanging[item]} items hang on it)" * (item in hanging)
            for item in problems
        ]
        more = f"; and {len(listed) - _MANY} more" if len(listed) > _MANY else ""
        raise RunFailed(
            f"{len(failed)} items of the dump could not be restored: "
            + "; ".join(listed[:_MANY])
            + more,
            "mend the cause, or name an item that may fail in tolerated_items of the "
            f"table policy, such as {_name(problems[0])!r}: what hangs on it is left out with it",
        )

    def _causes(self, failed: dict[Item, str]) -> dict[Item, Item]:
        """Say for each item that failed on which other one it hangs, by the dump's own record."""
        causes = {item: item for item in self.tolerated}
        for item in failed:
            above = next((each for each in causes if _hangs_on(item, each)), None)
            causes[item] = causes[above] if above else item
        return causes

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
        try:
            self._make(connection, item, sql)
        except psycopg.errors.QueryCanceled:
            raise
        except psycopg.Error as error:
            why = self._reason(connection, item, error)
            if _name(self._causes({item: why})[item]) not in self._policy.tolerated:
                raise RunFailed(why) from None
            self._tolerate(item, why)

    def _make(
        self, connection: psycopg.Connection, item: Item, sql: str | None = None
    ) -> None:
        if not item.sql or _is_comment_on_extension(item):
            return
        if self._owner and _is_the_database_s(item):
            connection = self._owner
        version = connection.info.server_version
        if any(is_newer(each, version) for each in item.statements[:1]):
            self.tolerated.append(item)
            why = f"left out: PostgreSQL {version // 10000} does not know it"
            self._record.finding(item.label, why)
            return
        began, started_at = time.monotonic(), utc_now()
        if item.kind in functions.KINDS and item.schema:
            self._make_function(connection, item, item.schema)
        else:
            statements = (
                self._renamed(split(sql.encode())) if sql else self._statements(item)
            )
            statements = self._simplified(connection, item, statements)
            if self._owner and item.kind == "COMMENT" and statements != item.statements:
                connection = (
                    self._owner
                )  # a type of the live night is not the builder's
            self._run(connection, item, statements)
            if self._types:
                self._types.consider(connection, item)
        if item.kind == "TABLE":
            adapt(
                connection,
                TableName(item.schema or PUBLIC, item.tag),
                self._policy,
                self._record,
            )
        seconds = time.monotonic() - began
        self._record.item(RecordedItem(item.kind, item.tag, started_at, seconds))

    def _run(
        self, connection: psycopg.Connection, item: Item, statements: list[bytes]
    ) -> None:
        """Run an item's statements; once more, if a function of the source missed something."""
        try:
            execute(connection, statements)
        except psycopg.Error as error:
            may_be_mended = item.kind in _OVER_ROWS and is_of_path(error)
            if not (self._path and self._path.value and may_be_mended):
                raise
            self._path.run(connection, statements)

    def _make_function(
        self, connection: psycopg.Connection, item: Item, schema: str
    ) -> None:
        names = [item.made.name] if item.made else None
        with connection.transaction():
            execute(connection, self._renamed(item.statements))
            definers = functions.close(connection, schema, names)
        for name in definers:
            self._record.finding(
                f"function {name}",
                "SECURITY DEFINER on the source; here it runs with its caller's rights",
            )

    def _statements(self, item: Item) -> list[bytes]:
        if item.schema is None:
            return self._renamed(item.statements)
        waiting = self._naming.following(item.schema)
        made = range_types.made_elsewhere(item, waiting)
        return self._renamed(made or item.statements)

    def _simplified(
        self, connection: psycopg.Connection, item: Item, statements: list[bytes]
    ) -> list[bytes]:
        """Make a table without what the warehouse cannot have."""
        if item.kind != "TABLE":
            return statements
        table = TableName(item.schema or PUBLIC, item.tag)
        rule = self._policy.rule(table)
        as_text = [name for name, how in rule.columns.items() if how == "text"]
        lacking = self._lacking.get(table, NOTHING) | Lacking(text=frozenset(as_text))
        version = connection.info.server_version
        return [simplified(each, lacking, version) for each in statements]

    def _renamed(self, statements: list[bytes]) -> list[bytes]:
        return self._types.renamed(statements) if self._types else statements

    def _reason(
        self, connection: psycopg.Connection, item: Item, error: psycopg.Error
    ) -> str:
        why = one_line(error, of_rows=item.kind in _OVER_ROWS)
        message = f"{item.label} (entry {item.number}): {why}"
        if connection.closed or isinstance(error, psycopg.errors.AdminShutdown):
            raise TransientFailure(message) from None
        return message

    def _tolerate(self, item: Item, why: str) -> None:
        self.tolerated.append(item)
        self._record.finding(item.label, f"not restored, which is tolerated: {why}")

    def _leave_out(self, item: Item) -> None:
        if reason := LEFT_OUT[item.kind]:
            self._record.finding(item.label, f"left out: {reason}")


def _hangs_on(item: Item, other: Item) -> bool:
    """Say whether an item cannot be without another: by the archive's record, or by its table."""
    if other.number and other.number in item.dependencies:
        return True
    if item.kind == REFRESH:
        return (other.schema, other.tag) == (item.schema, item.tag)
    return item.table is not None and item.table == other.made


def _name(item: Item) -> str:
    """Name an item as `tolerated_items` of the policy does."""
    return f"{item.kind} {item.tag}"


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


def _is_the_database_s(item: Item) -> bool:
    """Say whether only the database's owner may make an item."""
    return item.kind == "EXTENSION" or (
        item.kind == "COMMENT" and item.tag.startswith("SCHEMA ")
    )


def _is_comment_on_extension(item: Item) -> bool:
    """Only an extension's owner may comment on it, and on managed hosts that is not us."""
    return item.kind == "COMMENT" and item.tag.startswith("EXTENSION ")
