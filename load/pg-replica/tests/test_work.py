"""Tasks in parallel: order, exclusion, failure."""

from __future__ import annotations

import threading
import time

import pytest

from entrepot_core.postgres.copy.libpq import Stopped
from pg_replica.restore.scheduler import Crew, Task


def crew(workers: int = 3) -> tuple[Crew, threading.Event, list[str]]:
    stop, stopped = threading.Event(), []
    return Crew(workers, stop, lambda: stopped.append("stopped")), stop, stopped


def test_tasks_wait_for_those_they_need_and_the_heaviest_goes_first() -> None:
    done: list[str] = []
    first = Task("first", lambda _: done.append("first"), weight=1)
    heavy = Task("heavy", lambda _: done.append("heavy"), weight=9)
    last = Task("last", lambda _: done.append("last"), weight=99, after={first, heavy})
    crew(1)[0].do([first, last, heavy])
    assert done == ["heavy", "first", "last"]


def test_an_exclusive_task_is_alone_on_its_resource() -> None:
    inside, most = 0, {"shared": 0, "exclusive": 0}
    mutex = threading.Lock()

    def action(kind: str):
        def act(_: int) -> None:
            nonlocal inside
            with mutex:
                inside += 1
                most[kind] = max(most[kind], inside)
            time.sleep(0.02)
            with mutex:
                inside -= 1

        return act

    tasks = [
        Task(
            f"{kind} {n}", action(kind), resource="table", exclusive=kind == "exclusive"
        )
        for n in range(4)
        for kind in ("shared", "exclusive")
    ]
    crew()[0].do(tasks)
    assert most["exclusive"] == 1
    assert most["shared"] > 1


def test_the_first_failure_stops_the_others() -> None:
    workers, stop, stopped = crew()

    def fail(_: int) -> None:
        raise ValueError("broken")

    def wait(_: int) -> None:
        assert stop.wait(5)
        raise Stopped

    with pytest.raises(ValueError, match="broken"):
        workers.do(
            [
                Task("wait", wait),
                Task("fail", fail),
                Task("never", wait, after={Task("x", wait)}),
            ]
        )
    assert stopped == ["stopped"]
