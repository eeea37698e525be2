"""Tasks in parallel: biggest first, each after its dependencies, with the table locks they take."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from entrepot_core.postgres.copy.libpq import Stopped

_SLICE = 0.2  # seconds


@dataclass(eq=False)
class Task:
    """One piece of work.

    Attributes:
        name: For messages.
        action: What to do; its argument is the number of the worker that does it.
        weight: The bigger, the earlier.
        after: Tasks that must have ended.
        resource: What it works on; None when nothing can conflict.
        exclusive: Whether it bears no other task on the same resource beside it.
    """

    name: str
    action: Callable[[int], None]
    weight: float = 0
    after: set[Task] = field(default_factory=set)
    resource: Hashable = None
    exclusive: bool = False


class Crew:
    """A number of workers that do tasks; the first failure stops them all.

    Args:
        workers: How many tasks are done at once.
        stop: Set by the first failure, and by whoever wants the work to end.
        on_stop: Ends the statements that the other workers wait for.
    """

    def __init__(
        self, workers: int, stop: threading.Event, on_stop: Callable[[], None]
    ) -> None:
        self._workers = workers
        self._stop = stop
        self._on_stop = on_stop
        self._changed = threading.Condition()
        self._failures: list[BaseException] = []
        self._waiting: list[Task] = []
        self._working: list[Task] = []
        self._done: set[Task] = set()

    def fail(self, error: BaseException) -> None:
        """Stop all work.

        Args:
            error: Why; raised by `do` in the caller's thread.
        """
        with self._changed:
            self._failures.append(error)
        self._end()

    def _end(self) -> None:
        with self._changed:
            self._stop.set()
            self._changed.notify_all()
        self._on_stop()

    def do(self, tasks: list[Task]) -> None:
        """Do the tasks.

        Args:
            tasks: In any order.

        Raises:
            Stopped: If the run is to end.
            BaseException: What the first task that failed raised.
        """
        self._waiting = sorted(tasks, key=lambda task: -task.weight)
        threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True)
            for number in range(min(self._workers, len(tasks)))
        ]
        for thread in threads:
            thread.start()
        self._wait_for(threads)
        if self._failures:
            raise self._failures[0]
        if self._stop.is_set():
            raise Stopped

    def _work(self, number: int) -> None:
        while (task := self._take()) is not None:
            try:
                task.action(number)
            except Stopped:
                return
            except BaseException as error:
                self.fail(error)
                return
            self._give_back(task)

    def _take(self) -> Task | None:
        """Wait for a task that may be done now; None when there is no more."""
        with self._changed:
            while not self._stop.is_set() and self._waiting:
                if task := next(filter(self._may_begin, self._waiting), None):
                    self._waiting.remove(task)
                    self._working.append(task)
                    return task
                self._changed.wait()
            return None

    def _may_begin(self, task: Task) -> bool:
        if not task.after <= self._done:
            return False
        if task.resource is None:
            return True
        beside = [other for other in self._working if other.resource == task.resource]
        return not any(task.exclusive or other.exclusive for other in beside)

    def helpers(self) -> int:
        """Say how many helpers of its own a task that begins now may take.

        Returns:
            0 while there is more than half as many tasks as workers: split work costs more.
        """
        with self._changed:
            tasks = len(self._working) + len(self._waiting)
        return max(0, self._workers // max(1, tasks) - 1)

    def _give_back(self, task: Task) -> None:
        with self._changed:
            self._working.remove(task)
            self._done.add(task)
            self._changed.notify_all()

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        """Wait in slices, so that a signal's exception reaches this, the main, thread."""
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(_SLICE)
        except BaseException:
            self._end()
            for thread in threads:
                thread.join()
            raise
