"""The Baromètre's models on invented files, as an ordinary role builds them."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.servers import SETTINGS, Servers
from entrepot_lab.processes import prepared

ROOT = Path(__file__).resolve().parents[2]
RHONE, TEN = "FR-HACK-RHONE", timedelta(minutes=10)
OWNER, READER, PASSWORD = "entrepot", "internal_reader", "p@ss:/%'w"


class Warehouse:
    """A database with the raw tables, and dbt on it.

    Attributes:
        built: What the build printed.
    """

    built: str

    def __init__(self, server: Cluster, folder: Path) -> None:
        self._server, self._folder = server, folder
        for role in (OWNER, READER):
            server.create_role(role, PASSWORD)
        server.create_database("warehouse", OWNER)
        with server.admin() as admin:
            admin.execute(f"GRANT CONNECT ON DATABASE warehouse TO {READER}")
        with self.session(OWNER) as session:
            session.execute(Path(__file__).with_name("barometre.sql").read_text())

    def url(self, role: str) -> str:
        return self._server.url("warehouse", role, PASSWORD)

    def session(self, role: str) -> psycopg.Connection:
        return psycopg.connect(self.url(role), autocommit=True)

    def dbt(self, *arguments: str) -> tuple[int, str]:
        target = ["--target-path", str(self._folder), "--log-path", str(self._folder)]
        done = prepared.run(
            [*prepared.DBT, *arguments, *target],
            env={
                **os.environ,
                "TARGET_DATABASE_URL": self.url(OWNER),
                "MELTANO_PROJECT_ROOT": str(ROOT),
                "DOMAINS": "barometre",
            },
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    def rows(self, query: str) -> list[tuple]:
        with self.session(READER) as session:
            session.execute("SET search_path = enrichment")
            return session.execute(query).fetchall()


@pytest.fixture(scope="module")
def warehouse(
    all_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("barometre")
    server = all_servers.create(embedded_binaries(), SETTINGS)
    warehouse = Warehouse(server, folder / "target")
    status, warehouse.built = warehouse.dbt("build")
    assert status == 0, warehouse.built
    yield warehouse
    server.stop("immediate")


def test_experiences(warehouse: Warehouse) -> None:
    total = warehouse.rows("SELECT * FROM exp_total")[0]
    assert total[:5] == (6, 3, 1, 2, 3)
    assert [float(days) for days in total[5:]] == pytest.approx([16 / 3, 9.4, 8.8, 7])
    assert warehouse.rows("SELECT * FROM exp_geo ORDER BY geo_dpt_iso") == [
        (1, "FR-2A", "Corse-du-Sud", "FR-20R", "Corse"),
        (1, "FR-67", "Bas-Rhin", "FR-GES", "Grand-Est"),
        (1, "FR-BL", "Saint-Barthélemy", None, None),
        (1, RHONE, "Rhône et métropole de Lyon", "FR-ARA", "Auvergne-Rhône-Alpes"),
        (2, None, None, None, None),
    ]
    assert warehouse.rows("SELECT * FROM exp_typologie ORDER BY 1") == [
        ("Brigade de gendarmerie", 1),
        ("Gendarmerie Nationale", 1),
        ("Unité Numérique", 1),
    ]
    assert warehouse.rows("SELECT * FROM exp_count_day ORDER BY date") == [
        (date(2024, 1, 5), date(2024, 1, 1), 1, "2024-01"),
        (date(2024, 1, 31), date(2024, 1, 1), 1, "2024-01"),
        (date(2024, 2, 1), date(2024, 2, 1), 3, "2024-02"),
        (None, None, 1, None),
    ]


def test_contacts(warehouse: Warehouse) -> None:
    assert warehouse.rows("SELECT * FROM easiware_n_contacts_total") == [(4,)]
    assert warehouse.rows(
        "SELECT category, month_str, n_contact FROM easiware_n_contacts_category"
        " ORDER BY 1, 2"
    ) == [
        ("demande_info", "2024-01", 1),
        ("signalement", None, 1),
        ("victime", "2024-01", 1),
        (None, "2024-02", 1),
    ]


def test_declarations(warehouse: Warehouse) -> None:
    assert warehouse.rows("SELECT * FROM ppel_daily ORDER BY date") == [
        (date(2024, 1, 5), date(2024, 1, 1), "2024-01", 3, 2 * TEN, TEN),
        (None, None, None, 1, None, None),
    ]
    assert warehouse.rows(
        "SELECT dpt_code, geo_dpt_name, n_preplaintes FROM ppel_geo ORDER BY 1"
    ) == [("01", "Ain", 2), ("2A", "Corse-du-Sud", 1), ("99", None, 1)]


def test_frauds(warehouse: Warehouse) -> None:
    assert warehouse.rows("SELECT * FROM perceval_monthly ORDER BY month") == [
        (date(2024, 1, 1), "2024-01", 5, Decimal("150.0"), Decimal(30)),
        (date(2024, 2, 1), "2024-02", 0, Decimal(10), None),
    ]
    assert warehouse.rows("SELECT count(*), count(date) FROM perceval_daily") == [
        (4, 4)
    ]


def test_trades_and_staff(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "SELECT month, metier_name, visit_count FROM recrutement_visits_per_metier"
        " ORDER BY visit_count DESC"
    ) == [
        (date(2024, 1, 1), "Pilote d'hélicoptère", 7),
        (date(2024, 1, 1), "Secrétaire", 2),
    ]
    assert warehouse.rows(
        "SELECT count(*), sum(effectifs) FILTER (WHERE annee = 2016)"
        " FROM iggn_effectifs_clean"
    ) == [(72, 103_105)]


def test_wrong_lines_are_reported_and_cost_nothing(warehouse: Warehouse) -> None:
    warnings = re.findall(r"WARN (\d+) readable_stg_barometre__(\w+)", warehouse.built)
    assert sorted((name, int(lines)) for lines, name in warnings) == [
        ("easiware_requests_requested_at__original_datetime", 1),
        ("ppel_logs_started_at__stats_debut_declaration", 1),
        ("voxusagers_experiences_date_publi__date_de_publication", 1),
        ("voxusagers_experiences_departement__code_postal", 2),
    ]


def test_a_second_build_changes_nothing_and_keeps_nobody_waiting(
    warehouse: Warehouse,
) -> None:
    """Z3: a reader's lock, let go after some seconds, holds back the build and no other reader."""
    before = warehouse.rows("SELECT * FROM ppel_geo ORDER BY 1")
    # A table, one that others are made of, and a seed.
    relations = (
        "enrichment.ppel_geo",
        "enrichment.voxusagers_clean",
        "staging.territories",
    )
    queries = [f"SELECT count(*) FROM {relation}" for relation in relations]
    with warehouse.session(READER) as slow:
        slow.autocommit = False
        for query in queries:
            slow.execute(query)
        end = threading.Timer(20, slow.rollback)
        end.start()
        with Poller(warehouse.url(READER), queries) as poller:
            status, output = warehouse.dbt(
                *("build", "--resource-type", "seed", "--resource-type", "model")
            )
        end.join()
    assert status == 0, output
    poller.assert_undisturbed()
    assert all(len(poller.values(query)) == 1 for query in queries)
    assert warehouse.rows("SELECT * FROM ppel_geo ORDER BY 1") == before
