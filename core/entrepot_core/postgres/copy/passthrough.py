"""COPY's messages handed from one server's socket to the other's, without a look at each row.

COPY sends one message a row, and both directions spell it alike: what comes out of the source is
what the warehouse takes in. Taking each row out of its message and putting it into another is most
of what a copy costs our side, so on connections that are not encrypted the bytes are passed on as
they come. That needs the end of the COPY to be found without counting messages through: what looks
like the end is proved by asking for a random word, which the server can only answer once the COPY
is over, and which no table can hold.

The messages are those of PostgreSQL's documentation, chapter "Message Formats" of the
frontend/backend protocol.
"""

from __future__ import annotations

import os
import re
import secrets
import struct
from collections.abc import Iterator
from contextlib import suppress

import psycopg
from psycopg.pq.abc import PGconn

from entrepot_core.postgres.copy.libpq import LOST, CopyError, Patience

_CHUNK = 256 * 1024  # bytes read at once
# Kept back from each chunk: room for all that may follow the last row, an error above all.
_HELD = 8 * 1024
_GSS_ENCRYPTION = 120000  # the first version that has it
_HEAD = struct.Struct("!cI")
_COPY_OUT, _FAILURE = b"H", b"E"
_BESIDE = (b"N", b"S")  # notices and parameters, which may come before a COPY
_ROWS_ARE_OUT = (
    rb"c\0\0\0\x04C\0\0\0.COPY (?P<rows>\d{1,20})\0"
    # A parameter that has changed may be told before the server is ready again.
    rb"(?:S.{4}[^\0]+\0[^\0]*\0){,9}Z\0\0\0\x05[IT]"
)
_LOOKS_WHOLE = re.compile(_ROWS_ARE_OUT + rb"\Z", re.DOTALL)
_FAILED = b"Z\0\0\0\5E"
_READY = re.compile(rb"Z\0\0\0\x05[ITE]\Z")
_ERROR = re.compile(
    rb"E(?P<size>.{4})S[^\0]+\0(?:V[^\0]+\0)?C(?P<state>[0-9A-Z]{5})\0M(?P<message>[^\0]*)\0",
    re.DOTALL,
)


def passes_frames(connection: psycopg.Connection) -> bool:
    """Say whether a session's socket carries the protocol as it is, not encrypted.

    Args:
        connection: A session.

    Returns:
        Whether it does.
    """
    if connection.pgconn.ssl_in_use:
        return False
    if connection.info.server_version < _GSS_ENCRYPTION:
        return True
    row = connection.execute(
        "SELECT encrypted FROM pg_catalog.pg_stat_gssapi"
        " WHERE pid = pg_catalog.pg_backend_pid()"
    ).fetchone()
    return row == (False,)


class FramedCopyOut:
    """A COPY … TO STDOUT, its messages left as they are.

    libpq does not hear of it: it is idle before, and idle after.

    Attributes:
        rows: The server's own count, once every chunk has been read.

    Args:
        source: A session in its transaction, for which `passes_frames` holds. It must be closed
            after an error.
        statement: The COPY statement.
        patience: When to stop waiting.
    """

    def __init__(
        self, source: psycopg.Connection, statement: str, patience: Patience
    ) -> None:
        self._connection = source.pgconn
        self._statement = statement
        self._patience = patience
        self._word = b""
        self.rows = -1

    def __iter__(self) -> Iterator[memoryview]:
        """Give the messages in chunks, cut anywhere; all of them together are whole.

        Yields:
            A view of a buffer, true until the next is asked for.

        Raises:
            CopyError: If the source does not end the COPY itself.
        """
        self._ask(self._statement)
        buffer = bytearray(_HELD + _CHUNK + _HELD)
        view = memoryview(buffer)
        first = self._first()
        size = len(first)
        view[:size] = first
        while not (end := self._end(buffer, size)):
            if size > _HELD:
                yield view[: size - _HELD]
                view[:_HELD] = view[size - _HELD : size]
                size = _HELD
            size += self._receive(buffer, size, _CHUNK)
        while not _READY.search(buffer, end.end(), size):
            size += self._receive(buffer, size, _HELD)
        self.rows = int(end["rows"])
        yield view[: end.start()]

    def _first(self) -> bytes:
        """Read to the head of the rows; give what has come after it."""
        buffer, size, at = bytearray(2 * _HELD), 0, 0
        while True:
            while size < at + _HEAD.size:
                size += self._receive(buffer, size, _HELD)
            kind, length = _HEAD.unpack_from(buffer, at)
            while size < at + 1 + length:
                size += self._receive(buffer, size, _HELD)
            at += 1 + length
            if kind == _COPY_OUT:
                return bytes(buffer[at:size])
            if kind == _FAILURE:
                raise _failure(buffer, at)
            if kind not in _BESIDE:
                raise CopyError("source", None, "the server did not start COPY")

    def _end(self, buffer: bytearray, size: int) -> re.Match[bytes] | None:
        """Find the end of the rows, once it is proved.

        Returns:
            The match of the end; None while more must be read.

        Raises:
            CopyError: If it is proved that the COPY has failed.
        """  # noqa: DOC501 -- a function makes the CopyError
        if not self._word:
            if _LOOKS_WHOLE.search(buffer, max(0, size - _HELD), size):
                self._ask_for_a_word("SELECT '{}'")
            elif buffer.endswith(_FAILED, 0, size):
                # A failed transaction repeats no word but that of a statement it can't read.
                self._ask_for_a_word('"{}"')
            return None
        answer = b"[TE].{,500}?" + self._word
        if end := re.compile(_ROWS_ARE_OUT + answer, re.DOTALL).search(buffer, 0, size):
            return end
        if end := re.compile(_FAILED + answer, re.DOTALL).search(buffer, 0, size):
            raise _failure(buffer, end.start())
        return None

    def _ask_for_a_word(self, statement: str) -> None:
        word = secrets.token_hex(16)
        self._ask(statement.format(word))
        self._word = word.encode()

    def _ask(self, statement: str) -> None:
        """Send a simple query."""
        body = statement.encode() + b"\0"
        message = _HEAD.pack(b"Q", 4 + len(body)) + body
        # Nothing is on its way to the server: the socket has room for all of it.
        with suppress(OSError):
            if os.write(self._connection.socket, message) == len(message):
                return
        raise CopyError("source", None, LOST)

    def _receive(self, buffer: bytearray, size: int, most: int) -> int:
        """Read what has come to a buffer's place; give the number of bytes.

        Returns:
            How many bytes of the buffer are filled now.

        Raises:
            CopyError: If the connection is lost.
        """  # noqa: DOC501 -- a function makes the CopyError
        room = memoryview(buffer)[size : size + most]
        while True:
            self._patience.wait(self._connection, "source")
            try:
                if received := os.readv(self._connection.socket, [room]):
                    return received
            except BlockingIOError:
                continue
            except OSError:
                pass
            raise _failure(buffer, size)


def put_frames(target: PGconn, chunk: memoryview, patience: Patience) -> None:
    """Write messages of a COPY into the warehouse's socket, behind libpq's back.

    Args:
        target: A connection in a COPY … FROM STDIN, for which `passes_frames` holds.
        chunk: The messages; the next chunk goes on where this one ends.
        patience: When to stop waiting.

    Raises:
        CopyError: If the connection is lost.
    """
    rest = chunk
    while rest:
        _, writable = patience.wait(target, "warehouse", to_write=True)
        if not writable:
            return  # during COPY IN the server sends data only to report an error
        try:
            rest = rest[os.write(target.socket, rest) :]
        except BlockingIOError:
            continue
        except OSError:
            raise CopyError("warehouse", None, LOST) from None


def _failure(buffer: bytearray, stop: int) -> CopyError:
    """Read the error message that ends at a place, or take the connection for lost."""
    for error in _ERROR.finditer(buffer, max(0, stop - _HELD), stop):
        if error.start() + 1 + int.from_bytes(error["size"], "big") == stop:
            return CopyError(
                "source",
                error["state"].decode(),
                error["message"].decode(errors="replace"),
            )
    return CopyError("source", None, LOST)
