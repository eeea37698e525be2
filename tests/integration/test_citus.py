"""A warehouse of several machines: what is local needs one, what is distributed is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres import citus
from entrepot_lab.postgres.citus import Nodes
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.servers import Servers
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.sources import elearning

DISTRIBUTED = """
tables:
  answers: {mode: incremental, distribution: assessmentId}
  knowledge-elements: {mode: incremental, distribution: userId}
"""
COUNT = "SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = to_regclass(%s)"


@pytest.fixture(scope="module")
def nodes(all_servers: Servers) -> Iterator[Nodes]:
    """Start a coordinator and workers."""
    folder = citus.binaries()
    if folder is None:
        pytest.skip("no PostgreSQL of this machine has Citus")
    nodes = Nodes.start(all_servers, folder)
    try:
        yield nodes
    finally:
        nodes.stop()


@pytest.fixture
def several(
    nodes: Nodes,
    servers: dict[str, Cluster],
    source_template: str,
    tmp_path: Path,
) -> Iterator[Lab]:
    """Give a warehouse of all nodes."""
    for node in nodes.all:
        node.start()
    lab = Lab(servers["wheel"], nodes.coordinator, "several", tmp_path)
    lab.create(source_template)
    nodes.join(lab)
    try:
        yield lab
    finally:
        for node in nodes.all:
            node.start()
            node.drop_database(f"{lab.name}_warehouse")
        servers["wheel"].drop_database(f"{lab.name}_source")


def test_a_night_of_local_tables_needs_no_worker(several: Lab, nodes: Nodes) -> None:
    """A first night, and one with each worker stopped."""
    several.night()
    for worker in nodes.workers:
        worker.stop("immediate")
    several.night()
    several.assert_replicated()
    status, output = several.run("drop-previous")
    assert status == 0, output
    several.assert_clean()


def test_append_tables_are_distributed_when_they_are_made(
    several: Lab, nodes: Nodes
) -> None:
    """Loaded, followed and repaired as local ones are."""
    with several.source() as source:
        source.execute(
            'ALTER TABLE answers ALTER COLUMN "assessmentId" SET NOT NULL;'
            'ALTER TABLE "knowledge-elements" ALTER COLUMN "userId" SET NOT NULL'
        )
    several.policy(DISTRIBUTED)
    several.night()
    pipe = Pipe(several, {"batch_rows": 500})
    pipe.load()
    with several.warehouse() as warehouse:
        for table in ("answers", "knowledge-elements"):
            found = warehouse.execute(COUNT, [f'pix_incremental."{table}"'])
            assert found.fetchone() == (1,)
            pipe.assert_same(table)
    with several.source() as source:
        elearning.next_day(source)
        source.execute("ALTER TABLE answers ADD COLUMN noted text DEFAULT 'é'")
        source.execute("CREATE INDEX answers_noted ON answers (noted)")
    pipe.load()
    several.night()
    pipe.assert_same("answers")
    for worker in nodes.workers:
        with worker.admin(f"{several.name}_warehouse") as admin:
            admin.execute("SET citus.override_table_visibility = off")  # of shards
            indexes = admin.execute(
                "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'answers_noted_%'"
            ).fetchone()
            assert indexes is not None
            assert indexes[0] > 0
    with several.source() as source:
        source.execute(
            'UPDATE answers SET "assessmentId" = "assessmentId" + 1 WHERE id % 97 = 0'
        )
        source.execute('DELETE FROM "knowledge-elements" WHERE id % 101 = 0')
    status, output = several.run("audit", "--all")
    assert status == 4, output
    status, output = several.run("audit", "--all")
    assert status == 0, output
    for table in ("answers", "knowledge-elements"):
        pipe.assert_same(table)
    with several.warehouse(READER) as reader:
        assert reader.execute("SELECT count(*) FROM pix.answers").fetchone() is not None


def test_check_says_what_cannot_be_distributed(several: Lab, nodes: Nodes) -> None:
    """Each column by itself, a worker in the place of the coordinator, and nodes out of reach."""
    with several.source() as source:
        source.execute(
            "CREATE TABLE t (id int PRIMARY KEY, maybe int, j json NOT NULL, e char(3) NOT NULL,"
            " twice int GENERATED ALWAYS AS (id * 2) STORED);"
            "INSERT INTO t VALUES (1, NULL, '{}', 'a'), (2, 3, '{}', 'b');"
            "CREATE TABLE full_one (id int PRIMARY KEY)"
        )
    reasons = {
        "maybe": "is NULL in some rows",
        "j": "is of type json, which has no hash",
        "twice": "is computed from others",
        "idd": "there is no such column",
    }
    for column, reason in reasons.items():
        several.policy(f"tables: {{t: {{mode: incremental, distribution: {column}}}}}")
        status, output = several.run("check")
        assert status == 2, output
        assert reason in output
    several.policy("tables: {full_one: {distribution: id}}")
    status, output = several.run("check")
    assert status == 2, output
    assert "only tables of mode incremental" in output
    several.policy("tables: {t: {mode: incremental, distribution: id}}")
    status, output = several.run("check")
    assert status == 0, output
    worker = nodes.workers[0]
    port = str(nodes.coordinator.port)
    at_worker = several.warehouse_url().replace(port, str(worker.port))
    status, output = several.run("check", TARGET_DATABASE_URL=at_worker)
    assert status == 2, output
    assert "is a worker of Citus" in output
    with worker.admin(f"{several.name}_warehouse") as admin:
        admin.execute(f"DROP OWNED BY {READER}; DROP ROLE {READER}")
    status, output = several.run("check")
    assert status == 2, output
    assert f"role {READER} does not exist on each node" in output
    worker.stop("immediate")
    status, output = several.run("check")
    assert status == 2, output
    assert f"Citus cannot reach 127.0.0.1:{worker.port}" in output


def test_distribution_without_citus_is_a_warning(lab: Lab) -> None:
    """The table is local, and everything works."""
    lab.policy("tables: {answers: {mode: incremental, distribution: id}}")
    status, output = lab.run("check")
    assert status == 0, output
    assert (
        "1 tables have a distribution (answers), and the warehouse has no Citus"
        in output
    )
    Pipe(lab, {}).load()
    with lab.warehouse() as warehouse:
        assert warehouse.execute(
            "SELECT count(*) > 0 FROM pix_incremental.answers"
        ).fetchone()
