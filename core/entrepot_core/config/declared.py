"""YAML files beside this module, which declare domains and variables once for every part."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml

# In C where PyYAML was built with it: each command reads these files when it starts.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(name: str) -> Any:
    """Read one of the files.

    Args:
        name: Such as `domains.yml`.

    Returns:
        Its content.
    """
    file = resources.files("entrepot_core.config").joinpath(name)
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
