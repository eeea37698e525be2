"""Which failures a new attempt may mend, and how long to wait before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from entrepot_ops.dbt_results import Result

REFUSED, LOCKED, DIFFERS = 2, 3, 4
_NOT_THERE = (126, 127)  # as a shell says that a command cannot be run
_SIGNALS = 128
# As `meltano run` logs them, whose own status is 1 whatever happened.
_EXIT_CODES = re.compile(r"exit_codes\W{1,3}(\{.*?\})")
_NUMBER = re.compile(r":\s*\"?(-?\d+)")
_PERMANENT = re.compile(
    r"authentication failed|permission denied|must be owner|does not exist|pg_hba"
    r"|translate host name|certificate|sslmode|is missing: see \.env|is not installed"
    r"|Compilation Error|Parsing Error|Runtime Error\s+Could not|No such (command|option)",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"lock timeout|deadlock|connection|server closed|too many clients|shutting down|starting up"
    r"|terminating|recovery|timed? ?out|could not serialize|reset by peer|broken pipe"
    r"|no space left|disk full|out of shared memory",
    re.IGNORECASE,
)


def real_status(status: int, tail: Sequence[str]) -> int:
    """Find a plugin's own exit status behind that of `meltano run`.

    Args:
        status: Meltano's.
        tail: The last lines that it printed.

    Returns:
        2 when a plugin refused its configuration, else the status given.
    """
    if status != 1:
        return status
    for line in reversed(tail):
        if found := _EXIT_CODES.search(line):
            codes = {int(number) for number in _NUMBER.findall(found.group(1))}
            return REFUSED if REFUSED in codes else status
    return status


def is_worth_it(
    status: int, tail: Sequence[str], results: Sequence[Result] | None
) -> bool:
    """Say whether a new attempt may end otherwise.

    Args:
        status: The step's exit status, not 0.
        tail: The last lines that it printed.
        results: What dbt said of its nodes; None when the step is not dbt's or dbt said nothing.

    Returns:
        False for what the same attempt would meet again: a wrong configuration, a failing test,
        a wrong password; True for a lost server, a lock, a killed process.
    """
    if status in (REFUSED, DIFFERS, *_NOT_THERE):
        return False
    if status == LOCKED or status > _SIGNALS:
        return True
    if results:
        bad = [r for r in results if r.status in ("error", "fail")]
        return bool(bad) and all(
            r.status == "error" and _TRANSIENT.search(r.message or "") for r in bad
        )
    return not any(_PERMANENT.search(line) for line in tail[-15:])


def pause(failures: int, delay: float) -> float:
    """Say how long to wait after a failure.

    The replaced system's formula: 1, 3, 7, 15… times the delay.

    Args:
        failures: How many attempts have failed, from 1.
        delay: Seconds.

    Returns:
        Seconds.
    """
    return (2**failures - 1) * delay
