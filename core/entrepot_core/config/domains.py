"""Domains: what a warehouse is made of, each switched on or off by DOMAINS.

A domain is its sources and its models. One that is off costs nothing: its steps are left out of a
night, its taps end at once, its models are not built.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from entrepot_core.base.errors import Refused
from entrepot_core.base.suggest import nearest

KNOWN = {
    "replica": "the replica of a PostgreSQL database, and no models",
    "pix": "the replica, and Pix's models on it",
    "lcms": "Pix's learning content",
    "cpf": "the catalogue of trainings that the Caisse des Dépôts publishes",
    "barometre": "the files of the Baromètre Numérique",
    "ecospheres": "the quality of open-data catalogues",
}
DEFAULT = "pix"
REPLICATED = frozenset({"replica", "pix"})
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
        Their names; Pix alone where `DOMAINS` is not set.

    Raises:
        Refused: If a name is unknown.
    """
    text = (os.environ if variables is None else variables).get(_VARIABLE)
    try:
        return parse(text or DEFAULT)
    except ValueError as error:
        raise Refused([f"{_VARIABLE} {error}"]) from None
