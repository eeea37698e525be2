"""What a hosting provider must offer, and the wait for its backup of the day."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.base.logs import event

PAUSE = 60.0  # seconds between two looks at a provider's list of backups


@dataclass(frozen=True)
class Backup:
    """A backup as its provider lists it.

    Attributes:
        key: What the provider calls it.
        created_at: When it was begun, with its time zone.
        status: The provider's word for how far it is.
        is_finished: Whether it can be fetched.
    """

    key: str
    created_at: datetime
    status: str
    is_finished: bool

    def __str__(self) -> str:
        """Say which one it is and how far."""
        return f"{self.key} of {self.created_at:%Y-%m-%d %H:%M %Z}, {self.status}"


class Provider(Protocol):
    """A provider, for one database."""

    @property
    def label(self) -> str:
        """Whose backups, for messages and to tell fetched copies apart."""
        ...

    def backups(self) -> list[Backup]:
        """List the backups.

        Raises:
            Refused: If the provider does not know what the variables name.
            TransientFailure: If it does not answer.
        """
        ...

    def link(self, backup: Backup) -> str:
        """Give a URL from which a backup can be fetched for a while; the URL is a secret.

        Raises:
            Refused: If the backup is not there any more.
            TransientFailure: If the provider does not answer.
        """
        ...


def newest(backups: list[Backup]) -> str:
    """Say which backup is the newest, for messages.

    Args:
        backups: In any order.

    Returns:
        One sentence.
    """
    if not backups:
        return "it has no backup"
    return f"the newest is {max(backups, key=lambda one: one.created_at)}"


def wait_for_today(
    provider: Provider, zone: tzinfo, seconds: float, pause: float = PAUSE
) -> Backup:
    """Wait for the finished backup of the day: yesterday's would show a day that is over.

    Args:
        provider: Whose.
        zone: In which the day begins.
        seconds: For how long at most.
        pause: Seconds between two looks.

    Returns:
        The newest finished backup that was begun today.

    Raises:
        Refused: If waiting is of no use.
        RunFailed: If there is none when the time is over.
    """
    today = datetime.now(zone).date()
    deadline = time.monotonic() + seconds
    said = ""
    while True:
        found, state = _look(provider)
        of_today = [
            one
            for one in found
            # A wait that goes on past midnight is still for the day on which it began.
            if one.is_finished and one.created_at.astimezone(zone).date() >= today
        ]
        if of_today:
            return max(of_today, key=lambda one: one.created_at)
        left = deadline - time.monotonic()
        if left <= 0:
            raise RunFailed(
                f"{provider.label} has no finished backup of {today} after {seconds:g} s: {state}",
                "look at the provider's console; run again when the backup is there, "
                "or let it be waited for longer with DUMP_WAIT",
            )
        if state != said:
            event(f"{provider.label}: no finished backup of {today} yet: {state}")
            said = state
        time.sleep(min(pause, left))


def _look(provider: Provider) -> tuple[list[Backup], str]:
    """List the backups and say what was seen; a provider that is down is looked at again."""
    try:
        found = provider.backups()
    except TransientFailure as failure:
        return [], str(failure)
    return found, newest(found)
