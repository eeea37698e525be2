"""The end of a COPY whose messages nobody counts, with a server that sends what we choose."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import psycopg
import pytest

from entrepot_core.postgres.copy.libpq import CopyError, Patience
from entrepot_core.postgres.copy.passthrough import FramedCopyOut

OUT = b"H\0\0\0\x07\1\0\0"
END = b"c\0\0\0\4C\0\0\0\x0bCOPY 3\0Z\0\0\0\5T"
PARAMETER = b"S\0\0\0\x12TimeZone\0Here\0"
_WORD = re.compile(rb"['\"]([0-9a-f]{32})['\"]\0\Z")


def row(data: bytes) -> bytes:
    return b"d" + (4 + len(data)).to_bytes(4, "big") + data


def failure(state: str, message: str) -> bytes:
    fields = f"SERROR\0VERROR\0C{state}\0M{message}\0Fcopyto.c\0L1\0\0".encode()
    return b"E" + (4 + len(fields)).to_bytes(4, "big") + fields


class Server:
    """One end of a connection: sends its pieces one by one, then answers what it was asked."""

    def __init__(self, pieces: list[bytes], *, hangs_up: bool = False) -> None:
        self.client, self._socket = socket.socketpair()
        self.client.setblocking(False)
        self._pieces = pieces
        self._hangs_up = hangs_up
        self.words: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        assert self._socket.recv(1000).startswith(b"Q")
        self._socket.settimeout(0.02)
        for piece in self._pieces:
            self._socket.sendall(piece)
            with contextlib.suppress(TimeoutError):
                self._listen()
        if self._hangs_up:
            self._socket.close()
            return
        self._socket.settimeout(10)
        while not self.words:
            self._listen()
        word = self.words[0]
        if self._pieces[-1].endswith(b"E"):
            self._socket.sendall(
                failure("42601", f'at or near "{word.decode()}"') + b"Z\0\0\0\5E"
            )
        else:
            # What a SELECT is answered with, in two pieces.
            self._socket.sendall(b"T\0\0\0\x0cone column")
            self._socket.sendall(
                row(word).replace(b"d", b"D", 1) + b"C\0\0\0\x05\0Z\0\0\0\5T"
            )

    def _listen(self) -> None:
        self.words += _WORD.findall(self._socket.recv(1000))

    def copy(self) -> FramedCopyOut:
        connection = SimpleNamespace(
            pgconn=SimpleNamespace(socket=self.client.fileno())
        )
        return FramedCopyOut(
            cast("psycopg.Connection", connection),
            "COPY t TO STDOUT",
            Patience(threading.Event(), 10),
        )

    def close(self) -> None:
        self._thread.join()
        self.client.close()
        self._socket.close()


@pytest.fixture
def serve() -> Iterator:
    servers = []

    def start(*pieces: bytes, hangs_up: bool = False) -> Server:
        servers.append(Server(list(pieces), hangs_up=hangs_up))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def everything(copy: FramedCopyOut) -> bytes:
    return b"".join(bytes(chunk) for chunk in copy)


ROWS = row(b"one") + row(b"two") + row(b"x" * 100_000)


@pytest.mark.parametrize("cut", range(1, len(END), 4))
def test_the_end_may_come_in_two_pieces(serve, cut: int) -> None:
    copy = serve(OUT + ROWS + END[:cut], END[cut:]).copy()
    assert everything(copy) == ROWS
    assert copy.rows == 3


@pytest.mark.parametrize("head", [PARAMETER + OUT, OUT[:3]])
def test_the_head_may_come_after_others_and_in_pieces(serve, head: bytes) -> None:
    rest = OUT[3:] if head == OUT[:3] else b""
    copy = serve(head, rest + ROWS + END).copy()
    assert everything(copy) == ROWS


def test_a_parameter_may_change_during_the_copy(serve) -> None:
    end = END.replace(b"Z\0", PARAMETER + b"Z\0")
    copy = serve(OUT + ROWS, end).copy()
    assert everything(copy) == ROWS
    assert copy.rows == 3


@pytest.mark.parametrize("size", [0, 5, 300_000])
@pytest.mark.parametrize(
    "false", [END, b"Z\0\0\0\5E", failure("XX000", "x") + b"Z\0\0\0\5E"]
)
def test_rows_that_look_like_the_end_are_rows(serve, false: bytes, size: int) -> None:
    """Each is the last of what has come for a while, which is where an end would be."""
    liar = row(b"y" * size + false)
    more = row(b"z" * size)
    server = serve(OUT + liar, more, liar, ROWS, END)
    copy = server.copy()
    assert everything(copy) == liar + more + liar + ROWS
    assert copy.rows == 3
    assert len(server.words) == 1, "asked once, and answered when the rows were out"


def test_a_failed_copy_says_why(serve) -> None:
    server = serve(
        OUT + ROWS, failure("40001", "conflict with recovery") + b"Z\0\0\0\5E"
    )
    with pytest.raises(CopyError, match="conflict with recovery") as caught:
        everything(server.copy())
    assert (caught.value.side, caught.value.sqlstate) == ("source", "40001")


def test_nothing_of_an_error_is_given_for_rows(serve) -> None:
    error = failure("40001", "m" * 3000) + b"Z\0\0\0\5E"
    chunks: list[bytes] = []
    with pytest.raises(CopyError):
        chunks.extend(bytes(chunk) for chunk in serve(OUT + ROWS, error).copy())
    assert ROWS.startswith(b"".join(chunks))


def test_a_copy_that_does_not_begin_says_why(serve) -> None:
    server = serve(failure("42501", "permission denied for table t") + b"Z\0\0\0\5E")
    with pytest.raises(CopyError, match="permission denied"):
        everything(server.copy())
    server.words.append(b"nobody asks")


@pytest.mark.parametrize(
    ("pieces", "state"),
    [
        ([OUT + ROWS], None),
        ([OUT + ROWS[:50]], None),
        ([OUT + ROWS + END[:-1]], None),
        ([OUT[:4]], None),
        ([OUT + ROWS, failure("57P01", "terminating connection")], "57P01"),
    ],
)
def test_a_lost_connection_is_no_end(
    serve, pieces: list[bytes], state: str | None
) -> None:
    server = serve(*pieces, hangs_up=True)
    with pytest.raises(CopyError) as caught:
        everything(server.copy())
    assert caught.value.sqlstate == state


def test_an_end_without_a_proof_is_none(serve) -> None:
    """Whoever closes after the end has not answered: the rows are not believed."""
    with pytest.raises(CopyError, match="connection lost"):
        everything(serve(OUT + ROWS + END, hangs_up=True).copy())


def test_the_pieces_may_be_cut_anywhere(serve) -> None:
    stream = OUT + row(b"a" * 9000) + row(END) + row(b"b" * 30) + END
    for size in (1000, 4093):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        copy = serve(*pieces).copy()
        assert everything(copy) == stream[len(OUT) : -len(END)]
