"""COPY from one server to the other, a few hundred kilobytes in memory at a time.

psycopg's own COPY loop costs two microseconds a row; libpq's calls, driven directly, a fifth of
that, which leaves both servers as the bottleneck. Every wait gives up when nothing moved for the
network timeout, and ends at once when another item of the run has failed.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from psycopg import errors, pq
from psycopg.pq.abc import PGconn, PGresult

from entrepot_core.base.errors import RunFailed, TransientFailure
from entrepot_core.postgres.explain import explain

_CHUNK = 256 * 1024  # bytes handed to the target at a time
_ROWS = range(64)  # taken between two looks at the size of the chunk
_POLL = 1.0  # seconds between two looks at the stop flag
LOST = "connection lost"

Chunk = bytes | bytearray | memoryview


class Stopped(Exception):
    """Cancels a worker because another task failed; it is not reported as an error itself."""


class CopyError(Exception):
    """A server ended a COPY with an error.

    Attributes:
        side: `source` or `warehouse`.
        sqlstate: The server's code; None when the connection was lost.
        context: Where in the data the error is, as the server tells; it quotes the data, and is
            for finding the place, never for showing.
    """

    def __init__(
        self,
        side: str,
        sqlstate: str | None,
        message: str,
        *,
        context: str = "",
    ) -> None:
        """Keep what the server said.

        Args:
            side: Which server.
            sqlstate: Its code.
            message: What may be said of it.
            context: The place.
        """
        super().__init__(message)
        self.side = side
        self.sqlstate = sqlstate
        self.context = context


@dataclass(frozen=True)
class Patience:
    """When to stop waiting.

    Attributes:
        stop: Set when the run has failed elsewhere or is cancelled.
        timeout: Seconds without a byte after which the network counts as cut.
    """

    stop: threading.Event
    timeout: float

    def wait(
        self, connection: PGconn, side: str, *, to_write: bool = False
    ) -> tuple[bool, bool]:
        """Wait for a socket.

        Args:
            connection: Whose socket.
            side: Its name in errors.
            to_write: Whether room to write ends the wait too.

        Returns:
            Whether it can be read, whether it can be written.

        Raises:
            CopyError: If the connection is lost.
            Stopped: If the run has stopped.
            TransientFailure: If nothing moved for the timeout.
        """
        try:
            socket = connection.socket
        except psycopg.OperationalError:
            raise CopyError(side, None, LOST) from None
        waited = 0.0
        while waited < self.timeout:
            if self.stop.is_set():
                raise Stopped
            readable, writable, _ = select.select(
                [socket], [socket] if to_write else [], [], _POLL
            )
            if readable or writable:
                return bool(readable), bool(writable)
            waited += _POLL
        raise TransientFailure(
            f"nothing moved on the connection to the {side} for {self.timeout:g} s: "
            "the network is cut, or the server hangs"
        )


def _result(connection: PGconn, side: str, patience: Patience) -> PGresult | None:
    """Wait for the next result of what was sent."""
    _flush(connection, side, patience)
    while connection.is_busy():
        patience.wait(connection, side)
        _consume(connection, side)
    return connection.get_result()


def _flush(connection: PGconn, side: str, patience: Patience) -> None:
    """Send what libpq holds back, reading meanwhile so that neither side blocks the other."""
    while _call(connection, connection.flush, side):
        readable, _ = patience.wait(connection, side, to_write=True)
        if readable:
            _consume(connection, side)


def _consume(connection: PGconn, side: str) -> None:
    _call(connection, connection.consume_input, side)


def _call(
    connection: PGconn, function: Callable[[], int | None], side: str
) -> int | None:
    try:
        return function()
    except psycopg.OperationalError:
        raise CopyError(side, None, _message(connection) or LOST) from None


def _message(connection: PGconn) -> str:
    return connection.get_error_message("utf-8").strip()


def _raise_if_error(result: PGresult | None, connection: PGconn, side: str) -> None:
    if result is None:
        raise CopyError(side, None, _message(connection) or LOST)
    if result.status == pq.ExecStatus.FATAL_ERROR:
        given = errors.Diagnostic(result, "utf-8")
        if given.sqlstate is None:  # libpq's own words, of a lost connection
            raise CopyError(side, None, _message(connection) or LOST)
        raise CopyError(
            side,
            given.sqlstate,
            explain(given, of_rows=True),
            context=given.context or "",
        )


def _row_count(result: PGresult | None, connection: PGconn, side: str) -> int:
    """Read the count from a COPY's command tag: only this says that the copy is whole."""
    _raise_if_error(result, connection, side)
    assert result is not None
    tag = (result.command_status or b"").split()
    if len(tag) != 2 or tag[0] != b"COPY":
        raise CopyError(side, None, f"unexpected end of COPY: {_message(connection)}")
    return int(tag[1])


def _begin(
    connection: PGconn,
    statement: str,
    side: str,
    state: pq.ExecStatus,
    patience: Patience,
) -> None:
    connection.nonblocking = 1
    _call(connection, lambda: connection.send_query(statement.encode()), side)
    result = _result(connection, side, patience)
    _raise_if_error(result, connection, side)
    if result is None or result.status != state:
        raise RunFailed(f"the {side} did not start COPY")


def put_rows(target: PGconn, chunk: Chunk, patience: Patience) -> None:
    """Send a part of a COPY's data.

    Args:
        target: A connection in a COPY … FROM STDIN.
        chunk: The data, without the protocol's messages around it.
        patience: When to stop waiting.
    """
    _call(target, partial(target.put_copy_data, chunk), "warehouse")
    _flush(target, "warehouse", patience)


class CopyOut:
    """A COPY … TO STDOUT under way.

    Attributes:
        rows: The server's own count, once every chunk has been read.
    """

    def __init__(
        self, source: psycopg.Connection, statement: str, patience: Patience
    ) -> None:
        """Start the COPY.

        Args:
            source: A session in its transaction.
            statement: The COPY statement.
            patience: When to stop waiting.
        """
        self._connection = source.pgconn
        self._patience = patience
        self.rows = -1
        _begin(self._connection, statement, "source", pq.ExecStatus.COPY_OUT, patience)

    def __iter__(self) -> Iterator[bytearray]:
        """Give the data in chunks.

        Yields:
            Parts of the stream, cut between two of the protocol's messages.

        Raises:
            CopyError: If the source does not end the COPY itself.
        """  # noqa: DOC501 -- psycopg's own, made a CopyError above
        connection, take = self._connection, self._connection.get_copy_data
        chunk = bytearray()
        while True:
            try:
                for _ in _ROWS:
                    size, data = take(1)
                    if size <= 0:
                        break
                    chunk += data
            except psycopg.OperationalError:
                _row_count(
                    _result(connection, "source", self._patience), connection, "source"
                )
                raise
            if len(chunk) >= _CHUNK:
                yield chunk
                chunk = bytearray()
            if size > 0:
                continue
            if size == 0:
                self._patience.wait(connection, "source")
                _consume(connection, "source")
            else:
                break
        result = _result(connection, "source", self._patience)
        self.rows = _row_count(result, connection, "source")
        _drain(connection, "source", self._patience)
        if chunk:
            yield chunk


def copy_in(
    target: psycopg.Connection,
    statement: str,
    chunks: Iterable[Chunk],
    patience: Patience,
    count: Callable[[int], None],
    put: Callable[[PGconn, Any, Patience], None] = put_rows,
) -> int:
    """Feed a COPY … FROM STDIN; the caller commits.

    Args:
        target: A session in its transaction.
        statement: The COPY statement.
        chunks: The data; an exception of theirs ends the COPY, and nothing of it is kept.
        patience: When to stop waiting.
        count: Told the size of each chunk sent, in bytes.
        put: How a chunk is sent.

    Returns:
        The rows received, by the server's own count.

    Raises:
        CopyError: If the server ends the COPY.
    """
    connection = target.pgconn
    _begin(connection, statement, "warehouse", pq.ExecStatus.COPY_IN, patience)
    for chunk in chunks:
        put(connection, chunk, patience)
        if select.select([connection.socket], [], [], 0)[0]:
            break  # during COPY IN the server sends data only to report an error
        count(len(chunk))
    else:
        return _end(connection, patience)
    _end(connection, patience)
    raise CopyError("warehouse", None, "the COPY ended before its data")


def _end(connection: PGconn, patience: Patience) -> int:
    _call(connection, connection.put_copy_end, "warehouse")
    rows = _row_count(
        _result(connection, "warehouse", patience), connection, "warehouse"
    )
    _drain(connection, "warehouse", patience)
    return rows


def _drain(connection: PGconn, side: str, patience: Patience) -> None:
    """Read to the end of the command, after which psycopg can use the session again."""
    while (result := _result(connection, side, patience)) is not None:
        _raise_if_error(result, connection, side)
    connection.nonblocking = 0
