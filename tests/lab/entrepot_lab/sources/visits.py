"""An API of visits as AT Internet's is documented: POST, pages, a key, quotas, late corrections.

And beside it one whose token ends, as those of OAuth do, and whose pages name the next one.
"""

from __future__ import annotations

import calendar
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from entrepot_lab.background import HttpServer, Silent

API_KEY, SECRET_KEY = "anApiKey4711", "aSecretKey0815"
CLIENT_SECRET = "aClientSecret99"
_MONTHS = calendar.month_name[1:]


def visits(day: date, version: int = 0) -> list[dict[str, Any]]:
    """Invent the visits of a day, by hour and part of the site.

    Args:
        day: The day.
        version: Of the day's correction.

    Returns:
        A record each, `visit_hour` of some of them `N/A`.
    """
    return [
        {
            "date": day.isoformat(),
            "visit_hour": hour if hour < 23 else "N/A",
            "site_level2": site,
            "m_visits": day.day * 10 + hour + 1000 * version,
            "m_unique_visitors": day.day + hour,
            "m_bounces": hour,
            "m_time_spent_per_visits": 1234.5 + hour,
        }
        for hour in range(24)
        for site in ("national", "recrutement")
        if not (version and hour == 5)  # a correction takes rows away, too
    ]


@dataclass
class VisitsApi(HttpServer):
    """Use it as a context manager.

    Attributes:
        versions: How often each day has been corrected.
        faults: Statuses that the next requests are answered with, each with its headers.
        asked: How often each path was asked for.
        tokens: Tokens that are good, each for so many requests.
    """

    versions: Counter[date] = field(default_factory=Counter)
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, int] = field(default_factory=dict)
    moves: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Give what answers."""
        api = self

        class Handler(Silent, BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                api.answer(self, self.rfile.read(size))

            def do_GET(self) -> None:
                api.answer(self, b"")

        return Handler

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer a request.

        Args:
            request: The request.
            body: What came with it.
        """
        with self._lock:
            path = urlsplit(request.path).path
            self.asked[path] += 1
            if path == "/token":
                self._send(request, *self._token(body))
            elif self.faults:
                status, headers = self.faults.pop(0)
                self._send(request, status, {"error": "fault"}, headers)
            elif path == "/v3/data/getData":
                self._send(request, *self._data(request, json.loads(body)))
            else:
                self._send(request, *self._businesses(request))

    def _data(
        self, request: BaseHTTPRequestHandler, asked: dict[str, Any]
    ) -> tuple[int, Any]:
        if request.headers.get("x-api-key") != f"{API_KEY}_{SECRET_KEY}":
            return 401, {"ErrorMessage": "no"}
        period = asked["period"]["p1"][0]
        first, last = (date.fromisoformat(period[name]) for name in ("start", "end"))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rows = [row for day in days for row in visits(day, self.versions[day])]
        if "date_month" in asked["columns"]:
            rows = self._by_month(rows)
        size, page = asked["max-results"], asked["page-num"]
        begin = (page - 1) * size
        if (
            self.moves and page > 1
        ):  # a row has come before this page since the last one
            self.moves -= 1
            begin -= 1
        return 200, {"DataFeed": {"Rows": rows[begin : begin + size]}}

    def _by_month(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        sums: Counter[tuple[int, str, str]] = Counter()
        for row in rows:
            day = date.fromisoformat(row["date"])
            sums[day.year, _MONTHS[day.month - 1], row["site_level2"]] += row[
                "m_visits"
            ]
        return [
            {
                "date_year": year,
                "date_month": month,
                "geo_country": "France",
                "geo_region": "Brittany" if site == "national" else "Occitanie",
                "geo_city": site,
                "src": "Search engines",
                "src_detail": site,
                "src_referrer_url": "N/A",
                "device_type": "Desktop",
                "os_group": "Linux",
                "browser_group": site,
                "browser_language": "fr",
                "page": site,
                "page_full_name": f"{site}::accueil",
                "site_level2": site,
                "m_visits": count,
                "m_unique_visitors": count // 2,
                "m_bounces": 1,
                "m_time_spent_per_visits": 10.25,
            }
            for (year, month, site), count in sums.items()
        ]

    def _token(self, body: bytes) -> tuple[int, Any]:
        form = {name: each[0] for name, each in parse_qs(body.decode()).items()}
        if form.get("client_secret") != CLIENT_SECRET:
            return 401, {"error": "invalid_client"}
        token = f"token{len(self.tokens)}-of-the-api"
        self.tokens[token] = 3
        return 200, {"access_token": token, "expires_in": 3600}

    def _businesses(self, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) <= 0:
            return 401, {"error": "expired"}
        self.tokens[token] -= 1
        asked = parse_qs(urlsplit(request.path).query)
        begin = int(asked.get("after", ["0"])[0])
        rows = [
            {"id": n, "city": {"name": f"Ville {n}"}, "lat": 48.123456789012345 + n}
            for n in range(begin, min(begin + 5, 23))
        ]
        following = begin + 5
        return 200, {
            "items": rows,
            "total": 23,
            "next": f"?after={following}" if following < 23 else None,
        }

    def _send(
        self,
        request: BaseHTTPRequestHandler,
        status: int,
        answer: Any,
        headers: dict[str, str] | None = None,
    ) -> None:
        body = json.dumps(answer).encode()
        request.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            **(headers or {}),
        }.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
