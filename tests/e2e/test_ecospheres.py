"""A catalogue from its documents to its figures, as an ordinary role loads and builds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.meltano.copied import copied
from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.servers import SETTINGS, Servers
from entrepot_lab.processes import prepared

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "contents" / "ecospheres" / "samples"
OWNER, READER, PASSWORD = "entrepot", "internal_reader", "p@ss:/%'w"
EXAMPLE = "https://data.example.org/jeu/"
BLANK = "_:2a9ba4cb35c2b913143d05843f04d6e8"


class Warehouse:
    """A database, what loads it, and what builds on it."""

    def __init__(self, server: Cluster, folder: Path) -> None:
        self._server, self._folder = server, folder
        for role in (OWNER, READER):
            server.create_role(role, PASSWORD)
        server.create_database("warehouse", OWNER)
        with server.admin() as admin:
            admin.execute(f"GRANT CONNECT ON DATABASE warehouse TO {READER}")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TARGET_DATABASE_URL": server.url("warehouse", OWNER, PASSWORD),
            "MELTANO_PROJECT_ROOT": str(copied(folder / "project")),
            "DOMAINS": "ecospheres",
        }

    def load(self, source: Path) -> tuple[int, int, str]:
        """Pipe the tap into the target; give both exit statuses and what both said."""
        config = self._folder / "target.json"
        config.write_text(
            '{"default_target_schema": "raw_dcat", "load_method": "overwrite"}'
        )
        tap = prepared.Popen(
            [sys.executable, "-m", "entrepot_tap_dcat"],
            env={**self.env, "DCAT_SOURCE": str(source)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        target = prepared.run(
            [sys.executable, "-m", "entrepot_target_postgres", "--config", str(config)],
            env=self.env,
            stdin=tap.stdout,
            capture_output=True,
            check=False,
        )
        assert tap.stdout is not None and tap.stderr is not None
        tap.stdout.close()
        said = tap.stderr.read()
        tap.stderr.close()
        return tap.wait(), target.returncode, (said + target.stderr).decode()

    def dbt(self, *arguments: str, domains: str = "ecospheres") -> tuple[int, str]:
        target = ["--target-path", str(self._folder), "--log-path", str(self._folder)]
        done = prepared.run(
            [*prepared.DBT, *arguments, *target],
            env={**self.env, "DOMAINS": domains},
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def build(self) -> None:
        status, output = self.dbt("build")
        assert status == 0, output

    def rows(self, query: str) -> list[tuple]:
        url = self._server.url("warehouse", READER, PASSWORD)
        with psycopg.connect(url, autocommit=True) as session:
            session.execute("SET search_path = enrichment")
            return session.execute(query).fetchall()


@pytest.fixture(scope="module")
def warehouse(
    all_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("ecospheres")
    server = all_servers.create(embedded_binaries(), SETTINGS)
    built = Warehouse(server, folder)
    status = built.load(SAMPLES)
    assert status[:2] == (0, 0), status
    built.build()
    yield built
    server.stop("immediate")


def test_the_columns_of_the_dashboards(warehouse: Warehouse) -> None:
    # Of nine fields a has all, b lacks licence and date, c all but its status, d licence, status,
    # holder and contact, e date, status, holder and contact.
    etalab = "{https://spdx.org/licenses/etalab-2.0}"
    odbl = "{https://opendatacommons.org/licenses/odbl/1-0/}"
    ours, theirs = "sig@ddt74.example.org", "guichet@ddt2a.example.org"
    expected = [
        (BLANK, 44.4, None, None, None, None),
        ("a", 100.0, None, None, "{74}", "Départementale"),
        ("b", 88.9, "PPRN", "{2A041,97105}", "{2A,971}", "Communale"),
        ("d", 66.7, None, None, None, None),
        ("e", 55.6, None, "{49228,75101}", "{49,75}", "Communale"),
    ]
    more = [
        (False, None, None, "abandonné", None),
        (True, etalab, ours, "Completed", "DDT 74"),
        (True, None, theirs, "On Going", "DDT 2A"),
        (False, None, None, None, None),
        (True, odbl, None, None, None),
    ]
    found = warehouse.rows(
        f"SELECT replace(dataset, '{EXAMPLE}', ''), round(percantage_filling::numeric, 1)::float8,"
        " univers, commune, departement, geo_coverage, right_statement_processed, licenses,"
        " contact_point, status, rights_holder FROM datasets ORDER BY dataset"
    )
    assert found == [left + right for left, right in zip(expected, more, strict=True)]
    columns = warehouse.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'datasets'"
        " AND table_schema = 'enrichment' ORDER BY ordinal_position"
    )
    assert " ".join(name for (name,) in columns) == (
        "dataset title description modification right_statement themes key_words creator"
        " rights_holder contact_point status catalog licenses percantage_filling univers commune"
        " departement geo_coverage right_statement_processed"
    )


def test_the_better_columns(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        "SELECT round(taux_completude::numeric, 1)::float8, couverture, licences,"
        " is_missing_licenses, is_missing_rights_holder FROM dataset_details ORDER BY dataset"
    )
    assert found == [
        (11.1, None, [], True, True),
        (100.0, "Départementale", ["Licence Ouverte 2.0"], False, False),
        (77.8, "Communale", [], True, False),
        (55.6, "Régionale", [], True, True),
        (55.6, "Communale", ["Open Database License 1.0"], False, True),
    ]


def test_data_services_and_what_they_serve(warehouse: Warehouse) -> None:
    query = "SELECT title, endpoint_urls, datasets FROM data_services"
    assert warehouse.rows(query) == [
        ("Adresses par API", ["https://api.example.org/adresses"], 1)
    ]


def test_quality_by_the_european_method(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        f"SELECT replace(dataset, '{EXAMPLE}', ''), findability, accessibility, interoperability,"
        " reusability, contextuality, points_possibles, rating FROM dataset_mqa ORDER BY dataset"
    )
    # a has keywords, a theme and a place, no URL and no format; one of its two licences is an IRI,
    # and known; access rights in words, a contact; it says when it was changed.
    assert ("a", 80.0, 0.0, 0.0, 45.0, 5.0, 325, "sufficient") in found
    assert (BLANK, 0.0, 0.0, 0.0, 0.0, 0.0, 325, "bad") in found
    history = "SELECT organisation, datasets FROM mqa_history ORDER BY 1"
    assert ("Toutes", 5) in warehouse.rows(history)


def test_arrays_hold_what_the_source_holds(warehouse: Warehouse) -> None:
    query = "SELECT keywords FROM dataset_details WHERE cardinality(keywords) > 0"
    assert warehouse.rows(query) == [(["bruit, routes", 'dit "sonore"', "{données}"],)]


def test_quality_over_time_by_organisation(warehouse: Warehouse) -> None:
    query = (
        "SELECT organisation, value FROM quality_metrics WHERE date = '2026-01-10'"
        " AND measurement = 'datasets' ORDER BY 1"
    )
    counts = [
        ("DDT 2A", 1.0),
        ("DDT 74", 1.0),
        ("Non renseignée", 3.0),
        ("Toutes", 5.0),
    ]
    assert warehouse.rows(query) == counts


def test_a_failed_night_changes_nothing_and_the_next_day_is_added(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    for page in SAMPLES.glob("*2026-01-10*"):
        shutil.copy(page, tmp_path / page.name.replace("10.", "11."))
    missing = tmp_path / "page_1_2026-01-11.jsonld"
    content = missing.read_bytes()
    days = "SELECT day, count(*) FROM dataset_history GROUP BY day ORDER BY day"
    before = warehouse.rows("SELECT * FROM datasets ORDER BY 1"), warehouse.rows(days)
    for bad in (b"<html>", content[:700], b""):
        missing.write_bytes(bad)
        tap, target, output = warehouse.load(tmp_path)
        assert (tap, target) == (1, 0), output
        assert "page_1_2026-01-11.jsonld" in output
    missing.unlink()
    tap, _, output = warehouse.load(tmp_path)
    assert tap == 1
    assert "missing: 1" in output
    warehouse.build()
    after = warehouse.rows("SELECT * FROM datasets ORDER BY 1"), warehouse.rows(days)
    assert after == before

    missing.write_bytes(content)
    assert warehouse.load(tmp_path)[:2] == (0, 0)
    for _ in range(2):  # twice on one day is once
        warehouse.build()
        assert warehouse.rows(days) == [
            (date(2026, 1, 10), 5),
            (date(2026, 1, 11), 5),
        ]


@pytest.mark.parametrize("domains", ["replica", "pix", "ecospheres", "pix,ecospheres"])
def test_off_it_leaves_nothing_to_build(warehouse: Warehouse, domains: str) -> None:
    status, output = warehouse.dbt(
        "ls", "--resource-type", "model", "seed", "test", "unit_test", domains=domains
    )
    assert status == 0, output
    assert ("dataset_details" in output) == ("ecospheres" in domains)
