"""Models that follow append tables: exact after every change, and read only what changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.meltano.singer import Pipe
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import READER, Lab
from entrepot_lab.processes import prepared
from entrepot_lab.sources import elearning

ROOT = Path(__file__).resolve().parents[2]
APPEND = """
tables:
  answers: {mode: incremental}
  knowledge-elements: {mode: incremental, lookback: 10}
  knowledge-element-snapshots: {mode: incremental, lookback: 10}
"""
FOLLOWING = ("answers_by_block", "skill_states", "snapshot_skills")
# What each must hold, said as simply as can be.
TRUTH = {
    "SELECT day, answers, right_answers FROM enrichment.answers_by_day": """
        SELECT ("createdAt" AT TIME ZONE 'Europe/Paris')::date, count(*),
            count(*) FILTER (WHERE result = 'ok') FROM pix.answers GROUP BY 1""",
    "SELECT user_id, skill_id, knowledge_element_id, status FROM"
    " enrichment.latest_knowledge_elements": """
        SELECT "userId", "skillId", id, status FROM pix."knowledge-elements" AS k
        WHERE status <> 'reset' AND NOT EXISTS (SELECT FROM pix."knowledge-elements" AS later
            WHERE later."userId" = k."userId" AND later."skillId" = k."skillId"
            AND (later."createdAt", later.id) > (k."createdAt", k.id))""",
    "SELECT snapshot_id, skill_id, earned_pix FROM enrichment.snapshot_skills": """
        SELECT id, e ->> 'skillId', (e ->> 'earnedPix')::real
        FROM pix."knowledge-element-snapshots", jsonb_array_elements(snapshot) AS e""",
}
CHANGES = """
UPDATE "knowledge-elements" SET status = 'reset' WHERE id % 97 = 0;
DELETE FROM "knowledge-elements" WHERE id % 101 = 0;
UPDATE answers SET result = 'ko', "createdAt" = "createdAt" + interval '40 days' WHERE id = 7;
DELETE FROM "knowledge-elements" WHERE "answerId" BETWEEN 20 AND 30;
DELETE FROM answers WHERE id BETWEEN 20 AND 30;
DELETE FROM "knowledge-element-snapshots" WHERE id = 3;
UPDATE "knowledge-element-snapshots"
SET snapshot = '[{"skillId": "a", "earnedPix": 2}]' WHERE id = 4;
INSERT INTO "knowledge-element-snapshots" ("userId", "snappedAt", snapshot)
VALUES (1, now(), '[{"skillId": "b"}, {"skillId": "c"}]');
"""


class Project:
    """The models, on a warehouse of the test's own."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.pipe = Pipe(lab, {"batch_rows": 500})
        (lab.folder / "transform").symlink_to(ROOT / "transform")

    def build(self, *options: str) -> str:
        """Build the models that follow, and what is made of them.

        Returns:
            How each was built: `whole` or `ranges`.
        """
        models = [f"+{model}+" for model in FOLLOWING]
        done = prepared.run(
            [
                *prepared.DBT,
                *("run", "--select", *models, *options),
            ],
            env={
                **self.lab.env,
                "MELTANO_PROJECT_ROOT": str(self.lab.folder),
                "DOMAINS": "pix",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        compiled = self.lab.folder / ".entrepot/dbt/target/compiled/entrepot/models"
        ways = {
            (compiled / "enrichment/pix" / f"{model}.sql")
            .read_text()
            .split("following: ")[1]
            .split()[0]
            for model in FOLLOWING
        }
        return " ".join(sorted(ways))

    def assert_true(self) -> None:
        """Check that each model holds what its table says now."""
        with self.lab.warehouse() as session:
            for model, truth in TRUTH.items():
                held = session.execute(model).fetchall()
                said = session.execute(truth).fetchall()
                assert sorted(held, key=str) == sorted(said, key=str), model

    def a_day_passes(self, changes: str = "") -> None:
        """Let the source change, and load what the tap sees of it."""
        with self.lab.source() as connection:
            elearning.next_day(connection)
            connection.execute(changes)
        self.pipe.load()

    def rows(self, model: str) -> dict[str, int]:
        """Give each row's place with the transaction that wrote it."""
        with self.lab.warehouse() as session:
            query = f"SELECT ctid::text, xmin::text FROM enrichment.{model}"
            return dict(session.execute(query).fetchall())


@pytest.fixture(scope="module")
def project(
    servers: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("following")
    lab = Lab(servers["wheel"], servers["wheel"], "following", folder).create()
    with lab.source() as connection:
        elearning.create(connection, 2000)
    lab.policy(APPEND)
    lab.night()
    project = Project(lab)
    project.pipe.load()
    assert project.build() == "whole"
    project.assert_true()
    yield project
    lab.drop()


def test_models_follow_loads_late_changes_and_repairs(project: Project) -> None:
    project.a_day_passes(CHANGES)
    assert project.lab.run("audit", "--all")[0] == 4, "it has repaired"
    assert project.build() == "ranges"
    project.assert_true()

    before = {model: project.rows(model) for model in FOLLOWING}
    project.a_day_passes()
    assert project.build() == "ranges"
    project.assert_true()
    for model in ("skill_states", "snapshot_skills"):
        kept = before[model].items() & project.rows(model).items()
        assert len(kept) > len(before[model]) * 0.4, f"{model}: old rows stay"


def test_a_table_is_made_anew_while_it_is_read(project: Project) -> None:
    queries = [f"SELECT count(*) FROM ({model}) AS m" for model in TRUTH]
    with Poller(project.lab.warehouse_url(READER), queries) as poller:
        assert project.build("--full-refresh") == "whole"
    poller.assert_undisturbed()
    for query in queries:
        assert len(poller.values(query)) == 1, query
    project.assert_true()


def test_a_table_loaded_again_or_copied_whole_is_read_whole(project: Project) -> None:
    with project.lab.warehouse() as session:
        session.execute("DROP TABLE pix_incremental.answers CASCADE")
    project.pipe.state = None
    project.pipe.load()
    assert project.build() == "ranges whole"
    project.assert_true()
    with project.lab.source() as connection:
        connection.execute("UPDATE answers SET result = 'ko' WHERE id = 9")
    project.lab.policy("tables: {}")
    project.lab.night()
    assert project.build() == "whole"
    project.assert_true()
