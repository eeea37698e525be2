"""Which failures a new attempt may mend, and how long to wait before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from entrepot_ops.meltano.dbt_results import Result
from entrepot_ops.meltano.log import Line, exit_codes

REFUSED, LOCKED, DIFFERS = 2, 3, 4
_NOT_THERE = (126, 127)  # as a shell says that a command cannot be run
_SIGNALS = 128
_RECENT = 15  # lines
_PERMANENT = re.compile(
    r"authentication failed|permission denied|must be owner|does not exist|pg_hba"
    r"|translate host name|certificate|sslmode|is missing: see \.env|is not installed"
    r"|SHRINK_LIMIT|there is no table|did you mean|Compilation Error|Parsing Error"
    r"|Runtime Error\s+Could not|No such (command|option)",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"lock timeout|deadlock|connection|server closed|too many clients|shutting down|starting up"
    r"|terminating|recovery|timed? ?out|could not serialize|reset by peer|broken pipe"
    r"|no space left|disk full|out of shared memory",
    re.IGNORECASE,
)


def real_status(status: int, lines: Sequence[Line]) -> int:
    """Find a plugin's own exit status behind that of `meltano run`, which is 1 for all.

    Args:
        status: Meltano's.
        lines: The last that it printed.

    Returns:
        2 when a plugin refused its configuration, else the status given.
    """
    return REFUSED if REFUSED in exit_codes(lines).values() else status


def is_worth_it(
    status: int, lines: Sequence[Line], results: Sequence[Result] | None
) -> bool:
    """Say whether a new attempt may end otherwise.

    Args:
        status: The step's exit status, not 0.
        lines: The last that it printed.
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
    return not any(_PERMANENT.search(line.text) for line in lines[-_RECENT:])


def pause(failures: int, delay: float) -> float:
    """Say how long to wait after a failure.

    The replaced system's formula: 1, 3, 7, 15… times the delay.

    Args:
        failures: How many attempts have failed, from 1.
        delay: Seconds.

    Returns:
        Seconds.
    """
    return float(2**failures - 1) * delay
