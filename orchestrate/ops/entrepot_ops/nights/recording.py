"""What a night notes of its steps: what cannot be noted is said aloud, and ends no night."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from entrepot_core.base.errors import AnotherRun
from entrepot_core.base.logs import event
from entrepot_core.postgres.connection import one_line
from entrepot_ops.meltano import dbt_manifest
from entrepot_ops.meltano.dbt_results import Result
from entrepot_ops.meltano.plan import Step
from entrepot_ops.quality import recording as quality
from entrepot_ops.record.night import NightRecord
from entrepot_ops.record.store import Row
from entrepot_ops.record.usual import Usual

_ERROR = 40
_Given = TypeVar("_Given")


class Recording:
    """The record as the runner of the steps writes it.

    Attributes:
        missing: What could not be noted, one sentence each.

    Args:
        record: The night's, begun.
    """

    def __init__(self, record: NightRecord) -> None:
        self._record = record
        self.missing: list[str] = []

    @property
    def night_id(self) -> int:
        """The night's number."""
        return self._record.night_id

    def begin_step(self, step: Step, place: int, digest: str) -> int | None:
        """Note that an attempt at a step begins.

        Args:
            step: Which.
            place: Its place in the night, from 1.
            digest: Of what it depends on.

        Returns:
            The attempt's number; None where it could not be noted.
        """
        return self._noted(
            f"the begin of {step.name}",
            lambda: self._record.begin_step(step, place, digest),
        )

    def skip_step(self, step: Step, place: int, reason: str) -> None:
        """Note that a step is left out.

        Args:
            step: Which.
            place: Its place in the night.
            reason: Why.
        """
        self._noted(
            f"that {step.name} is left out",
            lambda: self._record.skip_step(step, place, reason),
        )

    def end_step(
        self,
        step: Step,
        place: int,
        attempt: int | None,
        status: str,
        exit_status: int | None = None,
        rows: int | None = None,
        message: str | None = None,
    ) -> Row | None:
        """Note that an attempt has ended; one whose begin could not be noted is noted now.

        Args:
            step: Which.
            place: Its place in the night.
            attempt: As `begin_step` gave it.
            status: What became of it.
            exit_status: The command's; None when it has none.
            rows: Rows that its output counts.
            message: Why, when it did not succeed.

        Returns:
            `row_count` and `byte_count`, of its runs too; None where it could not be noted.
        """

        def note() -> Row | None:
            number = attempt or self._record.begin_step(step, place, "")
            return self._record.end_step(
                step, number, status, exit_status, rows, message
            )

        return self._noted(f"the end of {step.name}", note)

    def dbt_results(
        self, step: Step, attempt: int | None, results: Sequence[Result]
    ) -> None:
        """Note what dbt said of its nodes.

        Args:
            step: The build.
            attempt: As `begin_step` gave it.
            results: One a node.
        """
        if attempt is not None:
            self._noted(
                f"what dbt said in {step.name}",
                lambda: self._record.dbt_results(attempt, results),
            )

    def usual(self) -> dict[str, Usual]:
        """Read what is usual for each step; nothing where it cannot be read."""
        return self._noted("what is usual", self._record.usual) or {}

    def table_sizes(self) -> None:
        """Note how big each table of the warehouse is."""
        self._noted("the tables' sizes", self._record.table_sizes)

    def failing_tests(self, results: Sequence[Result], root: Path) -> None:
        """Note what is known of the tests that failed.

        Args:
            results: What dbt said of its nodes.
            root: The project's folder.
        """
        self._noted(
            "what the failed tests found",
            lambda: quality.note_failures(
                self._record.store, self.night_id, dbt_manifest.read(root), results
            ),
        )

    def changes(self, root: Path, work_dir: Path) -> None:
        """Note which columns changed, and how full the disks are.

        Args:
            root: The project's folder.
            work_dir: WORK_DIR.
        """
        store, night = self._record.store, self.night_id
        self._noted(
            "the tables' columns",
            lambda: quality.note_columns(store, night, dbt_manifest.read(root)),
        )
        self._noted(
            "the disks' room", lambda: quality.note_disks(store, night, work_dir)
        )

    def _noted(self, what: str, write: Callable[[], _Given]) -> _Given | None:
        try:
            return write()
        except AnotherRun:
            raise
        except Exception as error:  # whatever it is, the steps matter more
            sentence = f"{what} could not be recorded: {one_line(error)}"
            self.missing.append(sentence)
            event(f"{sentence}; the night goes on", _ERROR)
            return None
