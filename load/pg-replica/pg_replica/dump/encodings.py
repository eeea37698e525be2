"""PostgreSQL's names of encodings."""

from __future__ import annotations

# PostgreSQL's names of the encodings that Python calls otherwise.
_CODECS = {
    "LATIN1": "iso8859-1",
    "LATIN9": "iso8859-15",
    "WIN1252": "cp1252",
    "SQL_ASCII": "utf-8",
}


def codec(encoding: str) -> str:
    """Give Python's name of an encoding.

    Args:
        encoding: PostgreSQL's name.
    """
    return _CODECS.get(encoding, encoding)
