"""The steps of a night, how they depend on each other, and which of them are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from entrepot_core.base.errors import Refused
from entrepot_core.base.suggest import nearest
from entrepot_core.config import domains
from entrepot_ops.meltano.project import Job, Project

NIGHTLY = "nightly"
_BUILDS = ("dbt:build", "dbt:run")
_ITSELF = "ops"
_KEYS = {"feeds", "needs", "domains"}


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes:
        name: What it is called: the job that consists of it, else its task.
        task: What `meltano run` would be given.
        jobs: The jobs that it belongs to, by whose names it can be asked for too.
        is_source: Whether it brings data from outside, independent of all other steps.
        feeds: dbt sources whose models must not be built when it failed.
        needs: Steps without whose success it is skipped.
        follows: Steps after which it must run again when they did.
    """

    name: str
    task: str
    jobs: frozenset[str] = frozenset()
    is_source: bool = False
    feeds: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """A short name, by which it can be asked for too: its job, or its tap."""
        words = self.name.split()
        return words[0] if len(words) > 1 else self.name

    @property
    def is_read(self) -> bool:
        """Whether readers see what it makes."""
        return self.is_source or self.builds or "publish" in self.task

    @property
    def builds(self) -> bool:
        """Whether it builds the models."""
        return self.task in _BUILDS

    def arguments(self, leave_out: tuple[str, ...] = ()) -> list[str]:
        """Write it for Meltano.

        Args:
            leave_out: dbt sources whose models are not to be built.

        Returns:
            The arguments of `meltano`. One plugin's command is invoked rather than run: that
            keeps its exit status. A run is forced: Meltano would take one that was killed for a
            living one for five minutes, and two at once the locks of ours prevent.
        """
        words = self.task.split()
        if len(words) > 1 or ":" not in self.task:
            return ["run", "--force", *words]
        excluded = [f"source:{source}+" for source in leave_out]
        return ["invoke", *words, *(["--exclude", *excluded] if excluded else [])]


@dataclass(frozen=True)
class Plan:
    """The steps of a night.

    Attributes:
        steps: In order.
        wanted: Those that are asked for.
        scope: `--from …` or `--only …`; empty for a whole night.
        notifies: Whether the night's outcome is told at the end.
    """

    steps: tuple[Step, ...]
    wanted: frozenset[str] = field(default=frozenset())
    scope: str = ""
    notifies: bool = True


def steps_of(project: Project, on: frozenset[str]) -> tuple[Step, ...]:
    """Make the steps of the job `nightly`; the notification is not one, it always comes last.

    Those of domains of the owner's own come before the build, or at the end.

    Args:
        project: The Meltano project.
        on: The domains that are on; a step whose domains are all off is none.

    Returns:
        The steps in order.

    Raises:
        Refused: If the job or what it says of its steps makes no sense.
    """
    nightly = project.job(NIGHTLY)
    shipped = [t for t in nightly.tasks if t.split(":")[0] != _ITSELF]
    if not shipped:
        raise Refused(["the job nightly has no step"])
    tasks, needed = _with_own(shipped, project)
    named = [(_name(task, project), task) for task in tasks]
    said = _annotations(nightly, dict(named)) | needed
    steps: list[Step] = []
    for name, task in named:
        own = said.get(name) or {}
        of_domains = own.get("domains") or domains.of_step(name)
        if of_domains and not on.intersection(of_domains):
            continue
        feeds = tuple(own.get("feeds") or domains.fed_by(name))
        is_source = len(task.split()) > 1 or bool(feeds)
        earlier = tuple(step.name for step in steps)
        needs = tuple(need for need in own.get("needs") or () if need in earlier)
        if "needs" not in own and not is_source and task not in _BUILDS:
            needs = earlier
        steps.append(
            Step(
                name=name,
                task=task,
                jobs=frozenset(_jobs_with(task, project)),
                is_source=is_source,
                feeds=feeds,
                needs=needs,
                follows=earlier if task in _BUILDS else needs,
            )
        )
    return tuple(steps)


def _with_own(
    shipped: list[str], project: Project
) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Put the tasks of the owner's own domains where they belong.

    Args:
        shipped: The tasks of the job `nightly`.
        project: The Meltano project.

    Returns:
        All tasks in order; and what the own ones at the end need: what their domain has brought,
        and the models.
    """
    builds = [place for place, task in enumerate(shipped) if task in _BUILDS]
    place = builds[0] if builds else len(shipped)
    before: list[str] = []
    after: list[str] = []
    needed: dict[str, dict[str, Any]] = {}
    for domain in domains.everything().values():
        if not domain.folder:
            continue
        known = {*shipped, *before, *after, *project.jobs}
        brings = [each for each in domain.steps if each not in known]
        checks = [each for each in domain.checks if each not in known]
        checks = [each for each in checks if each.split(":")[0] != _ITSELF]
        before += brings
        after += checks
        needs = [_name(each, project) for each in brings]
        needs += [_name(shipped[build], project) for build in builds]
        needed |= {_name(each, project): {"needs": needs} for each in checks}
    return [*shipped[:place], *before, *shipped[place:], *after], needed


def choose(
    steps: tuple[Step, ...], start: str | None = None, only: tuple[str, ...] = ()
) -> Plan:
    """Keep the steps that are asked for.

    Args:
        steps: All.
        start: `--from`: this one and all after it.
        only: `--only`: these alone.

    Returns:
        The plan.

    Raises:
        Refused: If a name is unknown or both are given.
    """
    if start and only:
        raise Refused(["--from and --only exclude each other"])
    if start:
        first = min(_positions(start, steps))
        wanted = frozenset(step.name for step in steps[first:])
        return Plan(steps, wanted, f"from {start}")
    if only:
        places = {place for name in only for place in _positions(name, steps)}
        wanted = frozenset(steps[place].name for place in places)
        return Plan(steps, wanted, f"only {', '.join(only)}")
    return Plan(steps, frozenset(step.name for step in steps))


def _positions(name: str, steps: tuple[Step, ...]) -> list[int]:
    """Find steps by name, task or job."""
    found = [
        place
        for place, step in enumerate(steps)
        if name in (step.name, step.task, step.label) or name in step.jobs
    ]
    if not found:
        names = sorted(
            {s.name for s in steps} | {job for step in steps for job in step.jobs}
        )
        hint = f".{nearest(name, names)} Steps: {', '.join(names)}"
        raise Refused([f"there is no step {name!r}{hint}"])
    return found


def _jobs_with(task: str, project: Project) -> list[str]:
    return [
        job.name
        for job in project.jobs.values()
        if job.name != NIGHTLY and task in job.tasks
    ]


def _name(task: str, project: Project) -> str:
    for name in _jobs_with(task, project):
        if project.jobs[name].tasks == (task,):
            return name
    return task


def _annotations(job: Job, names: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Read what the job says of its steps, by the steps' names."""
    problems = []
    said = job.annotations.get("steps") or {}
    for name, own in said.items():
        if name not in names:
            problems.append(_unknown(f"has no step {name!r}", name, list(names)))
            continue
        problems += [
            f"job nightly, step {name}: {key!r} is none of {', '.join(sorted(_KEYS))}"
            for key in set(own) - _KEYS
        ]
        problems += [
            _unknown(
                f"step {name} is of the domain {domain!r}",
                domain,
                list(domains.everything()),
            )
            for domain in own.get("domains") or []
            if domain not in domains.everything()
        ]
        order = list(names)
        earlier = order[: order.index(name)]
        problems += [
            _unknown(f"step {name} needs {need!r}, no earlier step", need, earlier)
            for need in own.get("needs") or []
            if need not in earlier
        ]
    if problems:
        raise Refused(problems)
    return said


def _unknown(text: str, name: str, known: list[str]) -> str:
    return f"job nightly {text}.{nearest(name, known)}"
