"""Names of backups by date, and which of them are too many."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from entrepot_core.backups.places import SUM, Place
from entrepot_core.base.logs import event

_ENDING = ".dump"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def name_now(label: str) -> str:
    """Name a backup that is taken now.

    Args:
        label: Of what.

    Returns:
        Such as `pix-20261124T020000Z.dump`: the order of names is the order of time.
    """
    when = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return f"{_clean(label)}-{when}{_ENDING}"


def too_many(names: list[str], label: str, keep: int) -> list[str]:
    """List the backups beyond those that are kept.

    Args:
        names: What is in the place.
        label: Of what; backups of anything else are not looked at.
        keep: How many stay, the newest.

    Returns:
        The older ones.
    """
    pattern = re.compile(
        re.escape(_clean(label)) + r"-\d{8}T\d{6}Z" + re.escape(_ENDING)
    )
    ours = sorted(name for name in names if pattern.fullmatch(name))
    return ours[: max(0, len(ours) - keep)]


def remove_too_many(place: Place, label: str, keep: int, taken: str) -> None:
    """Remove the backups beyond those that are kept, and their checksums.

    Args:
        place: Where.
        label: Of what.
        keep: How many stay.
        taken: The one that was just taken. It stays: a clock that was set back gives it an
            old name.
    """
    for name in too_many(place.names(), label, keep):
        if name == taken:
            continue
        place.remove(name)
        place.remove(name + SUM)
        event(f"{place.path(name)}: removed, as {keep} newer ones are kept")


def _clean(label: str) -> str:
    return _UNSAFE.sub("_", label)
