"""The rows that follow a COPY statement, in blocks: no row's length matters."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from entrepot_core.base.errors import RunFailed

_BLOCK = 256 * 1024
_END = b"\n\\.\n"


def until_the_end(read: Callable[[int], bytes], what: str) -> Iterator[bytes]:
    """Give the text up to the line that ends it.

    Args:
        read: Gives the next bytes; none at the end.
        what: The rows, for the message.

    Yields:
        Chunks that end anywhere.

    Raises:
        RunFailed: If the text ends without that line.
    """
    # It begins as if a line had ended: the first line may already be the last.
    rest, begin = b"\n", 1
    while block := read(_BLOCK):
        text = rest + block
        found = text.find(_END)
        # What could be the first part of the end is looked at again.
        cut = found + 1 if found >= 0 else len(text) - len(_END) + 1
        if cut > begin:
            yield text[begin:cut]
            rest, begin = text[cut:], 0
        else:
            rest = text
        if found >= 0:
            return
    raise RunFailed(f"the archive ends in {what}: it is damaged")


def whole_lines(chunks: Iterator[bytes], longest: int) -> Iterator[bytes]:
    """Cut chunks at the ends of lines.

    Args:
        chunks: Text, cut anywhere.
        longest: Bytes of the longest line that is accepted.

    Yields:
        Chunks that end with a line.

    Raises:
        RunFailed: If a line is longer.
    """
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        whole, line_end, rest = chunk.rpartition(b"\n")
        if line_end:
            yield b"".join([*pieces, whole, line_end])
            pieces, size = [], 0
        pieces.append(rest)
        size += len(rest)
        if size > longest:
            raise RunFailed(f"a row of more than {longest:,} bytes of text")
    if size:
        yield b"".join([*pieces, b"\n"])
