"""Domains of an owner's own: each is a folder of `local/`, which no upgrade of the project touches.

The files of Meltano in it say what the shipped `domains.yml` says of the others: its jobs are its
steps, its extractors' `load_schema` is where its rows land, and one job may say the rest under
`annotations: {entrepot: {domain: …}}`.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from entrepot_core.base.errors import Refused
from entrepot_core.base.suggest import nearest
from entrepot_core.config import types

FOLDER = "local"
SECOND_SOURCE = (
    "SOURCE_DOMAIN"  # whose replica a process works on; see second_source.py
)
# The step that builds the models: what a job names before it comes before it in a night.
BUILD = "dbt:build"
_MODELS = ("models", "seeds", "tests", "macros")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
# What a job may say of its domain.
_KEYS = {"sentence": str, "replicated": bool, "variables": dict, "dbt_sources": list}
_REPLICA_STEPS = ("full-replication", "incremental-replication")
_REPLICA_CHECKS = ("pg-replica:audit",)


def folders(root: Path) -> dict[str, Path]:
    """Find the folders that are domains: those with a file of Meltano's, a policy or models.

    Args:
        root: The project's folder.

    Returns:
        Each by its name, in their order.
    """
    place = root / FOLDER
    if not place.is_dir():
        return {}
    return {
        folder.name: folder
        for folder in sorted(place.iterdir())
        if folder.is_dir() and not folder.name.startswith(".") and _holds(folder)
    }


def is_name(name: str) -> bool:
    """Say whether a domain can be called so.

    Args:
        name: Its name, and its folder's.

    Returns:
        Whether it can.
    """
    return bool(_NAME.fullmatch(name))


def _holds(folder: Path) -> bool:
    return (
        any(folder.glob("*.meltano.yml"))
        or (folder / "tables.yml").is_file()
        or any((folder / name).is_dir() for name in _MODELS)
    )


def read(root: Path) -> dict[str, dict[str, Any]]:
    """Read what the folders declare.

    Args:
        root: The project's folder.

    Returns:
        By the domain's name, what a `Domain` is made from.

    Raises:
        Refused: With everything that is wrong, each with its file.
    """
    problems: list[str] = []
    found = {}
    for name, folder in folders(root).items():
        if not is_name(name):
            problems.append(
                f"{folder.relative_to(root)}: a domain's folder is named with small letters, "
                "digits and _, a letter first, at most 40 of them"
            )
            continue
        found[name] = _domain(name, folder, root, problems)
    if problems:
        raise Refused(problems)
    return found


def _domain(name: str, folder: Path, root: Path, problems: list[str]) -> dict[str, Any]:
    jobs: list[dict[str, Any]] = []
    said: dict[str, Any] = {}
    schemas: list[str] = []
    is_database = False
    for file in sorted(folder.glob("*.meltano.yml")):
        place = str(file.relative_to(root))
        content = _content(file, place, problems)
        plugins = _mapping(content.get("plugins"), f"{place}: plugins", problems)
        kinds = {
            kind: _mappings(given, f"{place}: {kind}", problems)
            for kind, given in plugins.items()
        }
        schemas += _load_schemas(kinds.get("extractors", []))
        is_database |= any(_replicates(each, name) for each in chain(*kinds.values()))
        for job in _mappings(content.get("jobs"), f"{place}: jobs", problems):
            jobs.append(_job(job, place, problems))
            said |= _said(job, place, problems)
    steps, checks = _steps_of(jobs)
    variables = dict(said.get("variables") or {})
    if is_database:
        variables = {f"{name.upper()}_SOURCE_DATABASE_URL": "postgres_url"} | variables
    return {
        "sentence": said.get("sentence") or f"of its owner's own, in {FOLDER}/{name}",
        "replicated": said.get("replicated", not jobs),
        # Without a step it has models alone: they read the replica.
        "steps": steps if jobs else list(_REPLICA_STEPS),
        "checks": checks if jobs else list(_REPLICA_CHECKS),
        "variables": variables,
        "raw_schemas": list(dict.fromkeys(schemas)),
        "dbt_sources": list(said.get("dbt_sources") or [name, f"{name}__*"]),
        "folder": f"{FOLDER}/{name}",
        "is_database": is_database,
    }


def _load_schemas(extractors: list[dict[str, Any]]) -> list[str]:
    found = [each.get("load_schema") for each in extractors]
    return [schema for schema in found if isinstance(schema, str)]


def _replicates(plugin: dict[str, Any], name: str) -> bool:
    env = plugin.get("env")
    return isinstance(env, dict) and env.get(SECOND_SOURCE) == name


def _job(job: dict[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    """Give a job with each of its tasks as one text."""
    name, given = job.get("name"), job.get("tasks")
    if not isinstance(name, str):
        problems.append(f"{place}: a job has no name")
    tasks = (
        [" ".join(e) if _is_texts(e) else e for e in given or []]
        if _is_list(given)
        else None
    )
    if not _is_texts(tasks):
        problems.append(f"{place}: job {name}: tasks should be a list of texts")
        tasks = []
    return {
        "name": str(name),
        "tasks": [" ".join(task.split()) for task in tasks or []],
    }


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_texts(value: Any) -> bool:
    return _is_list(value) and all(isinstance(each, str) for each in value)


def _steps_of(jobs: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Give what jobs name before the build, and after it; a job of one task by its name, too."""
    before: dict[str, None] = {}
    after: dict[str, None] = {}
    for job in jobs:
        tasks = job["tasks"]
        place = tasks.index(BUILD) if BUILD in tasks else len(tasks)
        before |= dict.fromkeys(tasks[:place])
        after |= dict.fromkeys(tasks[place + 1 :])
        if len(tasks) == 1:
            before[job["name"]] = None
    return list(before), list(after)


def _content(file: Path, place: str, problems: list[str]) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"{place} is not YAML: {' '.join(str(error).split())}")
        return {}
    return _mapping(content, place, problems)


def _mapping(value: Any, place: str, problems: list[str]) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    problems.append(f"{place}: should be a mapping")
    return {}


def _mappings(value: Any, place: str, problems: list[str]) -> list[dict[str, Any]]:
    if value is None:
        return []
    if _is_list(value) and all(isinstance(each, dict) for each in value):
        return list(value)
    problems.append(f"{place} should be a list of mappings")
    return []


def _said(job: dict[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    """Read what a job says of its domain."""
    place = f"{place}: job {job.get('name')}"
    said = job
    for key in ("annotations", "entrepot", "domain"):
        said = _mapping(said.get(key), f"{place}, {key}", problems)
    for key, value in said.items():
        if key not in _KEYS:
            problems.append(
                f"{place}, domain: {key!r} is none of {', '.join(_KEYS)}."
                f"{nearest(str(key), list(_KEYS))}"
            )
        elif not isinstance(value, _KEYS[key]):
            problems.append(f"{place}, domain: {key} is not of its type")
    variables = said.get("variables")
    if isinstance(variables, dict):
        problems += _problems_of(variables, place)
    return said


def _problems_of(variables: dict[Any, Any], place: str) -> list[str]:
    found = [
        f"{place}: {name!r} is no variable's name: write it as {_upper(name)}"
        for name in variables
        if not _VARIABLE.fullmatch(str(name))
    ]
    return found + [
        f"{place}: variable {name} is of type {kind!r}; the types are "
        f"{', '.join(types.CHECKS)}.{nearest(str(kind), list(types.CHECKS))}"
        for name, kind in variables.items()
        if kind not in types.CHECKS
    ]


def _upper(name: object) -> str:
    return re.sub(r"\W+", "_", str(name)).upper()
