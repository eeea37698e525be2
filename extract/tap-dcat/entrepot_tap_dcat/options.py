"""How documents are chosen and fetched."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from entrepot_core.storage.redirects import Redirects


@dataclass(frozen=True)
class Options:
    """How documents are chosen and fetched.

    Attributes:
        pattern: What names must match, from beginning to end; None for those of known suffixes.
        all_dumps: Whether all dumps are read, rather than the latest.
        timeout: Seconds after which a silent network counts as cut.
        deadline: Seconds that one page over http may take in all.
        limit: Bytes that one document may have.
        pause: Seconds before a page is asked for again.
        pages: How many pages of a server are read at most.
        stale_pages: How many pages in a row may bring no dataset that no earlier one has.
        total: Bytes that all pages of a server may have together.
        redirects: Where servers may send us.
    """

    pattern: str | None = None
    all_dumps: bool = False
    timeout: float = 120
    deadline: float = 600
    limit: int = 2 * 1024**3
    pause: float = 0.5
    pages: int = 10_000
    stale_pages: int = 20
    total: int = 20 * 1024**3
    redirects: Redirects = field(default_factory=Redirects)


def zone() -> ZoneInfo:
    """Give the time zone in which a document's day is meant."""
    return ZoneInfo(os.environ.get("CRON_TZ") or "Europe/Paris")
