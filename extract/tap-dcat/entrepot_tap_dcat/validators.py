"""What a server says of the state of its pages (RFC 9110, 8.8), kept from one night to the next.

A catalogue whose every page answers "not modified" is not read again. Only what is no secret is
kept: of a page's URL what differs from the first page's, if that is a path or plain numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_FORM = 1  # of what is kept; another one is not believed


@dataclass(frozen=True)
class Validator:
    """How a server tells one state of a page from another.

    Attributes:
        etag: Its entity tag; None without one.
        modified: When it was changed, as the server writes it; None if it does not say.
    """

    etag: str | None = None
    modified: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request that asks for the page only if it is another."""
        conditions = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in conditions.items() if value}


class Pages:
    """The pages of a catalogue, each with its validator.

    Args:
        start: The first page's URL.
        fingerprint: What else the rows depend on, such as settings; no secret is kept of it.
    """

    def __init__(self, start: str, fingerprint: str) -> None:
        self._start = urlsplit(start)
        text = f"{_FORM}\0{start}\0{fingerprint}"
        self._key = hashlib.sha256(text.encode()).hexdigest()
        self._pages: list[dict[str, Any]] | None = []

    def add(self, url: str, validator: Validator) -> None:
        """Note a page that was read.

        Args:
            url: Its URL.
            validator: What the server said of it; one without any makes all that is kept useless.
        """
        place = self._relative(url)
        if place is None or not validator.headers:
            self._pages = None
        elif self._pages is not None:
            self._pages.append({**place, **asdict(validator)})

    def state(self) -> dict[str, Any] | None:
        """Give what is kept.

        Returns:
            JSON; None if some page cannot be asked for by its validator.
        """
        return {"key": self._key, "pages": self._pages} if self._pages else None

    def known(self, state: Any) -> list[tuple[str, Validator]]:
        """Read what was kept.

        Args:
            state: As `state` gave it, or anything else.

        Returns:
            The URL of each page, and its validator; none if they were kept for anything else.
        """
        if not isinstance(state, dict) or state.get("key") != self._key:
            return []
        return [
            (self._absolute(each), Validator(each["etag"], each["modified"]))
            for each in state["pages"]
        ]

    def _relative(self, url: str) -> dict[str, Any] | None:
        """Give what tells a URL from the first page's; None if a secret could be in it."""
        parts, start = urlsplit(url), self._start
        is_same = parts.scheme == start.scheme and parts.hostname == start.hostname
        if not is_same or parts.port != start.port:
            return None
        common = parse_qsl(start.query, keep_blank_values=True)
        query = parse_qsl(parts.query, keep_blank_values=True)
        own = [pair for pair in query if pair not in common]
        if not all(value.isdecimal() for _, value in own):
            return None
        dropped = [name for name, value in common if (name, value) not in query]
        return {"path": parts.path, "numbers": own, "dropped": dropped}

    def _absolute(self, page: dict[str, Any]) -> str:
        start = self._start
        common = parse_qsl(start.query, keep_blank_values=True)
        kept = [pair for pair in common if pair[0] not in page["dropped"]]
        query = urlencode([*kept, *(tuple(pair) for pair in page["numbers"])])
        return urlunsplit(start._replace(path=page["path"], query=query))
