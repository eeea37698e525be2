"""A server of documents that names pages, fails as it is told to, and counts what is asked."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from entrepot_lab.background import HttpServer, Silent


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


class PageServer(HttpServer):
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

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Give what asks `answer`."""
        server = self

        class Handler(Silent, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

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
        tag = reply.headers.get("ETag")
        if tag and request.headers.get("If-None-Match") == tag:
            reply = Reply(status=304, headers=reply.headers)
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

    def stop(self) -> None:
        """End it, and what waits in it."""
        self._over.set()
        super().stop()
