"""Waiting until something holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from entrepot_lab.postgres.warehouse import Lab


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something, but not for ever."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def loaded(lab: Lab) -> int:
    """Count the rows of the append table `log` that have arrived."""
    with lab.warehouse() as warehouse:
        if warehouse.execute(
            "SELECT to_regclass('pix_incremental.log')"
        ).fetchone() == (None,):
            return 0
        row = warehouse.execute("SELECT count(*) FROM pix_incremental.log").fetchone()
    assert row is not None
    return int(row[0])
