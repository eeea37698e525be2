"""dbt's verbs at any hour, and what people built on its tables: a project of a few models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import OWNER, READER, Lab
from entrepot_lab.processes import prepared

SALES = "sales_of_models"
ROOT = Path(__file__).resolve().parents[2]
MODELS = {
    "enrichment/base.sql": (
        "{{ config(materialized='table', schema='enrichment') }}\n"
        "select id, label, {{ var('shape', 'id') }} as shape, id as kept"
        " from {{ source('shop', 'goods') }}"
    ),
    "enrichment/above.sql": (
        "{{ config(materialized=var('above', 'view'), schema='enrichment') }}\n"
        "select id, shape{{ ', label' if var('label', false) }} from {{ ref('base') }}"
    ),
    "external/given.sql": "select id, label from {{ ref('base') }}",
    "shop.yml": """
version: 2
sources:
  - name: shop
    schema: pix
    tables:
      - name: goods
        description: What is sold
        columns: [{name: id, description: a number}]
models:
  - name: base
    columns:
      - {name: id, data_tests: [not_null]}
      - {name: kept, data_tests: [not_null, unique]}
  - name: given
    config: {meta: {rows_of: everyone}}
    constraints: [{type: primary_key, columns: [id]}]
    columns:
      - {name: id, data_type: integer, data_tests: [unique]}
      - name: label
        data_type: text
        data_tests:
          - relationships: {arguments: {to: ref('given'), field: label}}
seeds:
  - name: words
    config: {schema: staging}
""",
}
SINGULAR = "select * from {{ ref('given') }} where label = 'bad'"
VIEWS = """
CREATE SCHEMA bi;
CREATE VIEW bi.plain AS SELECT * FROM enrichment.base;
CREATE VIEW bi.invoker WITH (security_invoker = true) AS SELECT shape FROM enrichment.base;
CREATE VIEW bi.barrier WITH (security_barrier = true) AS SELECT * FROM bi.plain;
CREATE VIEW bi."Of above" AS SELECT shape FROM enrichment.above;
CREATE VIEW bi.words AS SELECT * FROM staging.words;
COMMENT ON VIEW bi.barrier IS 'of the sales'' team';
COMMENT ON COLUMN bi.barrier.shape IS 'a shape';
GRANT USAGE ON SCHEMA bi TO {role};
GRANT SELECT ON bi.barrier TO {role} WITH GRANT OPTION;
GRANT SELECT (id) ON bi.plain TO {role};
GRANT SELECT ON enrichment.above, bi."Of above" TO {role};
GRANT SELECT (id, kept) ON enrichment.base TO {role};
ALTER TABLE enrichment.base ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON enrichment.base FOR SELECT TO {role} USING (id = 1);
"""
# All that people made or gave, but for the types of columns.
STATE = """
SELECT 'view', n.nspname || '.' || c.relname, array_to_string(c.reloptions, ',') || '',
    coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'bi' AND c.relkind = 'v'
UNION ALL
SELECT 'right', n.nspname || '.' || c.relname, coalesce(a.attname, ''),
    g.privilege_type || g.is_grantable
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attacl IS NOT NULL
CROSS JOIN aclexplode(coalesce(a.attacl, c.relacl)) AS g
WHERE g.grantee = to_regrole({role})
UNION ALL
SELECT 'comment', attrelid::regclass::text, attname, col_description(attrelid, attnum)
FROM pg_attribute WHERE attrelid = to_regclass('bi.barrier') AND attnum > 0
UNION ALL
SELECT 'policy', tablename, policyname, qual FROM pg_policies WHERE schemaname = 'enrichment'
ORDER BY 1, 2, 3, 4
"""


class Project:
    """The product's macros, with models of its own, on a warehouse of the test's own."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        transform = lab.folder / "transform"
        for part in ("macros", "profiles", "tests/generic"):
            shutil.copytree(ROOT / "transform" / part, transform / part)
        shutil.copy(ROOT / "transform" / "dbt_project.yml", transform)
        for name, text in MODELS.items():
            path = transform / "models" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (transform / "tests" / "assert_good.sql").write_text(SINGULAR)
        (transform / "seeds").mkdir()
        (transform / "seeds" / "words.csv").write_text("word\nhello\n")

    def dbt(self, *arguments: str) -> tuple[int, str]:
        done = prepared.run(
            [*prepared.DBT, *arguments],
            env={
                **self.lab.env,
                "MELTANO_PROJECT_ROOT": str(self.lab.folder),
                "DOMAINS": "replica",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def must(self, *arguments: str) -> str:
        status, output = self.dbt(*arguments)
        assert status == 0, output
        return output

    def state(self) -> list[tuple[str, ...]]:
        with self.lab.warehouse() as owner:
            query = sql.SQL(STATE).format(role=sql.Literal(SALES))
            return owner.execute(query).fetchall()


@pytest.fixture(scope="module")
def project(
    servers: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """Give the models, with a source that has no night yet."""
    folder = tmp_path_factory.mktemp("hours")
    lab = Lab(servers["wheel"], servers["wheel"], "hours", folder).create()
    with lab.source() as source:
        source.execute("CREATE TABLE goods (id integer PRIMARY KEY, label text)")
        source.execute("COMMENT ON COLUMN goods.id IS 'the source''s own'")
        source.execute("INSERT INTO goods VALUES (1, 'good'), (2, 'fine')")
    with lab.warehouse_server.admin() as admin:
        admin.execute(f"CREATE ROLE {SALES}; GRANT {SALES} TO {OWNER}")
    yield Project(lab)
    lab.drop()


def test_every_verb_works_before_and_after_a_night_and_a_publication(
    project: Project,
) -> None:
    lab = project.lab
    for verb, kind in (("test", "models"), ("build", "sources")):
        status, output = project.dbt(verb)
        assert status == 2, output
        assert f" {kind} that this command reads is in the warehouse yet" in output
        assert "Traceback" not in output
        assert output.count("rror") < 5, output

    lab.night()
    project.must("build")
    assert lab.run("publish-external")[0] == 0
    project.must("test")
    project.must("run", "--select", "given")
    project.must("test", "--select", "external")  # where it waits
    project.must("retry")
    project.must("docs", "generate")
    catalog = (lab.folder / ".entrepot/dbt/target/catalog.json").read_text()
    assert '"schema": "external", "name": "given"' in catalog
    assert _as_of(lab, READER) == {
        "pix": ("pg-replica", "complete", 2),
        "enrichment": ("dbt", "complete", 2),
        "staging": ("dbt", "complete", None),  # a reference table is not analysed yet
    }
    assert _as_of(lab, SALES) == {}
    with lab.warehouse(READER) as reader:
        assert reader.execute(
            "SELECT obj_description('pix.goods'::regclass), col_description("
            "'pix.goods'::regclass, 1), obj_description('enrichment'::regnamespace)"
            " LIKE 'Joins%'"
        ).fetchone() == ("What is sold", "the source's own", True)
        assert reader.execute(
            "SELECT column_name FROM information_schema.key_column_usage"
            " WHERE table_schema = 'enrichment'"
        ).fetchall() == [("kept",)]
    with lab.warehouse() as owner:
        owner.execute("DROP SCHEMA external_next CASCADE")
        owner.execute("UPDATE external.given SET label = 'bad' WHERE id = 1")
        owner.execute("UPDATE enrichment.base SET id = NULL WHERE id = 2")
    lab.night()
    assert _as_of(lab, READER)["enrichment"] == ("dbt", "partial", 2)
    status, output = project.dbt("test")
    with lab.warehouse() as owner:
        assert owner.execute(
            "SELECT tests, failed_tests FROM entrepot_ops.models WHERE model_name = 'base'"
        ).fetchone() == (3, 1)
    assert (status, "ERROR=2 " in output, "assert_good" in output) == (1, True, True)


def _as_of(lab: Lab, role: str) -> dict[str, tuple[str, str, int | None]]:
    """What a role may know: by schema the source, whether it is complete, and its rows."""
    with lab.warehouse(READER if role == READER else OWNER) as session:
        session.execute(f"SET ROLE {role}")
        rows = session.execute(
            "SELECT schema, source, state, rows FROM entrepot_info.as_of WHERE as_of <= now()"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_what_people_made_and_gave_outlives_builds_of_another_shape(
    project: Project,
) -> None:
    lab = project.lab
    project.must("build")
    with lab.warehouse() as owner:
        owner.execute(VIEWS.format(role=SALES).encode())
    before = project.state()
    assert len(before) > 10

    project.must("build")
    assert project.state() == before
    project.must("seed", "--full-refresh")
    for shape in (
        "{shape: label, label: true}",
        "{shape: id::bigint, above: table, label: true}",
    ):
        output = project.must("run", "--vars", shape)
        assert "could not be given" not in output
        assert project.state() == before
        with lab.warehouse() as owner:
            assert owner.execute(
                "SELECT to_regclass('enrichment.base__previous'),"
                " to_regclass('enrichment.above__previous'),"
                " to_regclass('staging.words__previous'),"
                " (SELECT count(*) FROM bi.barrier), (SELECT count(*) FROM bi.words)"
            ).fetchone() == (None, None, None, 2, 1)


def test_what_cannot_follow_is_named_and_nothing_is_dropped(project: Project) -> None:
    lab = project.lab
    project.must("build")
    with lab.warehouse() as owner:
        owner.execute("DROP SCHEMA IF EXISTS bi CASCADE; CREATE SCHEMA bi")
        owner.execute("ALTER TABLE enrichment.base DISABLE ROW LEVEL SECURITY")
        owner.execute("DROP POLICY IF EXISTS one ON enrichment.base")
        owner.execute("CREATE VIEW bi.sums AS SELECT id + 1 AS n FROM enrichment.base")
        owner.execute("CREATE VIEW bi.upon AS SELECT n FROM bi.sums")
        owner.execute(
            "CREATE MATERIALIZED VIEW bi.kept AS SELECT id FROM enrichment.base"
        )
    path = lab.folder / "transform" / "models" / "enrichment" / "base.sql"
    path.write_text(path.read_text().replace("select id,", "select id::text as id,"))
    given = lab.folder / "transform" / "models" / "external" / "given.sql"
    given.unlink()
    output = project.must("run", "--select", "base+")
    for named in (
        "view bi.sums (operator does not exist",
        "view bi.kept (it is a materialized view)",
    ):
        assert named in output, output
    assert "view bi.upon" not in output
    with lab.warehouse() as owner:
        assert owner.execute(
            "SELECT (SELECT count(*) FROM bi.upon), (SELECT count(*) FROM bi.kept)"
        ).fetchone() == (2, 2)
        assert owner.execute("SELECT id FROM enrichment.above").fetchone() == ("1",)

    status, output = project.dbt("run", "--select", "base")
    assert (status, "view bi.sums depends on" in output) == (1, True), output
    with lab.warehouse() as owner:
        owner.execute("DROP VIEW bi.sums CASCADE; DROP MATERIALIZED VIEW bi.kept")
    project.must("run", "--select", "base")
