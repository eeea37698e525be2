"""What ends the tap, each with its exit status."""

from __future__ import annotations

from entrepot_core.base.errors import Refused, RunFailed


class CannotFetch(RunFailed):
    """The API does not give what is asked for."""


class TryAgain(CannotFetch):
    """Another try may bring it.

    Attributes:
        wait: Seconds that the server wants us to wait; None if it does not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        """Keep the server's wish.

        Args:
            message: What happened.
            wait: In seconds.
        """
        super().__init__(message)
        self.wait = wait


class BadAnswer(RunFailed):
    """An answer is not as its stream is described."""


class WrongDefinition(Refused):
    """The setting `streams` cannot be understood."""
