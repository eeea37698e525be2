"""Only what is named is published, and it cannot break out of the page."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from entrepot_dbt.catalogue import page, public_catalog, public_manifest
from entrepot_dbt.figures import stats

SECRET = "s3cret"
TEMPLATE = (
    '<html><head></head><script>n={manifest:"MANIFEST.JSON INLINE DATA",'
    'catalog:"CATALOG.JSON INLINE DATA"}</script></html>'
)


def node(kind: str, name: str, **more: object) -> dict:
    return {
        "unique_id": f"{kind}.p.{name}",
        "resource_type": kind,
        "name": name,
        "package_name": "p",
        "database": SECRET,
        "description": "</script><!-- <b>",
        "raw_code": "select 1",
        "compiled_code": SECRET,
        "root_path": SECRET,
        "relation_name": SECRET,
        "config": {
            "materialized": "view",
            "grants": {"select": [SECRET]},
            "post-hook": [SECRET],
        },
        "columns": {"a": {"name": "a", "description": "A column", "extra": SECRET}},
        "depends_on": {"nodes": ["operation.p.hook"], "macros": [SECRET]},
        **more,
    }


@pytest.fixture
def manifest() -> dict:
    nodes = [node("model", "m"), node("operation", "hook", raw_code=SECRET)]
    return {
        "metadata": {
            "project_name": "p",
            "adapter_type": "postgres",
            "env": {"A": SECRET},
            "invocation_id": SECRET,
            "user_id": SECRET,
            "send_anonymous_usage_stats": True,
        },
        "nodes": {each["unique_id"]: each for each in nodes},
        "sources": {"source.p.s": node("source", "s")},
        "exposures": {},
        "macros": {"macro.p.x": {"macro_sql": SECRET}},
        "docs": {
            "doc.p.d": {"name": "d", "package_name": "p", "block_contents": "Text"},
            "doc.dbt.d": {"name": "d", "package_name": "dbt", "block_contents": SECRET},
        },
        "parent_map": {
            "model.p.m": ["source.p.s", "operation.p.hook"],
            "operation.p.hook": [],
        },
        "child_map": {"source.p.s": ["model.p.m"]},
        "of_a_later_version": SECRET,
    }


CATALOG = {
    "metadata": {"generated_at": "2024-02-29T00:00:00Z", "env": {"A": SECRET}},
    "nodes": {
        "model.p.m": {
            "unique_id": "model.p.m",
            "metadata": {
                "type": "VIEW",
                "schema": "staging",
                "name": "m",
                "database": SECRET,
                "owner": SECRET,
                "comment": None,
            },
            "columns": {
                "a": {"type": "integer", "index": 1, "name": "a", "comment": "A column"}
            },
            "stats": {"x": {"value": SECRET}},
        }
    },
    "sources": {},
}


def test_only_what_is_named_is_published(manifest: dict) -> None:
    shown, tables = public_manifest(manifest), public_catalog(CATALOG)
    assert SECRET not in json.dumps([shown, tables])
    assert set(shown["nodes"]) == {"model.p.m"}
    assert shown["nodes"]["model.p.m"]["raw_code"] == "select 1"
    assert shown["nodes"]["model.p.m"]["columns"]["a"]["description"] == "A column"
    assert shown["parent_map"] == {"model.p.m": ["source.p.s"]}
    assert set(shown["docs"]) == {"doc.p.d"}
    assert shown["metadata"]["send_anonymous_usage_stats"] is False
    assert tables["nodes"]["model.p.m"]["columns"]["a"]["type"] == "integer"


def test_no_description_ends_the_script(manifest: dict) -> None:
    html = page(TEMPLATE, public_manifest(manifest), public_catalog(CATALOG))
    assert html.count("</script>") == 1
    assert "<!--" not in html
    assert "Content-Security-Policy" in html[: html.index("<script>")]


def test_a_page_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the catalog"):
        page(TEMPLATE.replace("CATALOG", "TABLES"), {}, {})


def test_a_french_title_can_be_searched_for(manifest: dict) -> None:
    model = manifest["nodes"]["model.p.m"]
    before = public_manifest(manifest)["nodes"]["model.p.m"]["description"]
    model["config"]["meta"] = {"fr": "Réponses par jour"}
    shown = public_manifest(manifest)["nodes"]["model.p.m"]["description"]
    assert shown == f"*Réponses par jour*\n\n{before}"


def test_a_table_s_page_has_its_figures() -> None:
    day = datetime(2026, 3, 1, 4, 30, tzinfo=timezone.utc)
    figures = {("s", "t"): stats(day, 1234, day, 5, 1, 2)}
    table = {
        "unique_id": "model.p.t",
        "metadata": {"type": "VIEW", "schema": "s", "name": "t"},
        "columns": {},
    }
    catalog = {"metadata": {}, "nodes": {"a": table}, "sources": {}}
    shown = public_catalog(catalog, figures)["nodes"]["a"]["stats"]
    assert {key: each["value"] for key, each in shown.items()} == {
        "made": "2026-03-01 04:30 UTC",
        "rows": "1,234",
        "tests": "5 on 2026-03-01 04:30 UTC: 2 failed, 1 warned",
        "has_stats": True,
    }
    assert not public_catalog(catalog)["nodes"]["a"]["stats"]["has_stats"]["value"]
    assert stats(None, None, None, None, None, None) == {}
