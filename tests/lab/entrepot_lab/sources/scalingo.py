"""A hosting provider that answers as Scalingo's API does, on this machine."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler
from typing import Any

from entrepot_lab.background import HttpServer, Silent

APP, TOKEN, REGION = "my-app", "tk-us-s3cr3t+token/x", "osc-fr1"
_BEARER, _ADDON, _ADDON_TOKEN = "bearer-s3cret-1", "ad-0001", "addon-s3cret-2"


def backup(key: str, status: str = "done", days_ago: float = 0) -> dict[str, Any]:
    """Describe a backup as the API does.

    Args:
        key: Its id.
        status: `scheduled`, `running`, `done` or `error`.
        days_ago: When it was begun.

    Returns:
        The backup as JSON has it.
    """
    moment = datetime.now(timezone.utc) - timedelta(days=days_ago)
    created_at = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": key, "created_at": created_at, "status": status}


@dataclass
class Provider(HttpServer):
    """The services, and what they hold; all may be changed while they run.

    Attributes:
        content: The one archive.
        lists: Answers to the list of backups, one for each time; the last one stays.
        addons: Providers of the app's addons.
        cut_after: Bytes after which the next answers of the archive are cut, one for each.
        requests: What was asked, without query.
        links: How many links were given; only the last one is valid.
        expired_tokens: How many of the next requests with an addon's token are refused.
    """

    content: bytes = b""
    lists: list[list[dict[str, Any]]] = field(default_factory=lambda: [[]])
    addons: list[str] = field(default_factory=lambda: ["redis", "postgresql"])
    cut_after: list[int] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    links: int = 0
    dead_links: int = 0
    expired_tokens: int = 0
    broken: int = 0

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Give what answers for all its services."""
        return type("Handler", (_Handler,), {"provider": self})

    def endpoints(self) -> dict[str, str]:
        """Give the base URLs, by the names that the client's constructor has for them."""
        return {
            "auth": f"{self.url}/auth/v1",
            "api": f"{self.url}/api/v1",
            "databases": f"{self.url}/db/api",
        }

    def secrets(self) -> list[str]:
        """List what may never be shown."""
        return [TOKEN, _BEARER, _ADDON_TOKEN, "signature="]


class _Handler(Silent, BaseHTTPRequestHandler):
    """Answers in the API's shapes."""

    provider: Provider

    def do_POST(self) -> None:
        """Give tokens."""
        path = self._path()
        if path == "/auth/v1/tokens/exchange":
            wanted = "Basic " + base64.b64encode(f":{TOKEN}".encode()).decode()
            if self.headers.get("Authorization") != wanted:
                return self._answer(401, {"error": "unauthorized"})
            return self._answer(200, {"token": _BEARER})
        if not self._bears(_BEARER):
            return self._answer(401, {"error": "unauthorized"})
        if path == f"/api/v1/apps/{APP}/addons/{_ADDON}/token":
            return self._answer(200, {"addon": {"id": _ADDON, "token": _ADDON_TOKEN}})
        return self._answer(404, {"error": "not found"})

    def do_GET(self) -> None:
        """Give lists, links and the archive."""
        path = self._path()
        if path.startswith("/storage/"):
            return self._archive()
        if path.startswith("/api/"):
            return self._addons(path)
        if self.provider.broken:
            self.provider.broken -= 1
            return self._answer(503, {"error": "maintenance"})
        if self.provider.expired_tokens:
            self.provider.expired_tokens -= 1
            return self._answer(401, {"error": "expired"})
        if not self._bears(_ADDON_TOKEN):
            return self._answer(401, {"error": "unauthorized"})
        base = f"/db/api/databases/{_ADDON}/backups"
        if path == base:
            lists = self.provider.lists
            found = lists.pop(0) if len(lists) > 1 else lists[0]
            return self._answer(200, {"database_backups": found, "meta": {}})
        if path.startswith(f"{base}/") and path.endswith("/archive"):
            self.provider.links += 1
            url = (
                f"{self.provider.url}/storage/x.tar.gz?signature={self.provider.links}"
            )
            return self._answer(200, {"download_url": url})
        return self._answer(404, {"error": "not found"})

    def _addons(self, path: str) -> None:
        if not self._bears(_BEARER):
            return self._answer(401, {"error": "unauthorized"})
        if path != f"/api/v1/apps/{APP}/addons":
            return self._answer(404, {"error": "App not found"})
        addons = [
            {
                "id": _ADDON if kind == "postgresql" else f"ad-{kind}",
                "addon_provider": {"id": kind, "name": kind.title()},
            }
            for kind in self.provider.addons
        ]
        return self._answer(200, {"addons": addons})

    def _archive(self) -> None:
        provider = self.provider
        is_last = self.path.endswith(f"signature={provider.links}")
        if not is_last or provider.dead_links:
            provider.dead_links = max(0, provider.dead_links - 1)
            return self._answer(403, {"error": "Request has expired"})
        asked = self.headers.get("Range", "")
        provider.ranges.append(asked)
        start = int(asked[6:].split("-")[0]) if asked else 0
        size = len(provider.content)
        if start >= size:
            return self._answer(416, {})
        self.send_response(206 if asked else 200)
        self.send_header("ETag", '"archive"')
        self.send_header("Content-Length", str(size - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        if provider.cut_after:
            self.wfile.write(
                provider.content[start : start + provider.cut_after.pop(0)]
            )
            self.wfile.flush()
            self.close_connection = True
            return None
        self.wfile.write(provider.content[start:])
        return None

    def _path(self) -> str:
        path = self.path.partition("?")[0]
        self.provider.requests.append(f"{self.command} {path}")
        return path

    def _bears(self, token: str) -> bool:
        return self.headers.get("Authorization") == f"Bearer {token}"

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
