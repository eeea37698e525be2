"""A test that fails is told with the keys of the rows that it found, and nothing else of them."""

from __future__ import annotations

import json

from entrepot_lab.meltano.nights import Project

_TEST = "test.entrepot.scores_in_bounds.abc"
_MODEL = "model.entrepot.results"
_COLUMNS = ("id", "contact_email")


def test_a_failed_test_has_a_card(project: Project) -> None:
    project.rows("CREATE TABLE public.results (id int, contact_email text, score int)")
    project.rows("INSERT INTO results VALUES (1, 'a@b.fr', 5), (7, 'c@d.fr', 5000)")
    relation = '"public"."results"'
    keys = {
        f"test.entrepot.unique_{column}": {
            "column_name": column,
            "test_metadata": {"name": "unique", "kwargs": {"column_name": column}},
        }
        for column in _COLUMNS
    }
    manifest = {
        "nodes": {
            **keys,
            _MODEL: {"relation_name": relation, "meta": {"owner": "the data team"}},
            _TEST: {
                "attached_node": _MODEL,
                "description": "A score is at most 1024",
                "compiled_code": f"select * from {relation} where score > 1024",
            },
        },
        "exposures": {"exposure.entrepot.board": {"name": "board", "label": "Scores"}},
        "child_map": {_MODEL: [_TEST, "exposure.entrepot.board", *keys]},
    }
    folder = project.root / ".entrepot/dbt/target"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    project.dbt_says((_TEST, "fail", "Got 1 result, configured to fail if != 0"))
    assert project.ops("nightly")[0] == 4
    page = project.ops("report", "-o", "-")[1]
    for words in ("A score is at most 1024", "the data team", "Scores", "<td>7</td>"):
        assert words in page
    assert "c@d.fr" not in page
    assert "contact_email" not in project.rows("TABLE entrepot_ops.test_failures")[0][6]
