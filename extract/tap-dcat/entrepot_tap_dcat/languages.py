"""Language tags as catalogues write them, carried through readers that would change them.

Readers of RDF fold tags to lower case and refuse those that BCP 47 does not allow, each syntax in
its own way. A tag that a reader would change or refuse is written to it as a private-use tag that
holds the bytes of the original, and read back afterwards.
"""

from __future__ import annotations

import re
from functools import lru_cache

_MARK = "x-raw-"
_SUBTAG = 8  # the longest subtag that BCP 47 allows
_WELL_FORMED = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


@lru_cache(maxsize=256)
def is_well_formed(tag: str) -> bool:
    """Say whether a language tag has the form of BCP 47.

    Args:
        tag: As written.

    Returns:
        Whether it has.
    """
    return _WELL_FORMED.fullmatch(tag) is not None


def wrap(tag: str) -> str:
    """Write a tag so that every reader takes it.

    Args:
        tag: As written in the document.

    Returns:
        A private-use tag, which `unwrap` turns back; the tag itself if it is empty.
    """
    digits = tag.encode().hex()
    parts = [digits[at : at + _SUBTAG] for at in range(0, len(digits), _SUBTAG)]
    return _MARK + "-".join(parts) if parts else ""


def unwrap(tag: str) -> str:
    """Give a tag as the document has it.

    Args:
        tag: As a reader gave it.

    Returns:
        What was wrapped; the tag itself if nothing was.
    """
    if not tag.startswith(_MARK):
        return tag
    digits = tag.removeprefix(_MARK).replace("-", "")
    try:
        return bytes.fromhex(digits).decode()
    except ValueError:
        return tag
