"""No secret leaves: every text that is logged, raised or recorded passes through here."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = (
    3  # masking "a" everywhere would make messages unreadable and protect nothing
)


# What a person would write into a message without thinking of a secret: a password like that is
# masked where it stands as a value, not in the name of a table nor inside a longer word.
_WORD = re.compile(r"[A-Za-z_]{1,15}|[A-Za-z0-9_]{1,5}")
_AS_A_VALUE = (
    r"(?i:((?:pass(?:word|wd)?|pwd|secret|token|key|dsn)\w*[\"']?(?:\s*[=:]\s*(?:b?[\"'])?|\s+')"
    r"|://[^\s/@:]*:|\bbearer\s+))(?-i:{word})(?![A-Za-z0-9_])"
)


class Redactor:
    """Replaces known secrets, in every spelling in which a tool may print them."""

    def __init__(self) -> None:
        """Start with nothing to hide."""
        self._spellings: list[str] = []
        self._words: dict[str, re.Pattern[str]] = {}

    def hide(self, secret: str | None) -> None:
        """Learn one secret.

        Args:
            secret: A password, token or key; None and very short ones are ignored.
        """
        if not secret or len(secret) < _SHORTEST:
            return
        if _WORD.fullmatch(secret):
            word = re.escape(secret)
            self._words[secret] = re.compile(_AS_A_VALUE.replace("{word}", word))
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
        for word, value in self._words.items():
            if word in text:
                text = value.sub(rf"\1{MASK}", text)
        return text


redact = Redactor()
