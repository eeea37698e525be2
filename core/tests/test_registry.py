"""Domains and variables: declared once, and everything that is made from them is fresh."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from entrepot_core.base.redaction import Redactor
from entrepot_core.command import secrets
from entrepot_core.config import domains, generate, sources, types
from entrepot_core.config.variables import ALL, all_variables, read_by
from entrepot_core.warehouse.schemas import reserved
from entrepot_ops.meltano import plan, project

ROOT = Path(__file__).resolve().parents[2]
JOBS = yaml.safe_load((ROOT / "orchestrate/jobs.meltano.yml").read_text())["jobs"]
NIGHTLY = next(job for job in JOBS if job["name"] == "nightly")
STEPS = NIGHTLY["annotations"]["entrepot"]["steps"]
VARIABLES = {each.name: each for each in all_variables()}
PARTS = {
    "pg_replica": "pg-replica",
    "entrepot_ops": "ops",
    "entrepot_core": "ops",
    "entrepot_metabase_backup": "ops",
}


def test_what_is_made_from_the_registries_is_fresh() -> None:
    assert generate.stale(ROOT) == [], "run: python -m entrepot_core.config.generate"


def test_a_stale_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name, write in generate.FILES.items():
        (tmp_path / name).write_text(write())
    assert generate.stale(tmp_path) == []
    (tmp_path / ".env.example").write_text("# by hand\n")
    assert generate.stale(tmp_path) == [".env.example"]


def _settings() -> list[tuple[str, type[BaseSettings]]]:
    """Find every settings class of every package."""
    found = []
    for package, part in PARTS.items():
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                found += [
                    (part, each)
                    for each in vars(importlib.import_module(module.name)).values()
                    if isinstance(each, type)
                    and issubclass(each, BaseSettings)
                    and each.__module__ == module.name
                ]
    return found


@pytest.mark.parametrize(("part", "model"), _settings(), ids=str)
def test_every_field_is_declared_with_its_default(
    part: str, model: type[BaseSettings]
) -> None:
    for field in model.model_fields.values():
        name = field.validation_alias
        assert isinstance(name, str)
        variable = VARIABLES[name]
        assert part in variable.read_by or ALL in variable.read_by, name
        default = field.default
        if default is PydanticUndefined:  # required, or made of the project's folder
            continue
        if default in (None, []):
            assert "required" in variable.presence or variable.default
        else:
            shown = str(default).lower() if isinstance(default, bool) else str(default)
            assert variable.default in (shown, shown.removesuffix(".0")), name


def test_every_variable_is_read_by_a_part() -> None:
    known = {
        ALL,
        "Meltano",
        "dbt",
        "map-transform",
        "target-postgres",
        "pg-replica",
    } | {
        "ops",
        *(f"tap-{name}" for name in ("postgres", "csv", "dcat", "lcms", "rest")),
    }
    for each in all_variables():
        assert each.read_by, each.name
        assert set(each.read_by) <= known, each.name
    assert {"TARGET_DATABASE_URL", "DOMAINS"} <= set(read_by("target-postgres"))


def test_what_is_called_secret_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Redactor()
    monkeypatch.setattr(secrets, "redact", redactor)
    values = {
        each.name: {
            "value": f"quite-private-{number}",
            "url": f"postgresql://app:quite-private-{number}@db.example.org/x",
            "hook": f"https://h.example.org/quite-private-{number}",
            "receivers": f'[{{"url":"https://h.example.org/quite-private-{number}"}}]',
            "": f"public-{number}",
        }[each.secret]
        for number, each in enumerate(all_variables())
    }
    values["TAP_OF_SOMEBODY_TOKEN"] = "quite-private-token"
    values["DUMP_PATH"] = "https://x:quite-private-path@files.example.org/a.dump"
    values["SOURCE_DATABASE_URL"] = "host=db password=quite-private-words dbname=x"
    secrets.hide_environment(values)
    for name, value in values.items():
        shown = redactor(value)
        assert "quite-private" not in shown, name
        assert ("public-" in value) == (shown == value), name
    for each in all_variables():
        if re.search("SECRET|TOKEN|PASSWORD|SECRET_KEY|API_KEY|DSN", each.name):
            assert each.secret, each.name


def test_what_other_data_comes_from_is_redone() -> None:
    redone = {each.name for each in all_variables() if each.redo}
    assert {"PSEUDONYM_SECRET", "SCALINGO_APP", "S3_ENDPOINT_URL", "DOMAINS"} <= redone
    assert not {"NOTIFICATIONS", "LOG_FORMAT", "SECRET_KEY"} & redone


@pytest.mark.parametrize("name", domains.ALL)
def test_a_domain_says_what_is_true(name: str) -> None:
    domain = domains.ALL[name]
    assert domain.sentence
    assert set(domain.variables) <= set(VARIABLES)
    assert set(domain.variables.values()) <= set(types.CHECKS)
    assert set(domain.raw_schemas) <= reserved()
    steps = {step.name for step in plan.steps_of(project.read(ROOT), frozenset({name}))}
    assert {*domain.steps, *domain.checks} <= steps
    assert not domain.content or (ROOT / "contents" / domain.content).is_dir()
    for source in domain.dbt_sources:
        (file,) = (ROOT / "transform/models/staging").rglob(f"_{source}__sources.yml")
        schema = yaml.safe_load(file.read_text())["sources"][0]["schema"]
        assert domain.replicated or schema in domain.raw_schemas


def test_what_the_registry_says_of_steps_is_said_nowhere_else() -> None:
    assert not [each for each in STEPS.values() if each.keys() & {"domains", "feeds"}]
    assert domains.fed_by("full-replication") == ("pix",)
    assert domains.fed_by("pg-replica:audit") == domains.fed_by("dbt:build") == ()
    assert domains.of_step("pg-replica:audit") == ["replica", "pix"]
    assert domains.of_step("dbt:build") == []


def test_no_default_is_any_organisation() -> None:
    assert domains.enabled({}) == {"replica"}
    assert not domains.ALL["replica"].content
    shipped = yaml.safe_load((ROOT / "extract/tables.yml").read_text())
    assert not any(shipped.values())


@pytest.mark.parametrize(
    ("kind", "good", "wrong"),
    [
        ("postgres_url", "postgresql://a:b@h/d", "postgresql://a:b%@h/d"),
        ("postgres_url", "host=h dbname=d", "postgresql://h"),
        ("time_zone", "Europe/Paris", "Europe/Nowhere"),
        ("duration", "6h30m", "soon"),
        ("web_address", "https://lcms.example.org/api", "lcms.example.org"),
        ("header", "abc", "abc\n"),
        ("place", "s3://bucket/prefix", "ftp://host/file"),
    ],
)
def test_types_take_what_is_right_and_say_what_is_wrong(
    kind: str, good: str, wrong: str
) -> None:
    types.CHECKS[kind](good)
    with pytest.raises(ValueError, match=r"\w"):
        types.CHECKS[kind](wrong)


def test_only_domains_that_are_on_must_be_complete() -> None:
    assert sources.problems({"DOMAINS": "replica"}) == []
    assert len(sources.problems({"DOMAINS": "lcms,ecospheres"})) == 3
    assert sources.problems({"DOMAINS": "barometre,cpf"}) == [
        "BAROMETRE_FILES is missing: see .env.example",
        "PSEUDONYM_SECRET is missing: see .env.example",
        "CPF_CATALOGUE_URL is missing: see .env.example",
    ]
    given = {"LCMS_API_URL": "https://x.example.org", "LCMS_API_KEY": "k"}
    assert sources.problems({"DOMAINS": "lcms", **given}) == []
