"""Suggestions for misspelt words."""

from __future__ import annotations

import difflib


def nearest(word: str, candidates: list[str]) -> str:
    """Suggest what a misspelt word was meant to be.

    Args:
        word: The word that is not known.
        candidates: Those that are.

    Returns:
        A sentence to append to the error, or an empty string when nothing is near.
    """
    close = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
