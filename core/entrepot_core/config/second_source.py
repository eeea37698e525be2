"""A second database in the same warehouse: a domain of `local/`, with settings of its own.

Its plugins have `env: {SOURCE_DOMAIN: crm}` in Meltano's files; what the first source says by a
variable, this one then says by `CRM_` and its name.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from entrepot_core.config import local
from entrepot_core.config.variables import all_variables

_SCHEMA = "REPLICA_SCHEMA"


def take_up(variables: MutableMapping[str, str] | None = None) -> None:
    """Put the settings of the source that `SOURCE_DOMAIN` names in place of the first one's.

    A variable that says something of a source is the first one's alone: without `CRM_` it counts
    for nothing here. Of all others, that of the whole installation counts where there is no other.

    Args:
        variables: The environment; the process's own by default. Its schema is called like the
            domain where nothing else is said.
    """
    found = os.environ if variables is None else variables
    name = found.get(local.SECOND_SOURCE)
    if not name:
        return
    for variable in all_variables():
        own = found.get(prefixed(name, variable.name))
        if own:
            found[variable.name] = own
        elif variable.of_source:
            found.pop(variable.name, None)
    found.setdefault(_SCHEMA, name)


def prefixed(domain: str, variable: str) -> str:
    """Give the variable by which a second source says something.

    Args:
        domain: Its domain.
        variable: The first source's variable.

    Returns:
        Such as `CRM_SOURCE_DATABASE_URL`.
    """
    return f"{domain.upper()}_{variable}"
