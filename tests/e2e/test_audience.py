"""The Baromètre's audience: from the API to the relations that its site reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.processes import prepared
from entrepot_lab.sources.visits import API_KEY, SECRET_KEY, VisitsApi
from entrepot_lab.sources.visits import visits as invented

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ROOT / "contents" / "audience"
START = date(2024, 1, 25)
# As the site asks for them.
RELATIONS = {
    "atinternet_visits_per_hour": "src_website, month, month_str, datetime, date, visit_hour,"
    " subsite, visit_count",
    "atinternet_visits_per_geo_city": "src_website, month, month_str, geo_city, visit_count",
    "atinternet_visits_per_geo_country": "src_website, month, month_str, geo_country, visit_count",
    "atinternet_visits_per_geo_region": "src_website, month, month_str, geo_region_iso,"
    " geo_region_name, visit_count",
    "atinternet_visits_per_source": "src_website, month, month_str, src, src_detail, visit_count",
    "atinternet_visits_per_device": "src_website, month, month_str, device_type, os_group,"
    " browser_group, visit_count",
    "atinternet_visits_per_page": "src_website, month, month_str, subsite, page_full_name,"
    " visit_count",
    "atinternet_visits_per_subsite": "src_website, month, month_str, subsite, visit_count",
    "reseaux_sociaux_followers": "_dbt_source_relation, reseau, page_username, page_name,"
    " n_followers, n_tweets, geo_dpt_iso, geo_dpt_name, geo_region_iso, geo_region_name, page_url",
}


def _extractors() -> dict[str, dict[str, Any]]:
    """Read the content's taps, what each inherits included, as Meltano does."""
    plugins = yaml.safe_load((CONTENT / "extractors.meltano.yml").read_text())[
        "plugins"
    ]
    found: dict[str, dict[str, Any]] = {}
    for each in plugins["extractors"]:
        parent = found.get(each["inherit_from"], {})
        found[each["name"]] = {**parent, **each["config"]}
    return found


def _load(
    lab: Lab, tap: str, config: dict[str, Any], variables: dict[str, str]
) -> None:
    path, into = lab.folder / f"{tap}.json", lab.folder / "target.json"
    path.write_text(json.dumps({"today": "2024-02-10", **config}))
    into.write_text(json.dumps({"default_target_schema": "raw_audience"}))
    environment = {**lab.env, "DOMAINS": "audience", **variables}
    sent = prepared.run(
        [sys.executable, "-m", f"entrepot_{tap}", "--config", str(path)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert sent.returncode == 0, sent.stderr
    loaded = prepared.Popen(
        [sys.executable, "-m", "entrepot_target_postgres", "--config", str(into)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, said = loaded.communicate(sent.stdout, timeout=60)
    assert loaded.returncode == 0, said


@pytest.fixture
def server() -> Iterator[VisitsApi]:
    with VisitsApi() as api:
        yield api


def test_the_relations_of_the_site_are_there(empty_lab: Lab, server: VisitsApi) -> None:
    """Both websites are loaded, one table each; the site reads the Gendarmerie's own."""
    lab, variables = (
        empty_lab,
        {"FOLLOWERS_FILE": str(CONTENT / "samples/followers.csv")},
    )
    variables["ATINTERNET_API_URL"] = server.url
    for site in ("GN", "SP"):
        variables |= {
            f"TAP_ATINTERNET_{site}_API_KEY": API_KEY,
            f"TAP_ATINTERNET_{site}_SECRET_KEY": SECRET_KEY,
            f"TAP_ATINTERNET_{site}_SITE_ID": "4711",
            f"TAP_ATINTERNET_{site}_START_DATE": "2024-01-25",
        }
    taps = _extractors()
    quick = {"requests_per_minute": 0}
    for name in ("tap-rest--atinternet-gn", "tap-rest--atinternet-sp"):
        _load(lab, "tap_rest", {**taps[name], **quick}, variables)
    files = {"files": taps["tap-csv--followers"]["files"]}
    _load(lab, "tap_csv", {**files, "domain": "audience"}, variables)
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA IF NOT EXISTS raw_csv")
        sites = warehouse.execute(
            "SELECT src_website, count(*), sum(m_visits) FROM raw_audience.atinternet_hourly_visits"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert [row[0] for row in sites] == ["gn", "sp"]
        assert sites[0][1:] == sites[1][1:]
    folder = ["--target-path", str(lab.folder), "--log-path", str(lab.folder)]
    done = prepared.run(
        [
            *(*prepared.DBT, "build", *folder, "--select"),
            *(f"+{name}" for name in RELATIONS),
        ],
        env={
            **os.environ,
            "TARGET_DATABASE_URL": lab.warehouse_url(),
            "MELTANO_PROJECT_ROOT": str(ROOT),
            "DOMAINS": "audience,barometre",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
    with lab.warehouse(READER) as reader:
        for name, columns in RELATIONS.items():
            rows = reader.execute(f"SELECT {columns} FROM enrichment.{name}").fetchall()
            assert rows, name
        (visits,) = reader.execute(
            "SELECT sum(visit_count) FROM enrichment.atinternet_visits_per_hour"
        ).fetchone() or (None,)
        days = [START + timedelta(days=n) for n in range(17)]
        assert visits == sum(
            row["m_visits"]
            for day in days
            for row in invented(day)
            if row["visit_hour"] != "N/A"
        )
        regions = reader.execute(
            "SELECT DISTINCT geo_region_iso FROM enrichment.atinternet_visits_per_geo_region"
        ).fetchall()
        assert set(regions) == {("FR-OCC",), (None,)}
