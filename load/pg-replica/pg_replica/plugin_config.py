"""Configuration files of the Singer plugins, as the SDK and Meltano give them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def loaded(config: Any) -> dict[str, Any]:
    """Read a plugin's configuration.

    Args:
        config: A dictionary, one path, several paths of which the last wins, or None.

    Returns:
        All of it.
    """
    if config is None or isinstance(config, dict):
        return dict(config or {})
    paths = [config] if isinstance(config, (str, Path)) else config
    merged: dict[str, Any] = {}
    for path in paths:
        merged.update(json.loads(Path(path).read_text(encoding="utf-8")))
    return merged
