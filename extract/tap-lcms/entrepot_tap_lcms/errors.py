"""What ends a run, said so that somebody knows what to do."""

from __future__ import annotations

from entrepot_core.base.errors import ReplicaError


class CannotFetch(ReplicaError):
    """The LCMS does not give the content."""


class WrongAddress(CannotFetch):
    """The LCMS is not there, or refuses the key: the same configuration finds the same."""

    exit_code = 2


class TryAgain(CannotFetch):
    """The LCMS may well give it a little later.

    Attributes:
        wait: Seconds that the server asks for; None when it does not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        """Keep the reason and the wait.

        Args:
            message: What happened.
            wait: Seconds that the server asks for.
        """
        super().__init__(message)
        self.wait = wait


class BadContent(ReplicaError):
    """What the LCMS has given is not the learning content as it is known."""
