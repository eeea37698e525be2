"""Domains: what a warehouse is made of, each switched on or off by DOMAINS.

A domain is its sources and its models; `domains.yml` declares each once. One that is off costs
nothing: its steps are left out of a night, its taps end at once, its models are not built.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from entrepot_core.base.errors import Refused
from entrepot_core.base.suggest import nearest
from entrepot_core.config import declared


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
    """

    sentence: str
    replicated: bool = False
    steps: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    content: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    raw_schemas: list[str] = field(default_factory=list)
    dbt_sources: list[str] = field(default_factory=list)


ALL: dict[str, Domain] = {
    name: Domain(**given) for name, given in declared.read("domains.yml").items()
}
KNOWN = {name: domain.sentence for name, domain in ALL.items()}
DEFAULT = "replica"
REPLICATED = frozenset(name for name, domain in ALL.items() if domain.replicated)
RAW_SCHEMAS = frozenset(
    schema for domain in ALL.values() for schema in domain.raw_schemas
)
_VARIABLE = "DOMAINS"


def parse(text: str) -> frozenset[str]:
    """Read a list of domains.

    Args:
        text: Names, separated by commas; nothing but blanks for none.

    Returns:
        The names.

    Raises:
        ValueError: If one is unknown, with the nearest match.
    """
    names = {name.strip() for name in text.split(",")} - {""}
    for name in sorted(names - set(KNOWN)):
        known = ", ".join(KNOWN)
        raise ValueError(
            f"has no domain {name!r}.{nearest(name, list(KNOWN))} Domains: {known}"
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
        for name, domain in ALL.items()
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
        for domain in ALL.values()
        if step in domain.steps
        for source in domain.dbt_sources
    )
    return tuple(dict.fromkeys(found))
