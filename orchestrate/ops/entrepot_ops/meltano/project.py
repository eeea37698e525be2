"""The Meltano project's jobs and schedules, read from its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from entrepot_core.base.errors import Refused

_MAIN_FILE = "meltano.yml"
_ANNOTATIONS = "entrepot"
# https://docs.meltano.com/reference/command-line-interface#schedule: Meltano's words for cron's.
_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_NEVER = ("@once", "@manual", "@none")


@dataclass(frozen=True)
class Job:
    """A job of the project.

    Attributes:
        name: As `meltano run` takes it.
        tasks: What `meltano run` would be given, one text a task.
        annotations: What the job says to Entrepôt.
    """

    name: str
    tasks: tuple[str, ...]
    annotations: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """When a job runs.

    Attributes:
        name: The schedule's name.
        job: The job that it runs.
        interval: A cron expression; None when it never runs by itself.
    """

    name: str
    job: str
    interval: str | None


@dataclass(frozen=True)
class Project:
    """What the files say.

    Attributes:
        root: The project's folder.
        jobs: By name.
        schedules: In the order of the files.
    """

    root: Path
    jobs: dict[str, Job]
    schedules: tuple[Schedule, ...]

    def job(self, name: str) -> Job:
        """Give a job.

        Args:
            name: Its name.

        Returns:
            The job.

        Raises:
            Refused: If there is none of that name.
        """
        if name not in self.jobs:
            known = ", ".join(self.jobs) or "none"
            raise Refused([f"{self.root} has no job {name!r}; its jobs: {known}"])
        return self.jobs[name]


def read(root: Path) -> Project:
    """Read a project.

    Args:
        root: Its folder.

    Returns:
        Its jobs and schedules.

    Raises:
        Refused: If a file is missing or malformed, with its name and the place.
    """
    main = root / _MAIN_FILE
    if not main.is_file():
        message = f"{main} is missing: run this in the project's folder, or by `meltano invoke ops`"
        raise Refused([message])
    jobs: dict[str, Job] = {}
    schedules: list[Schedule] = []
    for path in _files(main):
        content = _load(path)
        try:
            for item in content.get("jobs") or []:
                jobs[item["name"]] = _job(item)
            schedules += [_schedule(item) for item in content.get("schedules") or []]
        except (AttributeError, KeyError, TypeError):
            raise Refused(
                [f"{path}: a job or schedule is not what Meltano takes for one"]
            ) from None
    return Project(root, jobs, tuple(schedules))


def _files(main: Path) -> list[Path]:
    """List the main file and those that it includes, in Meltano's order."""
    files = [main]
    for pattern in _load(main).get("include_paths") or []:
        files += sorted(main.parent.glob(str(pattern).removeprefix("./")))
    return list(dict.fromkeys(files))


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Refused([f"{path}: {' '.join(str(error).split())}"]) from None
    if not isinstance(content, dict):
        raise Refused([f"{path}: should be a mapping"])
    return content


def _job(item: dict[str, Any]) -> Job:
    given = item.get("tasks") or []
    tasks = [task if isinstance(task, str) else " ".join(task) for task in given]
    annotations = (item.get("annotations") or {}).get(_ANNOTATIONS) or {}
    return Job(
        item["name"], tuple(" ".join(task.split()) for task in tasks), annotations
    )


def _schedule(item: dict[str, Any]) -> Schedule:
    interval = str(item.get("interval") or "@once")
    expression = None if interval in _NEVER else _WORDS.get(interval, interval)
    return Schedule(item["name"], item.get("job") or "", expression)
