"""Reading goes one way: staging from sources, enrichment from staging; and nothing is nameless."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from entrepot_core.config import domains
from entrepot_lab.processes import prepared

ROOT = Path(__file__).resolve().parents[2]
MAY_READ = {
    "staging": {"source"},
    "enrichment": {"seed", "staging", "enrichment"},
    "external": {"enrichment"},
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What dbt knows of the project; nothing is connected to."""
    target = tmp_path_factory.mktemp("target")
    command = ["parse", "--target-path", str(target), "--log-path", str(target)]
    prepared.run(
        [*prepared.DBT, *command],
        env={
            **os.environ,
            "TARGET_DATABASE_URL": "postgresql://nobody@127.0.0.1/nothing",
            "MELTANO_PROJECT_ROOT": str(ROOT),
            "DOMAINS": ",".join(domains.KNOWN),
        },
        check=True,
        capture_output=True,
    )
    return json.loads((target / "manifest.json").read_text())


def test_each_layer_reads_the_one_before(manifest: dict) -> None:
    models = {
        key: node for key, node in manifest["nodes"].items() if key.startswith("model.")
    }
    assert len(models) > 10
    for model in models.values():
        layer = model["fqn"][1]
        for parent in model["depends_on"]["nodes"]:
            kind = parent.split(".")[0]
            read = models[parent]["fqn"][1] if kind == "model" else kind
            assert read in MAY_READ[layer], f"{model['name']} ({layer}) reads {parent}"


def test_every_model_and_column_is_described(manifest: dict) -> None:
    for key, node in {**manifest["nodes"], **manifest["sources"]}.items():
        if key.startswith(("model.", "seed.", "source.")):
            assert node["description"], key
            for column in node["columns"].values():
                assert column["description"], f"{key}.{column['name']}"


def test_everything_has_an_owner(manifest: dict) -> None:
    for key, node in {**manifest["nodes"], **manifest["sources"]}.items():
        if key.startswith(("model.", "seed.", "source.")):
            assert node["config"]["meta"]["owner"], key


def test_dashboards_read_enrichment_or_external(manifest: dict) -> None:
    """Each domain of enrichment has a dashboard, and no dashboard reads another layer."""
    shown = set()
    for key, exposure in manifest["exposures"].items():
        assert exposure["description"], key
        assert exposure["owner"]["name"], key
        layers = set()
        for parent in exposure["depends_on"]["nodes"]:
            layer, domain = manifest["nodes"][parent]["fqn"][1:3]
            layers.add(layer)
            shown.add(domain)
        assert layers in ({"enrichment"}, {"external"}), key
    assert shown >= {"pix", "barometre", "ecospheres"}


def test_staging_shows_no_direct_identifier(manifest: dict) -> None:
    personal = {"first_name", "last_name", "email", "password", "value"}
    for key, node in manifest["nodes"].items():
        if key.startswith("model.") and "pix" in node["fqn"]:
            assert not personal & set(node["columns"]), key


def test_a_column_is_external_by_its_name_alone(manifest: dict) -> None:
    """A `select *`, or a name that is personal at the source, would be a way in."""
    personal = {
        _snake(column["name"])
        for node in manifest["sources"].values()
        for column in node["columns"].values()
        if column["config"]["meta"].get("personal")
    }
    assert "first_name" in personal
    personal.add("user_id")
    external = {
        key: node
        for key, node in manifest["nodes"].items()
        if key.startswith("model.") and node["fqn"][1] == "external"
    }
    assert external
    for key, node in external.items():
        assert node["config"]["contract"]["enforced"], key
        assert node["config"]["meta"]["owner"], key
        assert node["config"]["meta"]["rows_of"], key
        assert node["constraints"], f"{key} has no primary key"
        assert not personal & set(node["columns"]), key
        for column in node["columns"].values():
            assert column["description"], f"{key}.{column['name']}"
            assert column["data_type"], f"{key}.{column['name']}"
    for key in _read_by(set(external), manifest):
        sql = re.sub(
            r"--[^\n]*|\{#.*?#\}",
            "",
            manifest["nodes"][key]["raw_code"],
            flags=re.DOTALL,
        )
        stars = re.search(r"select\s+(distinct\s+)?(\w+\.)?\*|,\s*(\w+\.)?\*", sql)
        assert not stars, f"{key} selects *"


def _read_by(models: set[str], manifest: dict) -> set[str]:
    """Give models and all those that they are made of."""
    found, new = set(), models
    while new:
        found |= new
        parents = {
            p for key in new for p in manifest["nodes"][key]["depends_on"]["nodes"]
        }
        new = {key for key in parents if key.startswith("model.")} - found
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_a_test_looks_at_every_view_of_a_table_with_personal_columns(
    manifest: dict,
) -> None:
    personal = {
        key
        for key, source in manifest["sources"].items()
        if any(c["config"]["meta"].get("personal") for c in source["columns"].values())
    }
    assert len(personal) > 10
    views = {
        key
        for key, node in manifest["nodes"].items()
        if key.startswith("model.") and personal & set(node["depends_on"]["nodes"])
    }
    name = "test.entrepot.assert_staging_reads_no_personal_column"
    assert views <= set(manifest["nodes"][name]["depends_on"]["nodes"])


def test_every_table_of_the_source_is_staged(manifest: dict) -> None:
    sources = {key for key in manifest["sources"] if ".pix." in key}
    assert len(sources) == 40
    staged = {
        parent
        for key, node in manifest["nodes"].items()
        if key.startswith("model.")
        for parent in node["depends_on"]["nodes"]
    }
    assert sources <= staged
