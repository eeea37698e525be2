"""A TCP proxy with faults that are switched on while connections are open."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from entrepot_lab.background import Background

_CHUNK = 64 * 1024
_ANSWER_SECONDS = 30.0
# Close with a reset instead of a farewell: linger on, for zero seconds.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class _Cut:
    """A connection dies at a message of the client's that holds these bytes."""

    marker: bytes
    reaches_server: bool


class Proxy(Background):
    """Forwards to one server, until told to misbehave.

    Use it as a context manager; the faults may be switched from any thread. A fault holds for
    open connections and for new ones, until `pass_all`.
    """

    def __init__(self, host: str, port: int) -> None:
        """Describe where the proxy leads.

        Args:
            host: The server's address.
            port: Its port.
        """
        self.port = 0
        self.cuts = 0
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self.stalled = False
        self.bytes_per_second: float | None = None
        self.cut: _Cut | None = None

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1, given by `port`."""
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        """Close everything."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._links)

    def pass_all(self) -> None:
        """Forward everything again; connections that were cut stay cut."""
        self._set(lambda: self._faults(stalled=False, rate=None, cut=None))

    def stall(self) -> None:
        """Swallow all bytes both ways and keep the connections open, as a lost route does."""
        self._set(lambda: self._faults(stalled=True, rate=None, cut=None))

    def throttle(self, bytes_per_second: float) -> None:
        """Slow down.

        Args:
            bytes_per_second: For each connection and direction.
        """
        self._set(lambda: self._faults(stalled=False, rate=bytes_per_second, cut=None))

    def cut_at(
        self, marker: bytes, *, outcome: Literal["done", "lost"] = "done"
    ) -> None:
        """Cut the connection on which the client next sends these bytes; only that one.

        Args:
            marker: Such as `b"COMMIT"`.
            outcome: `done`: the server gets the message and does what it says, and the client
                never hears of it. `lost`: the server never gets it.
        """
        cut = _Cut(marker, reaches_server=outcome == "done")
        self._set(lambda: self._faults(stalled=False, rate=None, cut=cut))

    def reset(self) -> None:
        """Cut every open connection with a TCP reset, now."""
        self._set(self._reset_all)

    def _faults(self, *, stalled: bool, rate: float | None, cut: _Cut | None) -> None:
        self.stalled, self.bytes_per_second, self.cut = stalled, rate, cut

    def _reset_all(self) -> None:
        for link in tuple(self._links):
            link.reset()

    def _set(self, change: Callable[[], None]) -> None:
        async def apply() -> None:
            change()

        self._do(apply())

    def _do(self, work: object) -> None:
        """Run a coroutine in the proxy's thread, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        self._reset_all()
        tasks = [task for link in self._links for task in link.tasks]
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            there = await asyncio.open_connection(*self._target)
        except OSError:
            _abort(writer)
            return
        link = _Link(self, (reader, writer), there)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)


class _Link:
    """One client's connection and the one behind it."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._proxy = proxy
        self._client_reader, self._client = client
        self._server_reader, self._server = server
        self._deaf = False
        self._answered = asyncio.Event()
        self._tail = b""

    async def run(self) -> None:
        """Forward both ways until either side ends."""
        self.tasks = [
            asyncio.ensure_future(self._requests()),
            asyncio.ensure_future(self._answers()),
        ]
        await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for writer in (self._client, self._server):
            writer.close()

    def reset(self) -> None:
        """End both connections with a reset."""
        _abort(self._client)
        _abort(self._server)

    async def _requests(self) -> None:
        """Forward from client to server."""
        while data := await _read(self._client_reader, self._portion()):
            if cut := self._cut_in(data):
                self._proxy.cut = None
                await self._cut_here(data, cut)
                return
            await self._forward(data, self._server)

    async def _answers(self) -> None:
        """Forward from server to client."""
        while data := await _read(self._server_reader, self._portion()):
            if self._deaf:
                self._answered.set()
            else:
                await self._forward(data, self._client)

    def _cut_in(self, data: bytes) -> _Cut | None:
        """Say whether the marker ends in these bytes; it may begin in earlier ones."""
        cut = self._proxy.cut
        stream = self._tail + data
        self._tail = (
            stream[-len(cut.marker) + 1 :] if cut and len(cut.marker) > 1 else b""
        )
        return cut if cut and cut.marker in stream else None

    async def _cut_here(self, data: bytes, cut: _Cut) -> None:
        """Let the server do it, or not; the client hears nothing of either."""
        self._deaf = True
        if cut.reaches_server:
            self._server.write(data)
            await self._server.drain()
            await asyncio.wait_for(self._answered.wait(), _ANSWER_SECONDS)
        self._proxy.cuts += 1
        self.reset()

    def _portion(self) -> int:
        """Give the bytes of a tenth of a second, so that a fault is felt at once."""
        rate = self._proxy.bytes_per_second
        return min(_CHUNK, max(1, int(rate / 10))) if rate else _CHUNK

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._proxy.stalled:
            return
        if rate := self._proxy.bytes_per_second:
            await asyncio.sleep(len(data) / rate)
        try:
            writer.write(data)
            await writer.drain()
        except (ConnectionError, OSError):
            self.reset()


async def _read(reader: asyncio.StreamReader, portion: int) -> bytes:
    """Read what there is; nothing when the other side is gone, however it went."""
    try:
        return await reader.read(portion)
    except (ConnectionError, OSError):
        return b""


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
