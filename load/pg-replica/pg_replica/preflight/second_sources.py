"""The checks of the other databases that the same nights replicate, each with its settings."""

from __future__ import annotations

import os
import subprocess
import sys

import click

from entrepot_core.config import domains, local


def check() -> list[str]:
    """Check every second database that is on; what each check says is printed.

    Returns:
        One sentence for each in which something stands in the way; none in a process that is a
        second database's own.
    """
    if os.environ.get(local.SECOND_SOURCE):
        return []
    on, known = domains.enabled(), domains.everything()
    found = []
    for name in sorted(each for each in on if known[each].is_database):
        click.echo(f"{name}:")
        done = subprocess.run(
            [sys.executable, "-m", "pg_replica", "check"],
            env={**os.environ, local.SECOND_SOURCE: name},
            check=False,
        )
        if done.returncode:
            found.append(f"{name}, a second database: see what its own check says")
    return found
