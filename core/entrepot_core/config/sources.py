"""Variables of the sources beside the replicated database, checked where their domain is on."""

from __future__ import annotations

from collections.abc import Mapping

from entrepot_core.base.errors import Refused
from entrepot_core.config import domains, types


def problems(variables: Mapping[str, str]) -> list[str]:
    """Find what is wrong with the variables of all sources that are on.

    Args:
        variables: The environment.

    Returns:
        One sentence each, without any value; none where DOMAINS itself is wrong.
    """
    try:
        on = domains.enabled(variables)
    except Refused:
        return []
    return [each for domain in sorted(on) for each in problems_of(domain, variables)]


def problems_of(domain: str, variables: Mapping[str, str | None]) -> list[str]:
    """Find what is wrong with the variables of one domain.

    Args:
        domain: The domain.
        variables: Values by name.

    Returns:
        One sentence each, without any value.
    """
    known = domains.everything()
    if domain not in known:
        return []
    declared = known[domain].folder or ".env.example"
    found = []
    for name, kind in known[domain].variables.items():
        value = variables.get(name)
        if not value:
            found.append(f"{name} is missing: see {declared}")
            continue
        try:
            types.CHECKS[kind](value)
        except ValueError as error:
            found.append(f"{name} {error}")
    return found
