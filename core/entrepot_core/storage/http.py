"""A file fetched over http(s), resumed where it was cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import urllib3

from entrepot_core.base.errors import Refused, TransientFailure
from entrepot_core.storage.disk import Progress, pour
from entrepot_core.storage.redirects import Redirects, request

_TRIES = 5  # in a row that bring no byte more
_PAUSE = 0.5  # seconds; doubled after each try that brought nothing
_IS_PARTIAL = 206
_IS_BEYOND = 416
_IS_LINK_OVER = (401, 403, 404, 410)


@dataclass
class Download:
    """What is fetched, and how it is found again after a cut.

    Attributes:
        shown: What messages call it; nothing secret.
        link: Gives its URL, asked before each try.
        target: Gives the file that it becomes, from the answer's headers.
        headers: Sent with each request.
        part: What an earlier run fetched of it, if that is known before the first answer.
        is_link_renewed: Whether `link` gives a new URL each time, as for signed ones that expire.
        timeout: Seconds without a byte after which the connection counts as cut.
        setting: What named the file, for errors.
        redirects: Where the server may send us; None for wherever it wants.
        limit: Bytes that the file may have; 0 for no limit but the disk.
    """

    shown: str
    link: Callable[[], str]
    target: Callable[[urllib3.BaseHTTPResponse], Path]
    headers: dict[str, str] = field(default_factory=dict)
    part: Path | None = None
    is_link_renewed: bool = False
    timeout: int = 120
    setting: str = "DUMP_PATH"
    redirects: Redirects | None = None
    limit: int = 0

    def fetch(self, progress: Progress) -> Path:
        """Fetch it, unless it is here.

        Args:
            progress: Told the bytes of each block.

        Returns:
            The whole file.

        Raises:
            Refused: If the server has no such thing, or the disk no room.
            TransientFailure: If it could not be fetched.
        """
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=30, read=self.timeout)
        )
        best, idle, reason, self._validator = self._have(), 0, "", ""
        while True:
            try:
                with self._request(pool) as answer:
                    if done := self._receive(answer, progress):
                        return done
                    reason = f"status {answer.status}"
            except urllib3.exceptions.HTTPError as error:
                reason = type(error).__name__
            idle = 0 if self._have() > best else idle + 1
            best = max(best, self._have())
            if idle >= _TRIES:
                raise TransientFailure(
                    f"{self.setting}: {self.shown} could not be fetched in {_TRIES} tries: {reason}"
                )
            time.sleep(_PAUSE * 2**idle)

    def _have(self) -> int:
        return self.part.stat().st_size if self.part and self.part.exists() else 0

    def _request(self, pool: urllib3.PoolManager) -> urllib3.BaseHTTPResponse:
        headers = {**self.headers, "Accept-Encoding": "identity"}
        if have := self._have():
            headers["Range"] = f"bytes={have}-"
            if self._validator:  # a file that has changed is then sent whole
                headers["If-Range"] = self._validator
        if self.redirects is None:
            return pool.request(
                "GET", self.link(), preload_content=False, headers=headers
            )
        answer, _ = request(
            pool,
            "GET",
            self.link(),
            what=f"{self.setting}: {self.shown}",
            redirects=self.redirects,
            headers=headers,
            preload_content=False,
        )
        return answer

    def _receive(
        self, answer: urllib3.BaseHTTPResponse, progress: Progress
    ) -> Path | None:
        """Take what an answer brings; None when it brings nothing and another may."""
        if answer.status not in (200, _IS_PARTIAL):
            self._judge(answer)
            return None
        target = self.target(answer)
        if target.exists():
            return target
        self.part = target.with_name(target.name + ".part")
        if answer.status == _IS_PARTIAL and _start(answer) != self._have():
            self.part.unlink(missing_ok=True)
            return None
        etag = answer.headers.get("ETag", "")
        self._validator = etag if etag.startswith('"') else ""
        with self.part.open("ab" if answer.status == _IS_PARTIAL else "wb") as file:
            self._pour(answer, file, progress, target)
        return self.part.rename(target)

    def _pour(
        self,
        answer: urllib3.BaseHTTPResponse,
        file: IO[bytes],
        progress: Progress,
        target: Path,
    ) -> None:
        try:
            pour(_Eager(answer), file, progress, target.parent, limit=self.limit)
        except Refused as refusal:
            problems = [f"{self.setting}: {self.shown}: {p}" for p in refusal.problems]
            raise Refused(problems) from None

    def _judge(self, answer: urllib3.BaseHTTPResponse) -> None:
        """Say whether a refusal is worth another try."""
        status = answer.status
        if status == _IS_BEYOND and self.part:
            # What we have is whole, or of another file: either way it is fetched again.
            self.part.unlink(missing_ok=True)
        elif self.is_link_renewed and status in _IS_LINK_OVER:
            return
        elif status < 500 and status != 429:
            raise Refused([f"{self.setting}: {self.shown} answered {status}"])


class _Eager:
    """Gives what has come so far: a read that waits for a whole block loses it when cut."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self.read = answer.read1


def whole_length(answer: urllib3.BaseHTTPResponse) -> str:
    """Give the size of the whole file, also when only the rest of it is answered.

    Args:
        answer: With its headers.

    Returns:
        Bytes, as text; empty when the server does not say.
    """
    whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return whole or answer.headers.get("Content-Length", "")


def _start(answer: urllib3.BaseHTTPResponse) -> int:
    """Give the offset from which an answer goes on; -1 if it does not say."""
    span = answer.headers.get("Content-Range", "").removeprefix("bytes ")
    start = span.partition("-")[0]
    return int(start) if start.isdigit() else -1
