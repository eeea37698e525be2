"""What the commands of all Singer plugins share: domains that are off, failures, signals."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection
from pkgutil import resolve_name
from typing import TYPE_CHECKING, ClassVar

from entrepot_core.base import logs
from entrepot_core.base.errors import ReplicaError
from entrepot_core.base.part import part
from entrepot_core.base.private import keep_private
from entrepot_core.config import domains, second_source
from entrepot_core.config.project import project_root
from entrepot_core.singer import config

if TYPE_CHECKING:
    from types import FrameType

# Options with which nothing is read or written.
NO_SYNC = frozenset({"--about", "--discover", "--help", "--version"})
_CHUNK = 1 << 16  # bytes


class Plugin:
    """Goes before the SDK's class among the bases of a tap, a target or a mapper.

    Attributes:
        explained: Failures whose own words are enough, beside the project's and the system's.
    """

    explained: ClassVar[tuple[type[Exception], ...]] = ()

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End at once, and not as the SDK does, with the exit status of success."""
        sys.exit(128 + signum)


def run(
    name: str,
    plugin: str,
    *,
    wanted: Collection[str] | Callable[[], Collection[str]] | None = None,
    between: bool = False,
) -> None:
    """Run a plugin's command; a failure that can be explained is one line, without secrets.

    Args:
        name: What its log and its database sessions call it.
        plugin: Its class, as `package.module:Class`: not loaded where there is nothing to do.
        wanted: Domains of which one must be on, or what gives them; None: the one that the
            setting `domain` names, if it names one.
        between: It stands between a tap and a target. Off, it still waits for the end of its
            input: Meltano takes a mapper that ends before its tap for one that failed.
    """
    explained: tuple[type[Exception], ...] = (ReplicaError, OSError)
    part.name = name
    logs.hush()
    second_source.take_up()
    root = project_root()
    keep_private([root / ".entrepot", root / ".meltano"])
    try:
        needed = wanted() if callable(wanted) else wanted
        if needed is None:
            needed = config.domain(sys.argv)
        if (
            needed
            and NO_SYNC.isdisjoint(sys.argv)
            and domains.enabled().isdisjoint(needed)
        ):
            missing = " nor ".join(sorted(needed))
            print(f"{name}: DOMAINS has no {missing}: nothing to do", file=sys.stderr)
            if between:
                _drain()
            return
        config.check_state(sys.argv)
        command = resolve_name(plugin)
        _let_no_value_out()
        explained += command.explained
        command.cli()
    except explained as error:
        from entrepot_core.postgres.connection import one_line

        logging.getLogger(name).critical(one_line(error))
        sys.exit(getattr(error, "exit_code", 1))


def _let_no_value_out() -> None:
    """Let the SDK log a server's error without the values that it quotes."""
    if "psycopg" in sys.modules:
        from entrepot_core.postgres import explain

        explain.install()


def _drain() -> None:
    while sys.stdin.buffer.read(_CHUNK):
        pass
