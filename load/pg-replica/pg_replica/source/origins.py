"""Replication sources behind one interface: a live database under a snapshot, or a dump."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

import psycopg

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.base.logs import event
from entrepot_core.policy.tables import Policy, PolicyText
from entrepot_core.postgres import catalog, client_tools
from entrepot_core.postgres.catalog import Fact
from entrepot_core.postgres.connection import Database, explained
from entrepot_core.postgres.identifiers import TableName, literal
from entrepot_core.warehouse.shrinking import NO_LIMIT
from pg_replica.dump import items as dump
from pg_replica.dump.contents import read_schema
from pg_replica.dump.items import Item, parents
from pg_replica.dump.open import forget, open_dump
from pg_replica.dump.without import Lacking
from pg_replica.dump.without_rows import tables_without_rows
from pg_replica.preflight import money
from pg_replica.preflight.policy import policy_problems
from pg_replica.preflight.report import Report
from pg_replica.proposal.new_columns import NewColumn, NewColumns
from pg_replica.settings import Settings
from pg_replica.source.partitions import routed
from pg_replica.source.refreshes import refreshes
from pg_replica.source.rows import Portion, dump_portions, live_portions
from pg_replica.source.snapshot import Snapshot
from pg_replica.verify import compare as verify
from pg_replica.warehouse.sessions import Sessions

_DUMP_OPTIONS = [
    "--schema-only",
    "--no-owner",
    "--no-privileges",
    "--no-publications",
    "--no-security-labels",
    "--no-subscriptions",
    "--no-tablespaces",
    "--encoding=UTF8",
]
# What no dump without tables has, unless it is a part of one.
_OF_TABLES = (
    "CONSTRAINT",
    "DEFAULT",
    "FK CONSTRAINT",
    "INDEX",
    "SEQUENCE SET",
    "TRIGGER",
)
_MANY = 20
_RELATIONS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE")


class Origin(Protocol):
    """Where a night comes from.

    Attributes:
        items: What is to be made, in the dump's order.
        policy: The table policy, names resolved.
        new_columns: What no night has brought yet, and looks personal.
        lacking: What tables go without, because the warehouse cannot have it.
        search_path: The schemas that the source's own setting names, in its order.
    """

    items: list[Item]
    policy: Policy
    lacking: dict[TableName, Lacking]
    search_path: list[str]
    new_columns: list[NewColumn]

    def portions(self, landing: psycopg.Connection) -> list[Portion]:
        """Plan the copies, once the landing's tables are made."""
        ...

    def watch(self, on_failure: Callable[[RunFailed], None]) -> None:
        """Watch over the source while rows are copied."""
        ...

    def rows_are_out(self) -> None:
        """Check that nothing changed underneath, and let the source go."""
        ...

    def finish(self, landing: psycopg.Connection) -> None:
        """Set what comes last: the sequences' values."""
        ...

    def verify_catalog(self, found: set[Fact], left_out: list[Item]) -> None:
        """Compare the landing's catalog with what must be there."""
        ...

    def verify_rows(self, landing: psycopg.Connection) -> None:
        """Compare sampled rows."""
        ...

    def cancel(self) -> None:
        """End the statements that workers wait for."""
        ...

    def close(self, *, published: bool) -> None:
        """Let everything go."""
        ...


def _refuse_if_any(problems: list[str]) -> None:
    if problems:
        raise Refused(problems)


class LiveOrigin:
    """The source database, held still by a snapshot.

    Attributes:
        snapshot: Under which it is read.
        sessions: The workers' sessions on it, not in autocommit.
        sequences: Their values under the snapshot, and whether they were ever used.
    """

    def __init__(self, settings: Settings, source: Database, report: Report) -> None:
        """Take the snapshot and read everything but the rows.

        Args:
            settings: The variables.
            source: The source.
            report: What the checks found.
        """
        self._settings = settings
        self._source = source
        self.sessions = Sessions(source, autocommit=False)
        source.wait_until_ready(settings.network_timeout)
        self.snapshot = Snapshot(source, settings.source_lock_timeout)
        try:
            with explained("source"):
                self._read(settings, report)
        except BaseException:
            self.snapshot.release()
            raise

    def _read(self, settings: Settings, report: Report) -> None:
        assert report.policy_text is not None
        self.items = self._dump_schema(report)
        self.items = dump.without_extensions_own(self.items)
        populated = self.snapshot.populated_materialized_views()
        self.items += refreshes(self.items, populated)
        self.policy = report.policy_text.resolve(self.snapshot.columns)
        _refuse_if_any(self.policy.problems)
        _refuse_if_any(policy_problems(self.policy, self.snapshot.tables, settings))
        self.policy.inherit(parents(self.items))
        new = NewColumns(settings, report.live_columns, self.policy, self.items)
        self.new_columns = new.of_source(self._source, self.snapshot.columns)
        for table, column in report.amounts:
            self.policy.as_numeric(table, column)
        self.policy.tolerated |= frozenset(report.left_out)
        self.lacking = report.lacking
        self.search_path = self.snapshot.search_path()
        self._facts = self.snapshot.facts(dump.schemas_of(self.items))
        self.sequences = self.snapshot.sequences()
        queries = [
            (table.name, query)
            for table in self.snapshot.tables
            if (query := verify.sample_query(table, self.policy))
        ]
        self._samples = [
            (table, query, found)
            for table, query in queries
            if (found := self.snapshot.sample(table, query)) is not None
        ]

    def _dump_schema(self, report: Report) -> list[Item]:
        command = [
            report.tools[0].path("pg_dump"),
            "--format=custom",
            *_DUMP_OPTIONS,
            f"--snapshot={self.snapshot.name}",
            f"--lock-wait-timeout={self._settings.source_lock_timeout * 1000:.0f}",
        ]
        try:
            with client_tools.reading(
                command, self._source.child_environment()
            ) as output:
                return read_schema(output)
        except RunFailed as error:
            raise TransientFailure(str(error)) from None

    def portions(self, landing: psycopg.Connection) -> list[Portion]:
        """Plan the copies: see `live_portions`."""
        with explained("source"):
            ((encoding,),) = self.snapshot.query("SHOW server_encoding")
        self._routed = routed(landing, same_encoding=encoding == "UTF8")
        with explained("source"):
            return live_portions(
                self.snapshot,
                self.sessions,
                self.policy,
                self._settings.jobs,
                self._settings.pseudonym_secret,
                self._routed,
                may_pass_frames=self._settings.copy_passthrough,
            )

    def watch(self, on_failure: Callable[[RunFailed], None]) -> None:
        """See `Snapshot.watch`."""
        budget, limit = self._settings.source_lock_budget, self._settings.snapshot_limit
        self.snapshot.watch(budget, limit, on_failure)

    def rows_are_out(self) -> None:
        """Compare the tables' files, then release the source."""
        with explained("source"):
            changed = set(self.snapshot.changed_files())
        changed -= set(self.policy.kept_out)
        if changed:
            names = ", ".join(sorted(map(str, changed)))
            raise TransientFailure(
                f"truncated, rewritten or dropped on the source during the copy: {names}"
            )
        self.snapshot.release()
        self.sessions.close()

    def finish(self, landing: psycopg.Connection) -> None:
        """Give the sequences the source's values."""
        calls = [
            f"pg_catalog.setval({literal(name.sql)}::regclass, {value}, {str(used).lower()})"
            for name, (value, used) in self.sequences.items()
        ]
        for first in range(0, len(calls), 500):
            landing.execute("SELECT " + ", ".join(calls[first : first + 500]))

    def verify_catalog(self, found: set[Fact], left_out: list[Item]) -> None:
        """Compare with the source's catalog under the snapshot."""
        verify.compare(
            verify.expected(self._facts, self.policy, left_out, self.lacking), found
        )

    def verify_rows(self, landing: psycopg.Connection) -> None:
        """Compare the rows at both ends of each primary key."""
        # A partition whose rows found their places anew has other rows at its ends.
        samples = [each for each in self._samples if each[0] not in self._routed]
        verify.compare_samples(landing, samples)

    def cancel(self) -> None:
        """End the COPYs."""
        self.sessions.cancel()

    def close(self, *, published: bool) -> None:
        """Release the source."""
        self.snapshot.release()
        self.sessions.close()


class DumpOrigin:
    """A dump."""

    def __init__(
        self, settings: Settings, report: Report, count_bytes: Callable[[int], None]
    ) -> None:
        """Fetch, unwrap and read all but the rows.

        Args:
            settings: The variables.
            report: What the checks found.
            count_bytes: Told the bytes fetched.
        """
        assert report.policy_text is not None
        self._settings = settings
        self._live = report.live_columns
        self._text: PolicyText = report.policy_text
        self._dump = open_dump(settings, report.tools, count_bytes)
        self.items = dump.without_extensions_own(self._dump.items)
        self.lacking: dict[TableName, Lacking] = {}
        self.search_path: list[str] = []  # a dump does not tell it
        self.policy = Policy(tolerated=self._text.tolerated)
        self._check()

    def _check(self) -> None:
        tables = {
            TableName(item.schema or "", item.tag)
            for item in self.items
            if item.kind == "TABLE"
        }
        if tables and not self._dump.data:
            raise Refused(
                [
                    "DUMP_PATH: the dump holds tables but no rows (made with --schema-only?)"
                ]
            )
        if not tables and any(item.kind in _OF_TABLES for item in self.items):
            problem = "the dump holds no tables, but what belongs to tables"
            raise Refused(
                [f"DUMP_PATH: {problem} (made with --data-only or --section?)"]
            )
        for name in self._dump.unclaimed:
            event(f"the rows of {name} are its extension's: the dump does not make it")
        above = set(parents(self.items).values())
        found = Counter(data.table for data in self._dump.data)
        twice = [
            str(table) for table in found if found[table] > 1 and table not in above
        ]
        _refuse_if_any(
            [f"DUMP_PATH: rows of table {table} are in two places" for table in twice]
        )
        # Columns are not known before the tables are made: names of tables are, now.
        self.policy = self._text.resolve(dict.fromkeys(tables), absent_is_fine=True)
        _refuse_if_any(self.policy.problems)
        self.policy.inherit(parents(self.items))
        _refuse_if_any(self._without_rows())

    def _without_rows(self) -> list[str]:
        """Refuse rows that are left out and of which nobody has said so."""
        if self._dump.is_of_inserts or self._settings.may_lose >= NO_LIMIT:
            return []
        missing = [
            str(table)
            for table in tables_without_rows(
                self.items, (data.table for data in self._dump.data)
            )
            if self.policy.rule(table).mode == "full"
            and self.policy.rule(table).shrink_limit != NO_LIMIT
        ]
        if not missing:
            return []
        more = f" and {len(missing) - _MANY} more" if len(missing) > _MANY else ""
        problem = (
            f"DUMP_PATH: the dump makes {', '.join(missing[:_MANY])}{more} without rows (made with "
            "--exclude-table-data?): give them mode none in the table policy if that is meant, or "
            "let this run through with `pg-replica run --accept-shrink`"
        )
        return [problem]

    def portions(self, landing: psycopg.Connection) -> list[Portion]:
        """Plan the copies, the policy checked against the tables that were made."""
        columns = catalog.table_columns(landing)
        resolved = self._text.resolve(columns, absent_is_fine=True)
        tables = catalog.tables(landing, dump.schemas_of(self.items))
        _refuse_if_any(
            resolved.problems + policy_problems(resolved, tables, self._settings)
        )
        if amounts := money.columns(landing, resolved):
            problem = money.problem_of_dump(amounts, money.digits(landing))
            _refuse_if_any([problem] if problem else [])
        new = NewColumns(self._settings, self._live, self.policy, self.items)
        self.new_columns = new.of_landing(landing)
        types = {
            table.name: {c.name: c.type for c in table.columns if not c.generated}
            for table in tables
        }
        return dump_portions(
            self._dump,
            self.policy,
            types,
            self._settings.pseudonym_secret,
            routed(landing, same_encoding=self._dump.encoding == "UTF8"),
        )

    def watch(self, on_failure: Callable[[RunFailed], None]) -> None:
        """Do nothing: a dump does not change."""

    def rows_are_out(self) -> None:
        """Do nothing: there is no source to release."""

    def finish(self, landing: psycopg.Connection) -> None:
        """Do nothing: the sequences' values are items of the dump."""

    def verify_catalog(self, found: set[Fact], left_out: list[Item]) -> None:
        """Check that every relation of the dump is there."""
        missing = set(left_out)
        there = {
            (schema, name) for kind, schema, name, _ in found if kind == "relation"
        }
        verify.compare(
            {
                ("relation", item.schema or "", item.tag, "")
                for item in self.items
                if item.kind in _RELATIONS and item not in missing
            },
            {("relation", schema, name, "") for schema, name in there},
        )

    def verify_rows(self, landing: psycopg.Connection) -> None:
        """Do nothing more: each table's lines were counted against COPY's own count."""

    def cancel(self) -> None:
        """Do nothing: pg_restore ends when nobody reads it any more."""

    def close(self, *, published: bool) -> None:
        """Remove the fetched copy once it is published."""
        if published:
            forget(self._settings)
