"""How a command loads its modules."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

_Loaded = TypeVar("_Loaded")


def loaded(load: Callable[[], _Loaded]) -> _Loaded:
    """Load modules without a look for garbage: what they make stays.

    That look is an eighth of the start of pg-replica, and a quarter of tap-postgres's.

    Args:
        load: Imports them.

    Returns:
        What that gives.
    """
    gc.disable()
    try:
        return load()
    finally:
        gc.freeze()
        gc.enable()
