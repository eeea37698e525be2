"""No secret leaves: every text that is logged, raised or recorded passes through here."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = (
    3  # masking "a" everywhere would make messages unreadable and protect nothing
)


class Redactor:
    """Replaces known secrets, in every spelling in which a tool may print them."""

    def __init__(self) -> None:
        """Start with nothing to hide."""
        self._spellings: list[str] = []

    def hide(self, secret: str | None) -> None:
        """Learn one secret.

        Args:
            secret: A password, token or key; None and very short ones are ignored.
        """
        if not secret or len(secret) < _SHORTEST:
            return
        spellings = {
            secret,
            quote(secret, safe=""),
            quote(secret),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
            secret.replace("'", "''"),
            secret.replace("\\", "\\\\").replace("'", "\\'"),
            base64.b64encode(secret.encode()).decode(),
        }
        # Longest first, so that a spelling that contains another is masked whole.
        self._spellings = sorted({*self._spellings, *spellings}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Mask the secrets in a text.

        Args:
            text: Anything about to be shown or stored.

        Returns:
            The text with each known secret replaced.
        """
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text


redact = Redactor()
