"""First models of a database that nobody has seen: written, built, and proposed again."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from entrepot_lab.postgres.servers import ROOT
from entrepot_lab.postgres.warehouse import Lab

AWKWARD = """
CREATE SCHEMA sales;
CREATE SCHEMA "Odd Schema";
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN money_amount AS numeric(12, 2);
CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, "order" int,
    "createdAt" timestamptz, m mood);
COMMENT ON TABLE users IS 'People, {{ not jinja }} and {% neither %} "quoted": it''s fine';
COMMENT ON COLUMN users.email IS 'Where they {# are #} written to';
INSERT INTO users SELECT g, g || '@x', g, now() - g * interval '1 hour', 'good'
    FROM generate_series(1, 50) g;
CREATE TABLE "Order Details" ("Order Id" int, "line-no" int, "userId" int REFERENCES users,
    price money_amount, PRIMARY KEY ("Order Id", "line-no"));
INSERT INTO "Order Details" VALUES (1, 1, 1, 2.5), (1, 2, NULL, 3);
CREATE TABLE order_details (id bigint PRIMARY KEY, order_detail_id int);
CREATE TABLE "select" ("from" int, "select" text, "1st" int, "{{ x }}" int, "a""b" int,
    "prénom" text, "名前" text);
INSERT INTO "select" VALUES (1, 's', 1, 2, 3, 'p', 'n');
CREATE TABLE sources (models int, seeds int, ref int, id int);
CREATE TABLE "model" (id uuid PRIMARY KEY, "Id" int, "ID_" int);
CREATE TABLE sales.users (id int PRIMARY KEY, boss int REFERENCES sales.users,
    of_public int REFERENCES public.users);
INSERT INTO sales.users VALUES (1, 1, 1), (2, 1, 2);
CREATE TABLE "Odd Schema"."T" (a int NOT NULL UNIQUE);
CREATE TABLE "名前" (a int);
CREATE TABLE nothing ();
CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
"""
MIGRATION = """
ALTER TABLE users ADD COLUMN phone text;
DROP TABLE sources;
CREATE TABLE extra (id int PRIMARY KEY);
ALTER TABLE "model" ADD COLUMN size int;
"""


STAGING = "models/staging/shop"
SCAFFOLD = (sys.executable, "-m", "entrepot_ops", "scaffold")


@dataclass
class House:
    """The project's files, with a `local/` of the test's own.

    Attributes:
        folder: Where it is.
        lab: The source and the warehouse.
    """

    folder: Path
    lab: Lab

    def call(self, *command: str, **variables: str) -> tuple[int, str]:
        """Run a command of the project there."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={
                **os.environ,
                **{k: v for k, v in self.lab.env.items() if k != "TABLES_FILE"},
                "MELTANO_PROJECT_ROOT": str(self.folder),
                "REPLICA_SCHEMA": "shop",
                "DOMAINS": "replica,shop",
                "INTERNAL_READER": "internal_reader",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def domain(self) -> Path:
        """The domain's folder."""
        return self.folder / "local" / "shop"

    def files(self) -> set[str]:
        """List the files of the domain."""
        found = (path for path in self.domain.rglob("*.*") if path.is_file())
        return {str(path.relative_to(self.domain)) for path in found}

    def scaffold(self, *arguments: str, **variables: str) -> str:
        """Run `ops scaffold`."""
        status, output = self.call(*SCAFFOLD, *arguments, **variables)
        assert status == 0, output
        return output

    def dbt(self, *arguments: str) -> str:
        """Run dbt."""
        dbt = Path(sys.executable).with_name("entrepot-dbt")
        status, output = self.call(str(dbt), *arguments)
        assert status == 0, output
        return output

    def read(self, name: str) -> str:
        """Read a file of the domain."""
        return (self.domain / name).read_text(encoding="utf-8")


@pytest.fixture
def house(empty_lab: Lab, tmp_path: Path) -> House:
    """Give the project's dbt, and a warehouse without a night."""
    folder = tmp_path / "house"
    folder.mkdir()
    left_out = shutil.ignore_patterns("dbt-runner", "target", "logs")
    shutil.copytree(ROOT / "transform", folder / "transform", ignore=left_out)
    return House(folder, empty_lab)


def test_awkward_tables_have_models_that_build_at_once(house: House) -> None:
    """A second run after a migration proposes the difference, and keeps what was edited."""
    with house.lab.source() as source:
        source.execute(AWKWARD)
    house.lab.night(REPLICA_SCHEMA="shop")
    assert "switch it on: shop in DOMAINS" in house.scaffold(DOMAINS="replica")
    built = house.dbt("build", "--exclude-resource-type", "unit_test")
    # Ten tables with a column, each with a model, and two models of the example.
    assert re.search(
        r"Found 12 models, \d+ operations, 14 data tests, 10 sources", built
    )
    assert "WARN=0 ERROR=0 SKIP=0" in built
    with house.lab.warehouse("internal_reader") as reader:
        row = reader.execute(
            "SELECT user_order, m, obj_description('staging.stg_shop__users'::regclass)"
            " FROM staging.stg_shop__users WHERE user_id = 7"
        ).fetchone()
    said = 'People, {{ not jinja }} and {% neither %} "quoted": it\'s fine'
    assert row == (7, "good", said)
    assert house.scaffold() == "local/shop is what the replica's tables ask for\n"

    model, users = f"{STAGING}/stg_shop__model.sql", f"{STAGING}/stg_shop__users.sql"
    (house.domain / users).write_text(f"-- Mine.\n{house.read(users)}")
    (house.domain / model).write_text("select 1 as mine\n")
    with house.lab.source() as source:
        source.execute(MIGRATION)
    house.lab.night(REPLICA_SCHEMA="shop")
    before = house.files()
    proposed = house.scaffold()
    assert house.files() == before
    for line in (
        f"local/shop/{STAGING}/stg_shop__extra.sql: new",
        f"local/shop/{STAGING}/stg_shop__sources.sql: its table has gone",
        f"local/shop/{users}: changed, beside your edits",
        f"local/shop/{model}: yours: change it by hand, nothing is written",
        "+    phone",
        '+    "ID_" as id_2,',
        "nothing is written: `scaffold shop --accept` does it",
    ):
        assert line in proposed, proposed
    house.scaffold("--accept")
    after = house.files()
    assert after - before == {f"{STAGING}/stg_shop__extra.sql"}
    assert before - after == {f"{STAGING}/stg_shop__sources.sql"}
    assert house.read(users).startswith("-- Mine.\n")
    assert "    phone\n" in house.read(users)
    assert house.read(model) == "select 1 as mine\n"
    assert "\n- name: stg_shop__extra" in house.read(f"{STAGING}/_shop__models.yml")
    again = house.scaffold()
    assert again.splitlines()[0].endswith("change it by hand, nothing is written")
    assert "new" not in again.splitlines()[0]


def test_what_cannot_be_scaffolded_is_said(house: House) -> None:
    for arguments, said in (
        ((), "the warehouse has no replica 'shop' yet: run a night first"),
        (("pix",), "pix is a domain of the project"),
        (("My Shop",), "'My Shop' is no name of a domain"),
    ):
        status, output = house.call(*SCAFFOLD, *arguments, DOMAINS="replica")
        assert status == 2, output
        assert said in output
    assert not (house.folder / "local").exists()
