"""One night: its steps in order, each tried until it succeeds or no attempt can help."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from entrepot_ops import dbt_results, inputs, process, retries
from entrepot_ops.output import OutputLog, records_in
from entrepot_ops.plan import Plan, Step
from entrepot_ops.record import NightRecord
from pg_replica.errors import Interrupted, RunFailed
from pg_replica.logs import event

_WARNING, _ERROR = 30, 40
WORDS = {"skipped": "was skipped", "partial": "was done in part"}
LEFT_OUT = "left out"
_DONE = ("succeeded", "differs")
# 2026-01-31T02:00:00.123456Z [info     ] tap-postgres 02:00:00 error: …
_PREFIX = re.compile(
    r"^(\S+Z \[\w+ ?\] \S+ )?(\d\d:\d\d:\d\d )?((error|critical|warning): )?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Rules:
    """How a night deals with failures.

    Attributes:
        attempts: How often a step is tried.
        delay: Seconds; see `retries.pause`.
        deadline: By `time.monotonic()`, when the night's time is over; None for never.
        budget: The same for messages, such as `6h`.
        stops_on_failure: Whether nothing else is done after a failure.
    """

    attempts: int
    delay: float
    deadline: float | None = None
    budget: str = ""
    stops_on_failure: bool = False

    @property
    def time_is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline


@dataclass
class Progress:
    """What has become of the steps so far.

    Attributes:
        statuses: By step: the record's words, or `left out`.
        ran: Steps that ran in this start, not in an earlier one.
        messages: By step, why it did not succeed.
        earlier: By step that is not asked for now, its status in an earlier start.
    """

    statuses: dict[str, str] = field(default_factory=dict)
    ran: set[str] = field(default_factory=set)
    messages: dict[str, str] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)

    def failed(self) -> list[str]:
        """List the steps that failed, in order."""
        return [name for name, status in self.statuses.items() if status == "failed"]


class Night:
    """Runs the steps of a plan."""

    def __init__(
        self,
        plan: Plan,
        rules: Rules,
        record: NightRecord,
        output: OutputLog,
        root: Path,
        check_lock: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            plan: The steps.
            rules: How to deal with failures.
            record: Where it is recorded; begun.
            output: Where the steps' output goes.
            root: The Meltano project's folder.
            check_lock: Raises when the night's lock has gone to another.
        """
        self._plan = plan
        self._rules = rules
        self._record = record
        self._output = output
        self._root = root
        self._check_lock = check_lock
        self._meltano = find_meltano(root)
        self.progress = Progress()

    def run(self, earlier: dict[str, dict]) -> None:
        """Run what is to be run.

        Args:
            earlier: Each step's last attempt in an earlier start of this night.

        Raises:
            ReplicaError: If the night itself cannot go on; a step's failure is no such reason.
        """
        for place, step in enumerate(self._plan.steps, start=1):
            statuses = self.progress.statuses
            if step.name not in self._plan.wanted:
                statuses[step.name] = LEFT_OUT
                if step.name in earlier:
                    self.progress.earlier[step.name] = earlier[step.name]["status"]
                continue
            if self._is_done(step, earlier.get(step.name)):
                event(f"{step.name}: had succeeded, and nothing changed since")
                statuses[step.name] = earlier[step.name]["status"]
                continue
            self._check_lock()
            if reason := self._obstacle(step):
                event(f"{step.name}: skipped, {reason}", _WARNING)
                statuses[step.name] = "skipped"
                self.progress.messages[step.name] = reason
                self._record.skip_step(step, place, reason)
                continue
            self._try(step, place)

    def _is_done(self, step: Step, attempt: dict | None) -> bool:
        return (
            attempt is not None
            and not self._plan.scope
            and attempt["status"] in _DONE
            and attempt["input"] == inputs.digest(step, self._root)
            and not self.progress.ran.intersection(step.follows)
        )

    def _obstacle(self, step: Step) -> str:
        """Say why a step cannot be run; empty when it can."""
        statuses = self.progress.statuses
        if self._rules.time_is_over:
            return f"the night's time ({self._rules.budget}) is over"
        if self._rules.stops_on_failure and (failed := self.progress.failed()):
            return f"{failed[0]} failed, and --stop-on-failure was given"
        for need in step.needs:
            if statuses[need] not in (*_DONE, LEFT_OUT):
                return f"it needs {need}, which {WORDS.get(statuses[need], statuses[need])}"
        if step.builds and (stale := self._stale()):
            feeding = {s for each in self._plan.steps for s in each.feeds}
            sources = [s for s in self._plan.steps if s.is_source]
            useless = [
                s for s in sources if statuses.get(s.name) in ("failed", "skipped")
            ]
            if feeding == set(stale) and len(useless) == len(sources):
                return "no source has brought new data"
        return ""

    def _stale(self) -> tuple[str, ...]:
        """List the dbt sources whose models would mix two nights."""
        bad = ("failed", "skipped")
        return tuple(
            dict.fromkeys(
                source
                for step in self._plan.steps
                if self.progress.statuses.get(step.name) in bad
                for source in step.feeds
            )
        )

    def _try(self, step: Step, place: int) -> None:
        """Try a step until it succeeds or no attempt can help."""
        failures = 0
        while True:
            status, again = self._attempt(step, place)
            self.progress.statuses[step.name] = status
            if status != "failed":
                self.progress.ran.add(step.name)
                return
            failures += 1
            if not again or failures >= self._rules.attempts:
                return
            pause = retries.pause(failures, self._rules.delay)
            deadline = self._rules.deadline
            if deadline is not None and time.monotonic() + pause >= deadline:
                event(f"{step.name}: no time is left for another attempt", _WARNING)
                return
            event(f"{step.name}: next attempt in {pause:g} s", _WARNING)
            time.sleep(pause)
            self._check_lock()

    def _attempt(self, step: Step, place: int) -> tuple[str, bool]:
        """Run a step once; give what became of it, and whether to try again."""
        stale = self._stale() if step.builds else ()
        number = self._record.begin_step(step, place, inputs.digest(step, self._root))
        event(step.name, night=self._record.night_id, attempt=number)
        if stale:
            event(
                f"{step.name}: models of {', '.join(stale)} stay as they are", _WARNING
            )
        before, rows = dbt_results.stamp(self._root), _Sum()

        def on_line(line: str) -> None:
            rows.add(records_in(self._output.write(step.name, line)))

        try:
            ended = process.run(
                [self._meltano, *step.arguments(stale)],
                self._root,
                {**os.environ, "NO_COLOR": "1"},
                on_line,
                self._rules.deadline,
            )
        except Interrupted as end:
            self._record.end_step(
                step, number, "cancelled", end.exit_code, None, str(end)
            )
            raise
        results = (
            dbt_results.read(self._root, before)
            if step.task.startswith("dbt")
            else None
        )
        if results:
            self._record.dbt_results(number, results)
        return self._judge(step, number, ended, results, rows.total, stale)

    def _judge(
        self,
        step: Step,
        number: int,
        ended: process.Ended,
        results: list[dbt_results.Result] | None,
        rows: int,
        stale: tuple[str, ...],
    ) -> tuple[str, bool]:
        exit_status = retries.real_status(ended.status, ended.tail)
        if ended.ran_out:
            status, again = "failed", False
            why = f"ended, as the night's time ({self._rules.budget}) is over"
        elif exit_status == 0 and stale:
            status, again = "partial", False
            why = f"models of {', '.join(stale)} stay as they were"
        elif exit_status == 0:
            status, again, why = "succeeded", False, ""
        elif exit_status == retries.DIFFERS:
            status, again, why = "differs", False, explain(ended.tail, results)
        else:
            status, why = "failed", explain(ended.tail, results)
            again = retries.is_worth_it(exit_status, ended.tail, results)
        self._record.end_step(step, number, status, exit_status, rows or None, why)
        self.progress.messages[step.name] = why
        if status == "failed":
            event(
                f"{step.name}: failed with status {exit_status}: {why}",
                _ERROR,
                log=self._output.path,
            )
        return status, again


class _Sum:
    """Adds up."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, number: int) -> None:
        self.total += number


def explain(tail: tuple[str, ...], results: list[dbt_results.Result] | None) -> str:
    """Say in a sentence why a step failed.

    Args:
        tail: The last lines that it printed.
        results: What dbt said of its nodes.
    """
    if results:
        bad = [r for r in results if r.status in ("error", "fail")]
        if bad:
            names = ", ".join(_short_node(r.node) for r in bad[:5])
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            first = " ".join((bad[0].message or "").split())
            return f"{names}{more}: {first}"
    lines = [_bare(line) for line in tail if line.strip()]
    errors = [
        _bare(line)
        for line in tail
        if _is_error(line) and "Block run completed" not in line
    ]
    return (errors or lines or ["it said nothing"])[-1]


def _bare(line: str) -> str:
    """Take off what Meltano and loggers put before a message."""
    return _PREFIX.sub("", " ".join(line.split()))


def _is_error(line: str) -> bool:
    lowered = line.lower()
    return any(word in lowered for word in ("error", "critical", "refused", "fatal"))


def _short_node(node: str) -> str:
    parts = node.split(".")
    return parts[2] if len(parts) > 2 else node


def find_meltano(root: Path) -> str:
    """Find the `meltano` that runs the steps.

    Args:
        root: The project's folder.

    Returns:
        Its path: the project's own, the one beside this Python, or the one on PATH.

    Raises:
        RunFailed: If there is none.
    """
    places = [root / ".venv/bin/meltano", Path(sys.executable).with_name("meltano")]
    for place in places:
        if os.access(place, os.X_OK):
            return str(place)
    found = shutil.which("meltano")
    if found is None:
        raise RunFailed(
            f"there is no meltano in {root}/.venv/bin, nor on PATH",
            "run scripts/demo or scripts/test once: they make .venv",
        )
    return found
