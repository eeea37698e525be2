"""The tap for APIs and the target, against a server that behaves as the documented APIs do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.processes import prepared
from entrepot_lab.sources.visits import (
    API_KEY,
    CLIENT_SECRET,
    SECRET_KEY,
    VisitsApi,
    visits,
)

START = date(2024, 2, 20)
KEYS = {
    "GN_API_KEY": API_KEY,
    "GN_SECRET_KEY": SECRET_KEY,
    "CLIENT_SECRET": CLIENT_SECRET,
}
COLUMNS = ["date", "visit_hour", "site_level2", "m_visits", "m_bounces"]
HOURLY: dict[str, Any] = {
    "name": "hourly_visits",
    "method": "POST",
    "path": "v3/data/getData",
    "body": {
        "columns": COLUMNS,
        "sort": ["date", "visit_hour", "site_level2"],
        "period": {"p1": [{"type": "D", "start": "{start}", "end": "{end}"}]},
        "max-results": "{size}",
        "page-num": "{page}",
    },
    "records": "DataFeed.Rows",
    "keys": ["date", "visit_hour", "site_level2"],
    "columns": {
        "date": "date",
        "visit_hour": {"type": "integer", "replace": {"N/A": "-1"}},
        "site_level2": "text",
        "m_visits": "integer",
        "m_time_spent_per_visits": "number",
    },
    "constants": {"src_website": "gn"},
    "pages": {"size": 20},
    "window": {"unit": "day", "start": START.isoformat(), "lookback": 2},
}
AUTH = {"type": "header", "name": "x-api-key", "value": "{GN_API_KEY}_{GN_SECRET_KEY}"}


class Api:
    """The tap and the target, piped, and the state between two runs."""

    def __init__(self, lab: Lab, server: VisitsApi) -> None:
        self.lab = lab
        self.server = server
        self.state: dict[str, Any] = {}
        self.output = ""
        self.config: dict[str, Any] = {
            "api_url": server.url,
            "auth": AUTH,
            "streams": [HOURLY],
            "retry_wait": 0.01,
            "tries": 4,
        }

    def run(self, **settings: Any) -> int:
        """Run both; give the tap's exit status, or else the target's."""
        folder = self.lab.folder
        config, state = folder / "rest.json", folder / "rest-state.json"
        config.write_text(json.dumps({**self.config, **settings}))
        state.write_text(json.dumps(self.state))
        environment = {**self.lab.env, **KEYS}
        tap = prepared.run(
            [
                *(sys.executable, "-m", "entrepot_tap_rest"),
                *("--config", str(config), "--state", str(state)),
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        into = folder / "rest-target.json"
        into.write_text(json.dumps({"default_target_schema": "raw_rest"}))
        target = prepared.Popen(
            [sys.executable, "-m", "entrepot_target_postgres", "--config", str(into)],
            env=self.lab.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        confirmed, said = target.communicate(tap.stdout, timeout=60)
        self.output = tap.stderr + said
        for line in confirmed.splitlines():
            self.state = json.loads(line)
        assert "Traceback" not in self.output, self.output
        for secret in KEYS.values():
            assert secret not in self.output + tap.stdout + confirmed
        return tap.returncode or target.returncode

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.lab.warehouse() as warehouse:
            return warehouse.execute(query).fetchall()

    def assert_as_the_server(self, last: date) -> None:
        """Compare what is here with what the server has of the days until one."""
        days = [START + timedelta(days=n) for n in range((last - START).days + 1)]
        rows = [row for day in days for row in visits(day, self.server.versions[day])]
        expected = [
            (
                row["date"],
                -1 if row["visit_hour"] == "N/A" else row["visit_hour"],
                row["site_level2"],
                row["m_visits"],
            )
            for row in rows
        ]
        found = self.rows(
            "SELECT date::text, visit_hour, site_level2, m_visits FROM raw_rest.hourly_visits"
        )
        assert sorted(found) == sorted(expected)


@pytest.fixture
def api(empty_lab: Lab) -> Iterator[Api]:
    with VisitsApi() as server:
        yield Api(empty_lab, server)


def test_a_fortnight_with_corrections_quotas_and_faults(api: Api) -> None:
    """Each day's rows are the server's: none is missing, none is there twice."""
    for days in range(14):
        today = START + timedelta(days=days)
        if days == 5:  # yesterday's rows are corrected, one is taken away
            api.server.versions[today - timedelta(days=1)] += 1
        if days == 7:
            api.server.faults += [(429, {"Retry-After": "0"}), (503, {}), (500, {})]
        if days == 9:  # nobody ran it for two days
            continue
        if days == 11:
            api.server.moves = 1
        assert api.run(today=today.isoformat()) == 0, api.output
        if days != 9:
            api.assert_as_the_server(today)
    assert api.state == {"bookmarks": {"hourly_visits": {"window": "2024-03-04"}}}
    asked = api.server.asked["/v3/data/getData"]
    assert asked < 14 * 3 * 4 + 10, "whole days are read again without need"
    assert api.rows("SELECT DISTINCT src_website FROM raw_rest.hourly_visits") == [
        ("gn",)
    ]


def test_a_run_that_fails_leaves_what_was_there(api: Api) -> None:
    """The next one brings what it did not; a key that is refused is not tried again."""
    assert api.run(today="2024-02-21") == 0, api.output
    api.server.faults += [(503, {})] * 4
    assert api.run(today="2024-02-22") == 1
    assert "hourly_visits, 2024-02-20, page 1 answered 503; tried 4 times" in api.output
    api.assert_as_the_server(date(2024, 2, 21))
    asked = sum(api.server.asked.values())
    wrong = {**AUTH, "value": "{GN_API_KEY}_wrong-secret"}
    assert api.run(today="2024-02-22", auth=wrong) == 2
    assert "the login is refused: correct auth" in api.output
    assert "wrong-secret" not in api.output
    assert sum(api.server.asked.values()) == asked + 1
    api.server.moves = 99
    assert api.run(today="2024-02-22") == 1
    assert "its key is there twice" in api.output
    api.server.moves = 0
    assert api.run(today="2024-02-22") == 0, api.output
    api.assert_as_the_server(date(2024, 2, 22))


BUSINESSES: dict[str, Any] = {
    "name": "businesses",
    "path": "v2/businesses",
    "records": "items",
    "total": "total",
    "keys": ["id"],
    "columns": {
        "id": "integer",
        "city": {"path": "city.name"},
        "address": {"type": "json", "path": "city"},
        "lat": "number",
    },
    "pages": {"by": "cursor", "next": "next"},
}
OAUTH = {
    "type": "oauth2",
    "client_id": "us",
    "client_secret": "{CLIENT_SECRET}",
}


def test_a_token_that_ends_between_two_pages(api: Api) -> None:
    """A new one is fetched; the whole list takes the place of the one before."""
    oauth = {**OAUTH, "token_url": f"{api.server.url}/token"}
    settings: dict[str, Any] = {"auth": oauth, "streams": [BUSINESSES]}
    for _ in range(2):
        assert api.run(**settings) == 0, api.output
        found = api.rows(
            "SELECT id, city, address, lat FROM raw_rest.businesses ORDER BY id"
        )
        assert [row[0] for row in found] == list(range(23))
        assert found[22][1:3] == ("Ville 22", {"name": "Ville 22"})
        assert str(found[0][3]) == "48.123456789012344"  # each digit
    assert len(api.server.tokens) == 4  # of three requests each
    assert "token0-of-the-api" not in api.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": {"id": "date"}}, "record 1: id is not of type date"),
        ({"records": "rows"}, "rows is no list of records"),
        ({"total": "items"}, "the API counts"),
        ({"keys": ["idd"]}, "keys: idd: no such column"),
        ({"name": "x y"}, "streams: x y: name"),
        ({"pages": {"by": "cursor"}}, "pages.cursor.next: Field required"),
        ({"window": {"unit": "day", "start": "soon"}}, "window.start must be a day"),
        ({"window": {"unit": "day", "start": "{NOWHERE}"}}, "NOWHERE is missing"),
        ({"pages": {"by": "cursor", "next": "items"}}, "page 2"),
        (
            {"path": "v2/businesses?after=99", "total": ""},
            "rows are not replaced by none",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    api: Api, change: dict[str, Any], words: str
) -> None:
    """And no table is touched."""
    api.server.tokens["good"] = 99
    auth = {"type": "bearer", "token": "good"}
    assert api.run(auth=auth, streams=[{**BUSINESSES, **change}]) in (1, 2)
    assert words in api.output, api.output
    assert api.rows("SELECT to_regclass('raw_rest.businesses')") in (
        [(None,)],
        [("raw_rest.businesses",)],
    )


def test_the_login_goes_to_no_other_server(api: Api) -> None:
    """Neither by a redirect, nor by the next page's URL."""
    api.server.faults.append((302, {"Location": "http://elsewhere.example/"}))
    assert api.run(today="2024-02-20") == 2
    assert "redirect (302, to elsewhere.example)" in api.output
