"""A folder of files behind HTTP, with a login and faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from typing import Any, ClassVar

from entrepot_lab.background import Answers, Silent

# -- from elsewhere


class Server(Silent, SimpleHTTPRequestHandler):
    """A folder behind http, with a login; `/page` answers HTML, `/broken` is cut at first."""

    asked: ClassVar[list[str]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path}")
        if self.headers.get("Authorization") != "Basic bWU6cGFzc3dvcmQ=":
            self.send_error(401)
        elif self.path.startswith("/page"):
            self.answer("text/html", b"<html>")
        elif self.path.startswith("/broken"):
            times = sum(each.startswith("GET /broken") for each in self.asked)
            self.answer("text/csv", b"id,what\n1,whole\n", cut=times < 3)
        elif self.path.startswith("/new"):
            self.answer("text/csv", b"id,what\n1,same\n")
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        self.asked.append(f"HEAD {self.path}")
        if self.path.startswith(("/page", "/broken", "/new")):
            self.send_error(501)
        else:
            super().do_HEAD()

    def answer(self, kind: str, body: bytes, *, cut: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:9] if cut else body)
        self.close_connection = cut


@contextmanager
def served(handler: Any) -> Iterator[str]:
    """Serve with a handler; yields host and port."""
    with Answers(handler) as server:
        yield f"127.0.0.1:{server.port}"
