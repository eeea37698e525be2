"""What works beside a test ends with it."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from entrepot_lab.background import Answers, Background, Silent


class Hello(Silent, BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")


def test_a_server_answers_until_the_end_of_its_block(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Answers(Hello) as server, urlopen(server.url) as answer:
        assert answer.read() == b"hello"
    with pytest.raises(URLError, match="refused"):
        urlopen(server.url)
    assert capfd.readouterr() == ("", "")


def test_it_is_stopped_after_an_error_too() -> None:
    class Noted(Background):
        notes: list[str] = []  # noqa: RUF012

        def start(self) -> None:
            self.notes.append("start")

        def stop(self) -> None:
            self.notes.append("stop")

    with pytest.raises(ZeroDivisionError), Noted():
        1 / 0  # noqa: B018
    assert Noted.notes == ["start", "stop"]
