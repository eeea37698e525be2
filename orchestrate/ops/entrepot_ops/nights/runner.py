"""One night: its steps in order, each tried until it succeeds or no attempt can help."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from entrepot_core.base.errors import Interrupted, RunFailed
from entrepot_core.base.logs import event
from entrepot_ops.meltano import dbt_results, log, process
from entrepot_ops.meltano.log import Line
from entrepot_ops.meltano.plan import Plan, Step
from entrepot_ops.nights import inputs, retries
from entrepot_ops.nights.output import OutputLog
from entrepot_ops.nights.recording import Recording
from entrepot_ops.nights.telling.base import Planned, StepEnd, Teller
from entrepot_ops.record.store import Row

WORDS = {"skipped": "was skipped", "partial": "was done in part"}
LEFT_OUT = "left out"
_DONE = ("succeeded", "differs")
_TAIL = 60  # lines kept to say why a step failed
_NAMED = 5  # nodes of dbt


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
    """Runs the steps of a plan.

    Args:
        plan: The steps.
        rules: How to deal with failures.
        record: Where it is recorded; begun.
        output: Where the steps' output goes.
        root: The Meltano project's folder.
        check_lock: Raises when the night's lock has gone to another.
        teller: Is told what happens.
    """

    def __init__(
        self,
        plan: Plan,
        rules: Rules,
        record: Recording,
        output: OutputLog,
        root: Path,
        check_lock: Callable[[], None],
        teller: Teller,
    ) -> None:
        self._plan = plan
        self._rules = rules
        self._record = record
        self._output = output
        self._root = root
        self._check_lock = check_lock
        self._teller = teller
        self._meltano = find_meltano(root)
        self.progress = Progress()

    def run(self, earlier: dict[str, Row] | None) -> None:
        """Run what is to be run.

        Args:
            earlier: Each step's last attempt in an earlier start of this night; None when this
                is the first.

        Raises:
            ReplicaError: If the night itself cannot go on; a step's failure is no such reason.
        """
        usual = self._record.usual()
        planned = [
            Planned(
                s.name,
                s.label,
                is_wanted=s.name in self._plan.wanted,
                is_read=s.is_read,
                usual=usual.get(s.name),
            )
            for s in self._plan.steps
        ]
        self._teller.night_begins(self._record.night_id, planned, self._output.path)
        for place, step in enumerate(self._plan.steps, start=1):
            statuses = self.progress.statuses
            if step.name not in self._plan.wanted:
                statuses[step.name] = LEFT_OUT
                if earlier is not None:
                    self.progress.earlier[step.name] = _status(earlier.get(step.name))
                continue
            attempt = (earlier or {}).get(step.name)
            if self._is_done(step, attempt):
                statuses[step.name] = _status(attempt)
                self._teller.step_ends(StepEnd(step.name, "kept"))
                continue
            self._check_lock()
            if reason := self._obstacle(step):
                event(f"{step.name}: skipped, {reason}", logging.WARNING)
                statuses[step.name] = "skipped"
                self.progress.messages[step.name] = reason
                self._record.skip_step(step, place, reason)
                self._teller.step_ends(StepEnd(step.name, "skipped", message=reason))
                continue
            self._try(step, place)

    def _is_done(self, step: Step, attempt: Row | None) -> bool:
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
                event(
                    f"{step.name}: no time is left for another attempt", logging.WARNING
                )
                return
            event(f"{step.name}: next attempt in {pause:g} s", logging.WARNING)
            self._teller.step_waits(step.name, pause)
            time.sleep(pause)
            self._check_lock()

    def _attempt(self, step: Step, place: int) -> tuple[str, bool]:
        """Run a step once; give what became of it, and whether to try again."""
        stale = self._stale() if step.builds else ()
        number = self._record.begin_step(step, place, inputs.digest(step, self._root))
        self._teller.step_begins(step.name, number)
        if stale:
            event(
                f"{step.name}: models of {', '.join(stale)} stay as they are",
                logging.WARNING,
            )
        before, said = dbt_results.stamp(self._root), _Said()

        def on_line(raw: str) -> None:
            line = said.add(raw)
            speaker = f"{line.speaker}: " if line.speaker else ""
            self._output.write(step.name, f"{speaker}{line.text}")
            self._teller.step_says(step.name, line, said.records)

        try:
            ended = process.run(
                [self._meltano, *step.arguments(stale)],
                self._root,
                {**os.environ, **log.FORMAT},
                on_line,
                self._rules.deadline,
            )
        except Interrupted as end:
            self._record.end_step(
                step, place, number, "cancelled", end.exit_code, None, str(end)
            )
            self._teller.step_ends(StepEnd(step.name, "cancelled"))
            raise
        results = (
            dbt_results.read(self._root, before)
            if step.task.startswith("dbt")
            else None
        )
        if results:
            self._record.dbt_results(step, number, results)
            self._record.failing_tests(results, self._root)
        status, again, exit_status, why = self._judge(ended, results, said, stale)
        why_or_what = why or said.forgiven
        counts = self._record.end_step(
            step, place, number, status, exit_status, said.records, why_or_what
        )
        self.progress.messages[step.name] = why
        if status == "failed":
            event(
                f"{step.name}: failed with status {exit_status}: {why}",
                logging.ERROR,
                log=self._output.path,
            )
        self._teller.step_ends(_end(step, status, ended, counts, why_or_what))
        return status, again

    def _judge(
        self,
        ended: process.Ended,
        results: list[dbt_results.Result] | None,
        said: _Said,
        stale: tuple[str, ...],
    ) -> tuple[str, bool, int, str]:
        """Say what became of a step, whether to try again, its exit status, and why."""
        exit_status = retries.real_status(ended.status, said.last)
        if ended.ran_out:
            status, again = "failed", False
            why = f"ended, as the night's time ({self._rules.budget}) is over"
        elif exit_status == 0 and stale:
            status, again = "partial", False
            why = f"models of {', '.join(stale)} stay as they were"
        elif exit_status == 0:
            status, again, why = "succeeded", False, ""
        elif exit_status == retries.DIFFERS:
            status, again, why = "differs", False, explain(said.last, results)
        else:
            status, why = "failed", explain(said.last, results)
            again = retries.is_worth_it(exit_status, said.last, results)
        return status, again, exit_status, why


class _Said:
    """What a step has printed: its last lines, and the records that it counted."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=_TAIL)
        self.records: int | None = None
        self._forgiven: Counter[str] = Counter()

    def add(self, raw: str) -> Line:
        line = log.parse(raw)
        self._lines.append(line)
        if line.records is not None:
            self.records = (self.records or 0) + line.records
        self._forgiven.update(line.forgiven)
        return line

    @property
    def forgiven(self) -> str:
        """What settings have let pass in files; empty where that was nothing."""
        said = "; ".join(f"{kind}: {n:,}" for kind, n in self._forgiven.items())
        return f"let pass, as the settings say: {said}" if said else ""

    @property
    def last(self) -> list[Line]:
        return list(self._lines)


def _end(
    step: Step, status: str, ended: process.Ended, counts: Row | None, message: str
) -> StepEnd:
    rows, size = (counts["row_count"], counts["byte_count"]) if counts else (None, None)
    return StepEnd(step.name, status, ended.seconds, rows, size, message)


def _status(attempt: Row | None) -> str:
    return str(attempt["status"]) if attempt else "never begun"


def explain(last: list[Line], results: list[dbt_results.Result] | None) -> str:
    """Say in a sentence why a step failed.

    Args:
        last: The last lines that it printed.
        results: What dbt said of its nodes.

    Returns:
        The sentence.
    """
    bad = [r for r in results or [] if r.status in ("error", "fail")]
    if not bad:
        return log.reason(last)
    names = ", ".join(_short_node(r.node) for r in bad[:_NAMED])
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return f"{names}{more}: {' '.join((bad[0].message or '').split())}"


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
