"""Domains of an owner's own: folders of `local/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot_core.base.errors import Refused
from entrepot_core.base.redaction import Redactor
from entrepot_core.command import secrets
from entrepot_core.config import domains, second_source, sources
from entrepot_core.policy import tables
from entrepot_core.postgres.identifiers import TableName
from entrepot_core.warehouse.schemas import Naming
from entrepot_ops.meltano import plan, project
from entrepot_ops.nights import inputs

ROOT = Path(__file__).parents[2]
WEATHER = """
plugins:
  extractors:
    - name: tap-weather
      load_schema: raw_weather
jobs:
  - name: weather
    tasks: [tap-weather target-postgres--overwrite]
    annotations:
      entrepot:
        domain:
          sentence: stations and what they measure
          variables: {WEATHER_URL: web_address, WEATHER_PHRASE: secret}
"""
CRM = """
plugins:
  utilities:
    - name: pg-replica--crm
      inherit_from: pg-replica
      env: {SOURCE_DOMAIN: crm}
jobs:
  - name: crm
    tasks:
      - pg-replica--crm:run
      - tap-postgres--crm target-postgres--crm
      - dbt:build
      - pg-replica--crm:drop-previous
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as it is shipped, with two domains of an owner's own and models of a third."""
    for name in (
        "meltano.yml",
        "contents",
        "extract",
        "load",
        "orchestrate",
        "transform",
    ):
        (tmp_path / name).symlink_to(ROOT / name)
    _write(tmp_path, "weather/weather.meltano.yml", WEATHER)
    _write(tmp_path, "crm/crm.meltano.yml", CRM)
    _write(tmp_path, "shop/models/staging/shop/stg_shop__orders.sql", "select 1")
    _write(tmp_path, ".git/config", "")
    _write(tmp_path, "README.md", "")
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    monkeypatch.delenv("DOMAINS", raising=False)
    return tmp_path


def _write(root: Path, name: str, text: str) -> None:
    file = root / "local" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_folder_is_a_domain_with_its_switch(house: Path) -> None:
    own = {n: d for n, d in domains.everything().items() if d.folder}
    assert list(own) == ["crm", "shop", "weather"]
    assert own["weather"].sentence == "stations and what they measure"
    assert own["weather"].raw_schemas == ["raw_weather"]
    assert own["weather"].dbt_sources == ["weather", "weather__*"]
    assert not own["weather"].replicated
    assert own["shop"].replicated  # it has models and no step: they read the replica
    assert domains.fed_by("full-replication") == ("pix", "shop", "shop__*")
    assert own["crm"].is_database
    assert domains.enabled({"DOMAINS": "weather,crm"}) == {"weather", "crm"}
    with pytest.raises(Refused, match="Did you mean 'weather'"):
        domains.enabled({"DOMAINS": "wether"})
    assert any("raw_weather" in p for p in Naming("pix").problems(["raw_weather"]))


def test_variables_of_a_domain_that_is_on_are_asked_for_and_hidden(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources.problems({"DOMAINS": "replica"}) == []
    assert sources.problems({"DOMAINS": "weather,crm", "WEATHER_URL": "here"}) == [
        "CRM_SOURCE_DATABASE_URL is missing: see local/crm",
        "WEATHER_URL is no address: write it as https://lcms.example.org/api",
        "WEATHER_PHRASE is missing: see local/weather",
    ]
    redactor = Redactor()
    monkeypatch.setattr(secrets, "redact", redactor)
    secrets.hide_environment({"WEATHER_PHRASE": "open sesame 7"})
    assert "sesame" not in redactor("it said open sesame 7")


def test_its_steps_are_steps_of_the_night(house: Path) -> None:
    files = project.read(house)
    shipped = [s.name for s in plan.steps_of(files, frozenset({"replica"}))]
    assert not [name for name in shipped if "crm" in name or "weather" in name]
    on = frozenset({"replica", "weather", "crm"})
    steps = {step.name: step for step in plan.steps_of(files, on)}
    order = list(steps)
    build = order.index("dbt:build")
    assert order.index("weather") < build and order.index("pg-replica--crm:run") < build
    assert steps["weather"].task == "tap-weather target-postgres--overwrite"
    assert steps["weather"].is_source and steps["weather"].feeds == (
        "weather",
        "weather__*",
    )
    last = steps["pg-replica--crm:drop-previous"]
    assert last.needs == (
        "pg-replica--crm:run",
        "tap-postgres--crm target-postgres--crm",
        "dbt:build",
    )
    assert order[-1] == last.name
    alone = plan.steps_of(files, frozenset({"weather"}))
    assert [s.name for s in alone] == ["weather", "dbt:build", *order[build + 1 : -1]][
        : len(alone)
    ]


def test_another_value_or_file_is_another_input(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = frozenset({"replica", "weather", "crm"})
    step = plan.steps_of(project.read(house), on)[0]
    seen = {inputs.digest(step, house)}
    monkeypatch.setenv("WEATHER_URL", "https://one.example.org")
    seen.add(inputs.digest(step, house))
    monkeypatch.setenv("CRM_BACKUP_MODE", "{}")
    seen.add(inputs.digest(step, house))
    _write(house, "crm/tables.yml", "tables: {}")
    seen.add(inputs.digest(step, house))
    assert len(seen) == 4


def test_a_second_source_has_settings_of_its_own() -> None:
    variables = {
        "SOURCE_DOMAIN": "crm",
        "SOURCE_DATABASE_URL": "first",
        "CRM_SOURCE_DATABASE_URL": "second",
        "BACKUP_MODE": '{"answers":"incremental"}',
        "BUILD_ROLE": "build",
        "NETWORK_TIMEOUT": "60",
        "INTERNAL_READER": "reader",
        "CRM_INTERNAL_READER": "sales",
    }
    second_source.take_up(variables)
    assert variables["SOURCE_DATABASE_URL"] == "second"
    assert variables["REPLICA_SCHEMA"] == "crm"
    assert variables["NETWORK_TIMEOUT"] == "60"
    assert variables["INTERNAL_READER"] == "sales"
    assert not variables.keys() & {"BACKUP_MODE", "BUILD_ROLE"}
    first = {"SOURCE_DATABASE_URL": "first", "CRM_SOURCE_DATABASE_URL": "second"}
    second_source.take_up(first)
    assert first["SOURCE_DATABASE_URL"] == "first"


def test_each_source_has_its_policy(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(house, "tables.yml", "tables: {users: {mode: none}}")
    _write(house, "shop/tables.yml", "tables: {orders: {mode: none}}")
    monkeypatch.setenv("DOMAINS", "replica,shop,crm")
    first, problems = tables.read(tables.default_file(), {})
    assert not problems and set(first.entries) == {"users", "orders"}
    monkeypatch.setenv("SOURCE_DOMAIN", "crm")
    second, problems = tables.read(tables.default_file(), {})
    assert not problems and not second.entries  # it needs no file
    _write(house, "crm/tables.yml", "tables: {people: {mode: none}}")
    second, problems = tables.read(tables.default_file(), {})
    assert set(second.entries) == {"people"}
    rules = second.resolve({TableName("public", "people"): ["id"]}).rules
    assert rules[TableName("public", "people")].mode == "none"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("My Stuff/a.meltano.yml", "jobs: []", "local/My Stuff: a domain's folder"),
        ("a/a.meltano.yml", "jobs: [", "local/a/a.meltano.yml is not YAML"),
        ("a/a.meltano.yml", "[]", "local/a/a.meltano.yml: should be a mapping"),
        (
            "a/a.meltano.yml",
            "plugins: 3",
            "a.meltano.yml: plugins: should be a mapping",
        ),
        ("a/a.meltano.yml", "jobs: [{tasks: []}]", "a.meltano.yml: a job has no name"),
        (
            "a/a.meltano.yml",
            "jobs: [{name: a, tasks: [3]}]",
            "should be a list of texts",
        ),
        ("a/a.meltano.yml", "jobs: [a]", "jobs should be a list of mappings"),
        ("pix/a.meltano.yml", "jobs: []", "pix is a domain of the project"),
    ],
)
def test_what_makes_no_sense_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, said: str
) -> None:
    _write(tmp_path, name, text)
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    with pytest.raises(Refused) as refusal:
        domains.enabled({})
    assert any(said in problem for problem in refusal.value.problems)


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ("{sentense: x}", "'sentense' is none of"),
        ("{sentence: 3}", "sentence is not of its type"),
        ("[]", "job a, domain: should be a mapping"),
        ("{variables: {a url: text}}", "write it as A_URL"),
        ("{variables: {A_URL: adress}}", "is of type 'adress'"),
    ],
)
def test_what_a_job_says_of_its_domain_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domain: str, said: str
) -> None:
    job = f"{{name: a, tasks: [x y], annotations: {{entrepot: {{domain: {domain}}}}}}}"
    _write(tmp_path, "a/a.meltano.yml", f"jobs: [{job}]")
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    with pytest.raises(Refused) as refusal:
        domains.enabled({})
    assert any(said in problem for problem in refusal.value.problems)
