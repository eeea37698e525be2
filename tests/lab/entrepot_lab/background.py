"""What works beside a test: from the beginning of a `with` to its end."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, TypeVar

_Self = TypeVar("_Self", bound="Background")
_LOOK = 0.02  # seconds between two looks whether a server is to end


class Background(ABC):
    """Something that is started and stopped; use it as a context manager."""

    @abstractmethod
    def start(self) -> None:
        """Begin; when this returns, it works."""

    @abstractmethod
    def stop(self) -> None:
        """End; when this returns, nothing of it is left."""

    def __enter__(self: _Self) -> _Self:  # noqa: PYI019 - Self came with Python 3.11
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.stop()


class Silent:
    """Goes before `BaseHTTPRequestHandler` among the bases of a handler."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent."""


class HttpServer(Background):
    """An HTTP server on 127.0.0.1, in threads."""

    _server: ThreadingHTTPServer

    @abstractmethod
    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Give what answers the requests."""

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def listen(self, port: int = 0) -> ThreadingHTTPServer:
        """Take a port.

        Args:
            port: Which; any free one by default.

        Returns:
            The server that will answer there.
        """
        server = ThreadingHTTPServer(("127.0.0.1", port), self.handler())
        server.daemon_threads = True
        server.block_on_close = False  # a stalled answer would hold us up
        return server

    def start(self) -> None:
        """Answer from now on."""
        self._server = self.listen()
        threading.Thread(
            target=self._server.serve_forever, args=(_LOOK,), daemon=True
        ).start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class Answers(HttpServer):
    """An HTTP server that is nothing but its handler."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        """Prepare it.

        Args:
            handler: What answers the requests.
        """
        self._handler = handler

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Give what it was given."""
        return self._handler
