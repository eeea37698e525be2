"""A server of documents that names pages, fails as it is told to, and counts what is asked."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass
class Reply:
    """One answer.

    Attributes:
        body: What it holds.
        status: Its status.
        media_type: Its Content-Type.
        headers: Others.
        cut: Bytes after which the connection ends, though more were announced; None for never.
        stall: Seconds of silence before the body.
        drip: Seconds between two bytes.
    """

    body: bytes = b""
    status: int = 200
    media_type: str = "application/ld+json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: float = 0
    drip: float = 0


class PageServer:
    """Use it as a context manager.

    Attributes:
        replies: For each path with its query, its answers in turn; the last one stays.
        asked: How often each was asked for.
        logins: The Authorization headers that came.
    """

    def __init__(self) -> None:
        """Prepare a server that knows no page."""
        self.replies: dict[str, list[Reply]] = {}
        self.asked: Counter[str] = Counter()
        self.logins: list[str | None] = []
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Stay silent."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request.

        Args:
            request: As the standard library gives it.
        """
        number = self.asked[request.path]
        self.asked[request.path] += 1
        self.logins.append(request.headers.get("Authorization"))
        known = self.replies.get(request.path, [Reply(b"no such page", 404)])
        reply = known[min(number, len(known) - 1)]
        request.send_response(reply.status)
        request.send_header("Content-Type", reply.media_type)
        request.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            request.send_header(name, value)
        request.end_headers()
        self._wait(reply.stall)
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        try:
            if not reply.drip:
                request.wfile.write(body)
                return
            for position in range(len(body)):
                self._wait(reply.drip)
                request.wfile.write(body[position : position + 1])
        except OSError:
            request.close_connection = True

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._over.is_set() and (left := until - time.monotonic()) > 0:
            self._over.wait(left)

    def __enter__(self) -> PageServer:
        """Start it."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, and what waits in it."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
