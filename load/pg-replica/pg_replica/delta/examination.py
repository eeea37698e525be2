"""One table after the other is read and compared; any doubt has the whole of it read."""

from __future__ import annotations

from dataclasses import dataclass

from pg_replica.delta import comparison
from pg_replica.delta.comparison import Counts, Doubt, Foreign
from pg_replica.delta.decision import Way
from pg_replica.delta.scan import Scan
from pg_replica.delta.working import Working
from pg_replica.warehouse.sessions import Sessions


@dataclass(frozen=True)
class Finding:
    """What was found of one table.

    Attributes:
        table: The table.
        way: How it was read.
        counts: What is to be done.
        staged: Rows that were read for it.
        doubt: Why it was read whole, where that was not the plan.
    """

    table: Working
    way: Way
    counts: Counts
    staged: int
    doubt: str | None = None


@dataclass(frozen=True)
class Examination:
    """Reads and compares tables.

    Attributes:
        scan: Reads the source.
        sessions: The workers' sessions on the warehouse.
        foreign: Tells rows of somebody else.
        part: Which part of the unchanged rows is compared this time.
        parts: Of how many: after as many nights each row was compared.
    """

    scan: Scan
    sessions: Sessions
    foreign: Foreign
    part: int
    parts: int

    def examine(self, table: Working, worker: int) -> Finding:
        """Read a table, compare it, and list what must change.

        Args:
            table: The table.
            worker: The worker that does it.

        Returns:
            What was found.

        Raises:
            Doubt: If even the whole table does not explain what it must become.
        """
        if table.plan.way == "changed rows":
            try:
                return self._changed(table, worker)
            except Doubt as doubt:
                return self._whole(table, worker, str(doubt))
        if table.plan.has_same_file and (same := self._untouched(table, worker)):
            return same
        return self._whole(table, worker, None)

    def _changed(self, table: Working, worker: int) -> Finding:
        session = self.sessions.get(worker)
        staged = self.scan.changed_rows(table, worker)
        if table.has_words:
            self.scan.words(table, worker)
            counts = comparison.by_words(session, table, self.foreign)
        else:
            self.scan.blocks(table, worker)
            blocks = comparison.differing_blocks(session, table, self.foreign)
            if blocks:
                self.scan.keys(table, worker, blocks)
            counts = comparison.by_blocks(session, table)
        self._compare_unchanged(table, worker)
        return Finding(table, "changed rows", counts, staged)

    def _compare_unchanged(self, table: Working, worker: int) -> None:
        if table.summed("t") is None:
            return
        there = self.scan.unchanged(table, worker, self.part, self.parts)
        session = self.sessions.get(worker)
        here = comparison.unchanged(session, table, self.part, self.parts)
        if there != here:
            raise Doubt("rows that have not changed differ from the source's")

    def _untouched(self, table: Working, worker: int) -> Finding | None:
        """Say whether no row has changed, come or gone, in a table whose rows have no key."""
        rows, changed = self.scan.figures(table, worker)
        here, is_foreign = comparison.figures(
            self.sessions.get(worker), table, self.foreign
        )
        if changed or rows != here or is_foreign:
            return None
        return Finding(table, "changed rows", Counts(0, 0, 0, 0, rows), 0)

    def _whole(self, table: Working, worker: int, doubt: str | None) -> Finding:
        rows = self.scan.all_rows(table, worker)
        session = self.sessions.get(worker)
        counts = comparison.by_all_keys(session, table, rows)
        return Finding(table, "whole", counts, rows, doubt)
