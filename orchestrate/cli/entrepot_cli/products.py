"""The packages whose verbs `entrepot` starts, and what each says of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from entrepot_core.base import started
from entrepot_core.base.errors import RunFailed
from entrepot_core.command.verbs import LIST

NAME = "entrepot"


@dataclass(frozen=True)
class Product:
    """A package with a command of its own.

    Attributes:
        command: The command.
        module: What Python runs for it.
    """

    command: str
    module: str

    def become(self, words: list[str], environment: dict[str, str]) -> NoReturn:
        """Replace this process by the command: its signals and exit status are then its own.

        Args:
            words: Its arguments.
            environment: Its variables.
        """
        name = NAME if words[:1] != [self.command] else f"{NAME} {self.command}"
        words = words[1:] if words[:1] == [self.command] else words
        sys.stdout.flush()
        os.execve(
            sys.executable,
            [sys.executable, "-m", self.module, *words],
            {**environment, **started.mark(name)},
        )

    def verbs(self) -> dict[str, str]:
        """Ask for its verbs.

        Returns:
            What each does, in one line; empty where the package is not installed.

        Raises:
            RunFailed: If the command cannot be run.
        """
        if importlib.util.find_spec(self.module) is None:
            return {}
        done = subprocess.run(
            [sys.executable, "-m", self.module, LIST],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            raise RunFailed(f"{self.command} cannot be run: {said[-1]}")
        found: dict[str, str] = json.loads(done.stdout)
        return {_SAID.get(verb, verb): does for verb, does in found.items()}


OPS = Product("ops", "entrepot_ops")
REPLICA = Product("pg-replica", "pg_replica")
# Where two have a verb of one name, the first's is meant.
PRODUCTS = (OPS, REPLICA)
# What people say for a verb.
_SAID = {"nightly": "night"}
# What is started most often is known without being asked for; all else is found by asking.
_KNOWN = {
    **dict.fromkeys(("night", "nightly", "status", "report", "notify", "crontab"), OPS),
    **dict.fromkeys(("check", "run", "audit", "propose"), REPLICA),
}


@cache
def asked() -> dict[Product, dict[str, str]]:
    """Ask every product for its verbs, at once.

    Returns:
        By product, in the order of precedence.
    """
    with ThreadPoolExecutor(len(PRODUCTS)) as pool:
        return dict(zip(PRODUCTS, pool.map(Product.verbs, PRODUCTS), strict=True))


def all_verbs() -> dict[str, str]:
    """List every verb, with what it does.

    Returns:
        In the products' own order; of two of one name the first.
    """
    listed: dict[str, str] = {}
    for product in reversed(PRODUCTS):
        listed = {**asked()[product], **listed, **asked()[product]}
    return listed


def owner(verb: str) -> Product | None:
    """Find whose verb it is.

    Args:
        verb: Its name.

    Returns:
        The product; None where nobody has it.
    """
    if verb in _KNOWN:
        return _KNOWN[verb]
    return next((each for each in PRODUCTS if verb in asked()[each]), None)
