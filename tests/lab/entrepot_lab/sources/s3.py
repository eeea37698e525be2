"""A real S3 server, rclone's, over a folder."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from entrepot_lab.background import Answers, Background, Silent
from entrepot_lab.postgres.ports import free_port

_START_SECONDS = 30


@dataclass
class S3Server(Background):
    """Use it as a context manager; it has a bucket called `backups`.

    Attributes:
        folder: Holds a folder for each bucket, and in it a file for each object.
        key: The access key.
        secret: The secret key, with characters that a URL or a shell could stumble over.
    """

    folder: Path
    key: str = "akey"
    secret: str = "s3-s3cret/with+signs"
    _port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._port

    def variables(self, port: int = 0) -> dict[str, str]:
        """Give the project's variables; through a proxy's port if one is given."""
        return {
            "S3_ENDPOINT_URL": f"http://127.0.0.1:{port or self._port}",
            "ACCESS_KEY": self.key,
            "SECRET_KEY": self.secret,
            "BUCKET_NAME": "backups",
        }

    def client(self) -> Any:
        """Give boto3's client."""
        return boto3.client(
            "s3",
            endpoint_url=self.variables()["S3_ENDPOINT_URL"],
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )

    def objects(self, bucket: str = "backups") -> dict[str, bytes]:
        """Read all objects of a bucket."""
        root = self.folder / bucket
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }

    def start(self) -> None:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "rclone"),
                *("serve", "s3", f"--addr=127.0.0.1:{self._port}"),
                f"--auth-key={self.key},{self.secret}",
                "--config=/dev/null",
                str(self.folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.client().create_bucket(Bucket="backups")
            except BotoCoreError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """End it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def full(server: S3Server, room: int) -> Iterator[int]:
    """Stand before a server whose bucket becomes full, said as Ceph's gateway says it.

    Args:
        server: Where all that still fits goes.
        room: In bytes.

    Yields:
        The port.
    """
    stored = 0

    class Front(Silent, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            nonlocal stored
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            stored += len(body) if self.command == "PUT" else 0
            if stored > room and self.command == "PUT":
                return self._answer(
                    403, {}, b"<Error><Code>QuotaExceeded</Code></Error>"
                )
            behind = HTTPConnection(*server.address)
            behind.request(self.command, self.path, body, dict(self.headers))
            answer = behind.getresponse()
            self._answer(answer.status, dict(answer.headers), answer.read())
            behind.close()
            return None

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _forward  # noqa: N815

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            given = {"Content-Length": str(len(body)), **headers}
            given.pop("Transfer-Encoding", None)
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with Answers(Front) as front:
        yield front.port
