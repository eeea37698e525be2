"""The models that partners read: they see all of the contract, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml

from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import PASSWORD, Lab
from entrepot_lab.processes import prepared
from entrepot_lab.sources import elearning

ROOT = Path(__file__).resolve().parents[2]
PARTNER = "external_reader"
COUNTS = [
    "SELECT count(*) FROM external.participation_by_organization",
    "SELECT count(*) FROM external.mastery_by_organization",
    "SELECT count(*) FROM external.activity_by_organization_and_month",
    "SELECT count(*) FROM external.certification_by_organization",
]
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
MARK, MARKED_DAY = "PERSONAL-", "1911-11-11"
ROOMY = len(MARK) + 10  # characters that a column must hold to take a mark
# One process makes the warehouse that all of these share.
pytestmark = pytest.mark.xdist_group("partners")
# Relations of PostgreSQL itself that show statistics or texts of others to whom they concern.
DATA_VIEWS = (
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "information_schema.tables",
    "information_schema.columns",
    "information_schema.column_privileges",
    "information_schema.table_privileges",
    "information_schema.views",
    "information_schema.key_column_usage",
)
REFUSED = (
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_largeobject",
    "pg_authid",
    "pg_user_mapping",
    "pg_subscription",
    "pg_file_settings",
    "pg_hba_file_rules",
)


class Warehouse:
    """A warehouse after its nights, and dbt's project beside it."""

    def __init__(self, lab: Lab, root: Path) -> None:
        self.lab = lab
        self.root = root
        shutil.copytree(
            ROOT / "transform",
            root / "transform",
            ignore=shutil.ignore_patterns("*.py"),
        )

    @property
    def partner(self) -> str:
        return self.lab.warehouse_url(PARTNER)

    def dbt(self, *arguments: str, **variables: str) -> tuple[int, str]:
        done = prepared.run(
            [*prepared.DBT, *arguments],
            env={
                **os.environ,
                "TARGET_DATABASE_URL": self.lab.env["TARGET_DATABASE_URL"],
                "MELTANO_PROJECT_ROOT": str(self.root),
                "DOMAINS": "pix",
                "EXTERNAL_THRESHOLD": "2",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def build(self) -> None:
        status, output = self.dbt("build")
        assert status == 0, output[-6000:]

    def publish(self) -> None:
        status, output = self.lab.run("publish-external")
        assert status == 0, output

    def manifest(self) -> dict:
        path = self.root / ".entrepot" / "dbt" / "target" / "manifest.json"
        return json.loads(path.read_text())

    def contract(self) -> dict[str, dict]:
        """The columns of each table that partners may read."""
        return {
            node["alias"]: node["columns"]
            for key, node in self.manifest()["nodes"].items()
            if key.startswith("model.") and node["fqn"][1] == "external"
        }


@pytest.fixture(scope="module")
def warehouse(
    servers: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """Give a source full of marks, replicated, built and published."""
    folder = tmp_path_factory.mktemp("partners")
    lab = Lab(servers["wheel"], servers["wheel"], "partners", folder).create()
    lab.warehouse_server.create_role(PARTNER, PASSWORD)
    with lab.warehouse_server.admin() as admin:
        admin.execute(f"GRANT CONNECT ON DATABASE partners_warehouse TO {PARTNER}")
    with lab.source() as connection:
        elearning.create(connection, 2000)
        _mark(connection)
    lab.night()
    warehouse = Warehouse(lab, folder / "project")
    warehouse.build()
    warehouse.publish()
    yield warehouse
    lab.drop()


def _mark(connection: psycopg.Connection) -> None:
    """Write a mark into every column that the sources call personal."""
    marks = {
        "text": f"'{MARK}' || ctid",
        "character varying": f"'{MARK}' || ctid",
        "USER-DEFINED": f"'{MARK}' || ctid",
        "date": f"date '{MARKED_DAY}'",
    }
    path = ROOT / "transform/models/staging/pix/_pix__sources.yml"
    marked = 0
    for table in yaml.safe_load(path.read_text())["sources"][0]["tables"]:
        for column in table.get("columns", []):
            found = connection.execute(
                "SELECT data_type, coalesce(character_maximum_length, 99)"
                " FROM information_schema.columns WHERE table_schema = 'public'"
                " AND (table_name, column_name) = (%s, %s)",
                [table["identifier"], column["name"]],
            ).fetchone()
            is_personal = column.get("config", {}).get("meta", {}).get("personal")
            if is_personal and found and found[0] in marks and found[1] >= ROOMY:
                connection.execute(
                    f'UPDATE "{table["identifier"]}" SET "{column["name"]}" = '
                    + marks[found[0]]
                )
                marked += 1
    assert marked > 20


def test_partners_can_read_the_contract_and_nothing_else(warehouse: Warehouse) -> None:
    contract = warehouse.contract()
    with psycopg.connect(warehouse.partner, autocommit=True) as partner:
        granted = partner.execute(
            "SELECT n.nspname, c.relname, a.attname FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0"
            " AND NOT a.attisdropped"
            " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')"
            " AND has_schema_privilege(n.oid, 'USAGE')"
            " AND (has_table_privilege(c.oid, 'SELECT')"
            " OR has_column_privilege(c.oid, a.attnum, 'SELECT'))"
        ).fetchall()
        told = {row for row in granted if row[0] == "entrepot_info"}
        assert {row[1] for row in told} == {"as_of"}
        granted = [row for row in granted if row not in told]
        assert {row[0] for row in granted} == {"external"}
        assert partner.execute(
            "SELECT schema, state FROM entrepot_info.as_of"
        ).fetchall() == [("external", "complete")]
        assert {
            (table, column) for _, table, column in granted if table in contract
        } == {
            (table, column) for table, columns in contract.items() for column in columns
        }
        indexes = partner.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'i'"
            " AND relnamespace = 'external'::regnamespace"
        ).fetchall()
        others = {table for _, table, _ in granted} - set(contract)
        assert others <= {row[0] for row in indexes}
        _try_every_relation(partner, set(contract))


def _try_every_relation(partner: psycopg.Connection, contract: set[str]) -> None:
    """Really read: rights that are not looked at are no proof."""
    relations = partner.execute(
        "SELECT n.nspname, c.relname FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
        " AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert len(relations) > 60
    read = set()
    for schema, name in relations:
        try:
            partner.execute(f'SELECT * FROM "{schema}"."{name}" LIMIT 1')
            read.add((schema, name))
        except psycopg.errors.InsufficientPrivilege:
            continue
    assert read - {("entrepot_info", "as_of")} == {
        ("external", table) for table in contract
    }


def test_catalogs_tell_partners_no_data(warehouse: Warehouse) -> None:
    ours = "schemaname", "table_schema"
    with psycopg.connect(warehouse.partner, autocommit=True) as partner:
        for relation in REFUSED:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                partner.execute(f"SELECT * FROM {relation}")
        for view in DATA_VIEWS:
            cursor = partner.execute(f"SELECT * FROM {view}")
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            place = next(names.index(name) for name in ours if name in names)
            seen = {row[place] for row in cursor}
            known = {"external", "entrepot_info", "pg_catalog", "information_schema"}
            assert seen <= known, view
        others = partner.execute(
            "SELECT query FROM pg_stat_activity WHERE usename <> current_user"
        ).fetchall()
        assert {row[0] for row in others} <= {"<insufficient privilege>"}
        last = "SELECT count(last_value) FROM pg_sequences"
        assert partner.execute(last).fetchone() == (0,)
        for call in (
            "pix.next_ticket()",
            "pg_read_file('PG_VERSION')",
            "pg_ls_dir('.')",
            "entrepot_ops.external_rows_of('internal_reader')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                partner.execute(f"SELECT {call}")
        functions = partner.execute(
            "SELECT p.oid::regprocedure FROM pg_proc AS p"
            " WHERE has_schema_privilege(pronamespace, 'USAGE')"
            " AND has_function_privilege(p.oid, 'EXECUTE') AND p.prosecdef"
        ).fetchall()
        assert functions == []


def test_large_objects_are_not_readable(warehouse: Warehouse) -> None:
    with warehouse.lab.warehouse() as owner:
        oid = owner.execute("SELECT lo_from_bytea(0, 'personal')").fetchone()[0]
    with (
        psycopg.connect(warehouse.partner) as partner,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        partner.execute("SELECT lo_get(%s)", [oid])


def test_no_personal_value_reaches_partners(warehouse: Warehouse) -> None:
    with warehouse.lab.warehouse() as owner:
        found = owner.execute(
            f"SELECT count(*) FROM pix.users WHERE email LIKE '{MARK}%'"
        ).fetchone()
        assert found > (0,), "the marks are in the warehouse"
    with psycopg.connect(warehouse.partner) as partner:
        for table in warehouse.contract():
            with partner.cursor().copy(f"COPY external.{table} TO STDOUT") as copy:
                content = b"".join(bytes(chunk) for chunk in copy)
            for mark in (MARK, MARKED_DAY):
                assert mark.encode() not in content, table
        rows = partner.execute(COUNTS[0]).fetchone()
        assert rows > (0,)


def test_readers_have_their_tables_all_through_a_build(warehouse: Warehouse) -> None:
    """Z3, and a second build on unchanged data."""
    with Poller(warehouse.partner, COUNTS) as poller:
        warehouse.build()
        warehouse.publish()
    poller.assert_undisturbed()
    assert all(len(poller.values(query)) == 1 for query in COUNTS)


def test_a_part_of_a_build_is_not_published(warehouse: Warehouse) -> None:
    status, output = warehouse.dbt("build", "--select", "certification_by_organization")
    assert status == 0, output
    status, output = warehouse.lab.run("publish-external")
    assert (status, "not the work of one whole build" in output) == (1, True), output


@pytest.mark.parametrize(
    ("model", "drift", "names"),
    [
        (
            "participation_by_organization",
            'ALTER TABLE pix."campaign-participations" DROP COLUMN "isShared"',
            ["stg_pix__campaign_participations", "isShared"],
        ),
        (
            "mastery_by_organization",
            'ALTER TABLE pix.campaigns ALTER "organizationId" TYPE bigint',
            ["mastery_by_organization", "organization_id", "data type mismatch"],
        ),
    ],
)
def test_drift_is_named_and_readers_keep_the_night_before(
    warehouse: Warehouse, model: str, drift: str, names: list[str]
) -> None:
    """F37: the source has lost or retyped a column."""
    before = [_count(warehouse, query) for query in COUNTS]
    with warehouse.lab.warehouse() as owner:
        _drop_models(owner)
        owner.execute(drift)
    with Poller(warehouse.partner, COUNTS) as poller:
        status, output = warehouse.dbt("build", "--select", f"+{model}", *NO_UNIT_TESTS)
        assert status == 1
        for name in names:
            assert name in output, output[-3000:]
        status, output = warehouse.lab.run("publish-external")
        assert status == 1, output
    poller.assert_undisturbed()
    assert [_count(warehouse, query) for query in COUNTS] == before
    warehouse.lab.night()


def test_a_renamed_model_is_named(warehouse: Warehouse) -> None:
    folder = warehouse.root / "transform" / "models" / "enrichment" / "pix"
    old, new = folder / "organization_mastery.sql", folder / "organisation_mastery.sql"
    old.rename(new)
    status, output = warehouse.dbt("build")
    new.rename(old)
    assert status != 0
    assert "organization_mastery" in output
    assert _count(warehouse, COUNTS[0]) > 0


def test_a_domain_that_is_switched_off_holds_back_no_publication(
    warehouse: Warehouse,
) -> None:
    """What its last, failed build has left goes, and its tables with the next publication."""
    with warehouse.lab.warehouse() as owner:
        owner.execute("CREATE SCHEMA IF NOT EXISTS external_next")
        owner.execute("COMMENT ON SCHEMA external_next IS 'being built'")
        owner.execute("CREATE TABLE external_next.half (id int)")
        assert warehouse.lab.run("publish-external")[0] == 1, "a build was cut short"
        status, output = warehouse.dbt("build", DOMAINS="replica")
        assert status == 0, output
        status, output = warehouse.lab.run("publish-external")
        assert status == 0, output
        assert "half" not in output
        query = "SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace"
        assert owner.execute(query, ["external"]).fetchone() == (0,)
    status, output = warehouse.lab.run("publish-external")
    assert status == 0, output


def _count(warehouse: Warehouse, query: str) -> int:
    with psycopg.connect(warehouse.partner) as partner:
        return partner.execute(query).fetchone()[0]


def _drop_models(owner: psycopg.Connection) -> None:
    """Do what the swap does to models: the next night's tables have none on them yet."""
    for schema in ("staging", "enrichment"):
        owner.execute(f"DROP SCHEMA {schema} CASCADE")
