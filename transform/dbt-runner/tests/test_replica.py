"""The replica's tables in the catalogue of a project without a model."""

from __future__ import annotations

from entrepot_dbt import replica

ROWS = [
    ("shop", "orders", "r", "What was bought", "id", 1, "integer", "Its number"),
    ("shop", "orders", "r", "What was bought", "{{ x }}", 2, "text", ""),
    ("shop", "known", "r", "", "id", 1, "integer", ""),
]


def test_tables_that_no_source_names_are_shown_with_their_comments() -> None:
    known = {"schema": "shop", "identifier": "known"}
    manifest: dict = {"sources": {"s": known}, "parent_map": {}, "child_map": {}}
    catalog: dict = {"sources": {}}
    replica.add(manifest, catalog, ROWS)
    assert set(manifest["sources"]) == {"s", "source.entrepot.shop.orders"}
    node = manifest["sources"]["source.entrepot.shop.orders"]
    assert node["description"] == "What was bought"
    assert node["columns"]["id"]["description"] == "Its number"
    assert list(catalog["sources"]["source.entrepot.shop.orders"]["columns"]) == [
        "id",
        "{{ x }}",
    ]


def test_a_test_of_a_model_that_is_off_is_not_shown() -> None:
    def test_of(model: str) -> dict:
        return {"resource_type": "test", "depends_on": {"nodes": [model]}}

    nodes = {"m": {"resource_type": "model"}, "a": test_of("m"), "b": test_of("off")}
    nodes["c"] = {"resource_type": "test", "depends_on": {"nodes": []}}
    assert set(replica.without_strays(nodes, [])) == {"m", "a"}
