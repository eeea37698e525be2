"""Hosting providers whose nightly backup can be the dump: `DUMP_PATH=<name>:`.

A provider is one module: it reads its own variables, lists its backups and gives links to them.
Waiting for the backup of the day, fetching, resuming and unpacking are the same for all. A new
one is added to `PROVIDERS`, and its variables to `.env.example`.
"""

from __future__ import annotations

from collections.abc import Callable

from entrepot_core.base.errors import Refused
from pg_replica.dump.providers.provider import Provider


def _scalingo() -> Provider:
    # It brings an HTTP client along, for this provider alone.
    from pg_replica.dump.providers import scalingo

    return scalingo.from_environment()


PROVIDERS: dict[str, Callable[[], Provider]] = {"scalingo": _scalingo}


def of(place: str) -> Provider | None:
    """Find the provider that a `DUMP_PATH` names.

    Args:
        place: `DUMP_PATH`.

    Returns:
        The provider; None for a file, a folder or a URL.

    Raises:
        Refused: With all that is wrong with its variables.
    """
    name, colon, rest = place.partition(":")
    if not colon or name not in PROVIDERS:
        return None
    if rest:
        raise Refused(
            [f"DUMP_PATH: write {name}: alone; its other variables say which backup"]
        )
    return PROVIDERS[name]()
