"""A reader who never stops asking: what it saw, how long it waited, what failed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg

from entrepot_lab.background import Background

_LONGEST_WAIT = 60  # seconds; a reader that waits for longer has lost anyway


@dataclass
class Seen:
    """What one query met.

    Attributes:
        answers: How many it got.
        slowest: Seconds of its longest wait.
        values: What it returned, in order, without immediate repeats.
        errors: What failed, in order.
    """

    answers: int = 0
    slowest: float = 0.0
    values: list[Any] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Poller(Background):
    """A session that runs queries again and again in a thread of its own.

    Use it as a context manager around what must not disturb readers, then ask
    `assert_undisturbed`.
    """

    def __init__(self, url: str, queries: list[str], pause: float = 0.01) -> None:
        """Describe the reader.

        Args:
            url: The database, as the reader's role.
            queries: What to ask; the first column of the first row is remembered.
            pause: Seconds between two rounds.
        """
        self.seen = {query: Seen() for query in queries}
        self._url = url
        self._pause = pause
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def start(self) -> None:
        """Start to ask; the first round has been answered when this returns."""
        self._thread.start()
        while self._thread.is_alive() and not all(
            seen.answers or seen.errors for seen in self.seen.values()
        ):
            time.sleep(0.005)

    def stop(self) -> None:
        """Ask no more."""
        self._enough.set()
        self._thread.join(_LONGEST_WAIT + 5)

    def values(self, query: str) -> set[Any]:
        """Give the different values that a query returned.

        Args:
            query: One of those asked.

        Returns:
            The first value of each answer.
        """
        return set(self.seen[query].values)

    def assert_undisturbed(self, max_seconds: float = 1.0) -> None:
        """Fail unless every query was answered every time, and soon.

        Args:
            max_seconds: The longest wait that counts as undisturbed.

        Raises:
            AssertionError: With each failure and each long wait.
        """
        problems = []
        for query, seen in self.seen.items():
            if not seen.answers:
                problems.append(f"{query}: never answered")
            if seen.errors:
                problems.append(
                    f"{query}: {len(seen.errors)} errors, first: {seen.errors[0]}"
                )
            if seen.slowest > max_seconds:
                problems.append(
                    f"{query}: waited {seen.slowest:.2f} s, allowed {max_seconds:.2f} s"
                )
        if problems:
            raise AssertionError("; ".join(problems))

    def _poll(self) -> None:
        session = None
        while not self._enough.is_set():
            for query, seen in self.seen.items():
                session = self._ask(session, query, seen)
            self._enough.wait(self._pause)
        if session is not None:
            session.close()

    def _ask(
        self, session: psycopg.Connection | None, query: str, seen: Seen
    ) -> psycopg.Connection | None:
        """Run one query; a broken session is replaced by the next one."""
        began = time.monotonic()
        try:
            session = session or self._connect()
            row = session.execute(query).fetchone()
            value = row[0] if row else None
            seen.answers += 1
            if seen.values[-1:] != [value]:
                seen.values.append(value)
        except psycopg.Error as error:
            seen.errors.append(f"{type(error).__name__}: {error}".strip())
            if session is not None and session.closed:
                session = None
        seen.slowest = max(seen.slowest, time.monotonic() - began)
        return session

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            self._url,
            autocommit=True,
            application_name="entrepot-lab reader",
            options=f"-c statement_timeout={_LONGEST_WAIT}s",
        )
