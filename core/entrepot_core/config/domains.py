"""Domains: what a warehouse is made of, each switched on or off by DOMAINS.

A domain is its sources and its models; `domains.yml` declares each once, and a folder of `local/`
an owner's own. One that is off costs nothing: its steps are left out of a night, its taps end at
once, its models are not built.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from entrepot_core.base.errors import Refused
from entrepot_core.base.suggest import nearest
from entrepot_core.config import declared, local
from entrepot_core.config.project import project_root


@dataclass(frozen=True)
class Domain:
    """One domain.

    Attributes:
        sentence: What it is.
        replicated: Whether it needs the replica of the source database.
        steps: The steps of a night that bring its data.
        checks: The steps of a night that compare its data with their source, and bring none.
        content: The folder of what belongs to it alone, below `contents`; empty without one. Its
            `tables.yml`, if there is one, is the domain's part of the table policy.
        variables: What must be set where it is on, each with its type's name in `types.CHECKS`.
        raw_schemas: Where its taps' rows land.
        dbt_sources: Whose models are not built while one of its steps has failed.
        folder: Where all of it lies, below the project's folder, if it is an owner's own.
        is_database: Whether it is a replica of a second database: see `second_source`.
    """

    sentence: str
    replicated: bool = False
    steps: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    content: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    raw_schemas: list[str] = field(default_factory=list)
    dbt_sources: list[str] = field(default_factory=list)
    folder: str = ""
    is_database: bool = False

    def policy(self) -> Path | None:
        """Find the domain's part of the table policy.

        Returns:
            The file; None where there is none.
        """
        folder = self.folder or (self.content and f"contents/{self.content}")
        file = project_root() / folder / "tables.yml"
        return file if folder and file.is_file() else None


# Those that are shipped.
ALL: dict[str, Domain] = {
    name: Domain(**given) for name, given in declared.read("domains.yml").items()
}
KNOWN = {name: domain.sentence for name, domain in ALL.items()}
DEFAULT = "replica"
_VARIABLE = "DOMAINS"


def everything() -> Mapping[str, Domain]:
    """Give all domains: those that are shipped, and the owner's own.

    Returns:
        Each by its name.

    Raises:
        Refused: If what a folder of `local/` says makes no sense.
    """
    return _everything(project_root())


@cache
def _everything(root: Path) -> Mapping[str, Domain]:
    own = {name: Domain(**given) for name, given in local.read(root).items()}
    if taken := sorted(own.keys() & ALL.keys()):
        raise Refused(
            [
                f"{local.FOLDER}/{name}: {name} is a domain of the project: rename the folder"
                for name in taken
            ]
        )
    return {**ALL, **own}


def replicated() -> frozenset[str]:
    """Give the domains that need the replica which this process works on.

    Returns:
        Their names: the one that `SOURCE_DOMAIN` names, where it does.
    """
    if name := os.environ.get(local.SECOND_SOURCE):
        return frozenset({name})
    return frozenset(name for name, domain in everything().items() if domain.replicated)


def raw_schemas() -> frozenset[str]:
    """Give the schemas in which rows of taps land.

    Returns:
        Their names.
    """
    return frozenset(
        schema for domain in everything().values() for schema in domain.raw_schemas
    )


def parse(text: str) -> frozenset[str]:
    """Read a list of domains.

    Args:
        text: Names, separated by commas; nothing but blanks for none.

    Returns:
        The names.

    Raises:
        ValueError: If one is unknown, with the nearest match.
        Refused: If what a folder of `local/` says makes no sense.
    """
    names = {name.strip() for name in text.split(",")} - {""}
    known = list(everything())
    for name in sorted(names - set(known)):
        raise ValueError(
            f"has no domain {name!r}.{nearest(name, known)} Domains: {', '.join(known)}"
        )
    return frozenset(names)


def enabled(variables: Mapping[str, str] | None = None) -> frozenset[str]:
    """Give the domains that are on.

    Args:
        variables: The environment; the process's own by default.

    Returns:
        Their names; the replica alone where `DOMAINS` is not set.

    Raises:
        Refused: If a name is unknown.
    """
    text = (os.environ if variables is None else variables).get(_VARIABLE)
    try:
        return parse(text or DEFAULT)
    except ValueError as error:
        raise Refused([f"{_VARIABLE} {error}"]) from None


def of_step(step: str) -> list[str]:
    """Give the domains that a step of a night belongs to.

    Args:
        step: Its name.

    Returns:
        Their names; none for a step of the whole night.
    """
    return [
        name
        for name, domain in everything().items()
        if step in domain.steps or step in domain.checks
    ]


def fed_by(step: str) -> tuple[str, ...]:
    """Give the dbt sources that a step brings the data of.

    Args:
        step: Its name.

    Returns:
        Their names, each once.
    """
    found = (
        source
        for domain in everything().values()
        if step in domain.steps
        for source in domain.dbt_sources
    )
    return tuple(dict.fromkeys(found))
