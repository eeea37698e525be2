"""Tasks in parallel: the biggest first, each after those it needs, tables locked as SQL will."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from pg_replica.transport import Stopped


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
    """A number of workers that do tasks; the first failure stops them all."""

    def __init__(
        self, workers: int, stop: threading.Event, on_stop: Callable[[], None]
    ) -> None:
        """Prepare.

        Args:
            workers: How many tasks are done at once.
            stop: Set by the first failure, and by whoever wants the work to end.
            on_stop: Ends the statements that the other workers wait for.
        """
        self._workers = workers
        self._stop = stop
        self._on_stop = on_stop
        self._changed = threading.Condition()
        self._failures: list[BaseException] = []

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
            BaseException: What the first task that failed raised.
        """
        waiting = sorted(tasks, key=lambda task: -task.weight)
        done: set[Task] = set()
        shared: Counter[Hashable] = Counter()
        exclusive: set[Hashable] = set()

        def next_task() -> Task | None:
            for task in waiting:
                if not task.after <= done or task.resource in exclusive:
                    continue
                if task.exclusive and shared[task.resource]:
                    continue
                return task
            return None

        def work(number: int) -> None:
            while True:
                with self._changed:
                    while (
                        not self._stop.is_set()
                        and waiting
                        and (task := next_task()) is None
                    ):
                        self._changed.wait()
                    if self._stop.is_set() or not waiting:
                        return
                    assert task is not None
                    waiting.remove(task)
                    if task.exclusive:
                        exclusive.add(task.resource)
                    elif task.resource is not None:
                        shared[task.resource] += 1
                try:
                    task.action(number)
                except Stopped:
                    return
                except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                    self.fail(error)
                    return
                with self._changed:
                    done.add(task)
                    exclusive.discard(task.resource)
                    if task.resource is not None and not task.exclusive:
                        shared[task.resource] -= 1
                    self._changed.notify_all()

        threads = [
            threading.Thread(
                target=work, args=(number,), name=f"worker {number}", daemon=True
            )
            for number in range(min(self._workers, len(tasks)))
        ]
        for thread in threads:
            thread.start()
        self._wait_for(threads)
        if self._failures:
            raise self._failures[0]
        if self._stop.is_set():
            raise Stopped

    def _wait_for(self, threads: list[threading.Thread]) -> None:
        """Wait in slices, so that a signal's exception reaches this, the main, thread."""
        try:
            while any(thread.is_alive() for thread in threads):
                for thread in threads:
                    thread.join(0.2)
        except BaseException:
            self._end()
            for thread in threads:
                thread.join()
            raise
