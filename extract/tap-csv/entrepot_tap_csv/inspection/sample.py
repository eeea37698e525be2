"""The part of a file that is looked at, and the encoding in which it reads best."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from entrepot_tap_csv.errors import Misfit
from entrepot_tap_csv.files import Part

LONGEST = 8 * 1024**2  # bytes that are looked at
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = ("cp1252", "mac_roman", "cp850", "latin-1")
_USUAL = frozenset(
    "éèêëàâçîïôöùûüÿœæÉÈÊËÀÂÇÎÏÔÖÙÛÜŒÆäßñáíóúÄÑ°€£²³«»…·ºª§\u00a0"
    "\u2019\u2018\u201c\u201d\u2013\u2014"  # quotation marks and dashes
)


@dataclass(frozen=True)
class Sample:
    """The beginning of a file.

    Attributes:
        data: Its bytes, to the end of a line.
        is_whole: Whether that is all of it.
    """

    data: bytes
    is_whole: bool


def taken(part: Part) -> Sample:
    """Read the beginning of a file, unpacked.

    Args:
        part: The file.

    Returns:
        The sample.

    Raises:
        Misfit: If it cannot be read, or there is nothing in it.
    """
    with part.open() as file:
        data = b""
        while len(data) <= LONGEST and (block := file.read(LONGEST + 1 - len(data))):
            data += block
    if not data.strip():
        raise Misfit(part.name, "is empty: there is not even a header")
    if len(data) <= LONGEST:
        return Sample(data, is_whole=True)
    end = data.rfind(b"\n", 0, LONGEST)
    # In UTF-16 a line feed has a byte of zeros before or behind it.
    end -= end % 4 if b"\0" in data[:64] else -1
    return Sample(data[:end] or data[:LONGEST], is_whole=False)


@dataclass(frozen=True)
class SampledPart(Part):
    """A file of which the sample alone is read."""

    data: bytes = b""

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the sample.

        Yields:
            The sample.
        """
        yield io.BytesIO(self.data)


def encoding_of(data: bytes) -> str:
    """Say in which encoding a text reads best.

    Args:
        data: The text's bytes.

    Returns:
        Its name as Python has it.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if (wide := _without_mark(data)) is not None:
        return wide
    if _is_utf8(data):
        return "utf-8"
    scores = {name: _score(data, name) for name in _WESTERN}
    return max(scores, key=lambda name: scores[name])


def _without_mark(data: bytes) -> str | None:
    """Know UTF-16 by its zeros."""
    head = data[: 4096 - len(data) % 2]
    even, odd = head[::2].count(0), head[1::2].count(0)
    enough = len(head) // 5
    if odd > enough and not even:
        return "utf-16-le"
    return "utf-16-be" if even > enough and not odd else None


def _is_utf8(data: bytes) -> bool:
    """Say whether it is UTF-8, but for some bytes, which reading then shows with their place."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
        good = sum(sign > "\x7f" and sign != "\ufffd" for sign in text)
        return good * 4 > text.count("\ufffd")
    return True


def _score(data: bytes, encoding: str) -> int:
    """Count the signs that Western texts have, less those that they have not."""
    special = bytes(each for each in data if each > 0x7E)
    try:
        data.decode(encoding)
        text = special.decode(encoding)
    except UnicodeDecodeError:
        return -len(special) * 4
    usual = sum(sign in _USUAL for sign in text)
    odd = sum(not sign.isprintable() and sign not in _USUAL for sign in text)
    return 2 * usual - len(text) - 3 * odd


def text_of(sample: Sample, encoding: str) -> str:
    """Decode a sample; what cannot be is shown by reading it.

    Args:
        sample: The sample.
        encoding: Its encoding.

    Returns:
        Its text, without a byte order mark.
    """
    return sample.data.decode(encoding, "replace").removeprefix("\ufeff")
