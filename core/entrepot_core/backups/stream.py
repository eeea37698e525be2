"""A dump while it is taken: a stream that ends well only if pg_dump did."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from entrepot_core.base.logs import event
from entrepot_core.postgres import client_tools
from entrepot_core.postgres.client_tools import ClientTools
from entrepot_core.postgres.connection import Database

_LINE_EVERY = 30.0  # seconds
# The archive's own compression: the fastest that every pg_dump has shrinks text nearly as well.
_OPTIONS = ["--format=custom", "--compress=1"]


class DumpStream:
    """What pg_dump writes, counted and summed.

    Attributes:
        size: Bytes read so far.
    """

    def __init__(self, pipe: IO[bytes], running: ExitStack, name: str) -> None:
        """Begin.

        Args:
            pipe: pg_dump's output.
            running: Holds pg_dump; left when it has ended.
            name: What is dumped, for messages.
        """
        self.size = 0
        self._pipe = pipe
        self._running = running
        self._name = name
        self._sum = hashlib.sha256()
        self._said_at = time.monotonic()

    @property
    def sha256(self) -> str:
        """The checksum of what was read, in hexadecimal."""
        return self._sum.hexdigest()

    def read(self, size: int = -1) -> bytes:
        """Read on.

        Args:
            size: How much, at most.

        Returns:
            Bytes; none at the end of a dump that is whole.

        Raises:
            RunFailed: At the end, if pg_dump failed: who stores what it read must not keep it.
        """
        block = self._pipe.read(size)
        self.size += len(block)
        self._sum.update(block)
        if not block:
            self._running.close()
        elif time.monotonic() - self._said_at > _LINE_EVERY:
            self._said_at = time.monotonic()
            event(f"{self._name}: {self.size:,} bytes so far")
        return block


@contextmanager
def dumping(pair: ClientTools, database: Database, name: str) -> Iterator[DumpStream]:
    """Run pg_dump over a whole database.

    Args:
        pair: The tools.
        database: What is dumped.
        name: What messages call it.

    Yields:
        The dump, in the custom format. Leaving before its end, by an error, ends pg_dump.
    """
    command = [pair.path("pg_dump"), *_OPTIONS]
    with ExitStack() as running:
        environment = database.child_environment()
        pipe = running.enter_context(client_tools.reading(command, environment))
        yield DumpStream(pipe, running, name)
