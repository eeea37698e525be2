"""Which part of Entrepôt this process is: what its database sessions call themselves."""

from __future__ import annotations

_PRODUCT = "entrepot"


class Part:
    """The part that runs in this process; its command's frame says which."""

    def __init__(self) -> None:
        """Begin as no part in particular."""
        self.name = ""

    def application(self, purpose: str = "") -> str:
        """Give an `application_name` for `pg_stat_activity`.

        Args:
            purpose: What the session is for; empty for what all of them begin with.

        Returns:
            `entrepot`, the part and the purpose.
        """
        return " ".join(filter(None, (_PRODUCT, self.name, purpose)))


part = Part()
