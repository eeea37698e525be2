"""PostgreSQL's names of encodings."""

from __future__ import annotations

# PostgreSQL's names of the encodings that Python calls otherwise.
_CODECS = {
    "LATIN1": "iso8859-1",
    "LATIN9": "iso8859-15",
    "WIN1252": "cp1252",
    "SQL_ASCII": "utf-8",
}
# Encodings in which a byte below 128 may be the second half of a character: no server has them.
CLIENT_ONLY = frozenset(
    {"BIG5", "GB18030", "GBK", "JOHAB", "SHIFT_JIS_2004", "SJIS", "UHC"}
)


def codec(encoding: str) -> str:
    """Give Python's name of an encoding.

    Args:
        encoding: PostgreSQL's name.

    Returns:
        Such as `utf_8`.
    """
    return _CODECS.get(encoding, encoding)
