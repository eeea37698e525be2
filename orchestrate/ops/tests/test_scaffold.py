"""Names and proposals of `ops scaffold`, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from entrepot_core.base.errors import Refused
from entrepot_core.postgres.identifiers import TableName
from entrepot_ops.scaffold import example, names, staging
from entrepot_ops.scaffold.catalog import Column, Replica, Table
from entrepot_ops.scaffold.proposal import Scaffold


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("createdAt", "created_at"),
        ("HTTPServerID", "http_server_id"),
        ("Œuvres d'été", "oeuvres_d_ete"),
        ("knowledge-elements", "knowledge_elements"),
        ("名前", ""),
        ("a  b", "a_b"),
    ],
)
def test_names_become_snake_case(name: str, expected: str) -> None:
    assert names.snake(name) == expected


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("categories", "category"),
        ("boxes", "box"),
        ("commandes", "commande"),
        ("status", "status"),
        ("address", "address"),
        ("order_lines", "order_line"),
        ("person", "person"),
    ],
)
def test_one_row_has_a_name(plural: str, one: str) -> None:
    assert names.singular(plural) == one


def _table(name: str, *columns: str, schema: str = "shop") -> Table:
    described = [
        Column(each, number, None, False, False, None)
        for number, each in enumerate(columns, start=1)
    ]
    return Table(TableName(schema, name), None, 1, tuple(described))


def test_a_thousand_tables_of_long_names_have_names_of_their_own() -> None:
    tables = [_table(f"{'very_long_' * 5}{n:04}", "a", "A", "a ") for n in range(1000)]
    tables += [_table("T", "id"), _table("t", "id"), _table("T ", "id")]
    tables += [_table("t", "id", schema="shop_other")]
    replica = Replica("shop", tables)
    found = staging.models(replica, "shop", {})
    called = [model.name for model in found]
    assert len(set(called)) == len(tables)
    assert max(map(len, called)) <= names.LONGEST_MODEL
    assert found[1001].name == "stg_shop__t"  # which is called so at the source
    assert list(found[0].columns.values()) == ["a", "a_2", "a_3"]
    assert found[-1].source == "shop__other"

    # A table that comes later takes no other's name.
    known = {staging.written(m.table.name, "shop"): m.source_table for m in found}
    more = Replica("shop", [_table("t_2", "id"), *tables])
    later = staging.models(more, "shop", known)
    assert [model.name for model in later[1:]] == called
    assert later[0].name not in called


def test_without_a_time_the_example_counts_rows() -> None:
    found = staging.models(Replica("shop", [_table("t", "id")]), "shop", {})
    files = example.files("shop", found)
    assert "ref('stg_shop__t')" in files["models/enrichment/shop/shop_row_counts.sql"]
    contract = yaml.safe_load(files["models/external/shop/_shop__models.yml"])
    assert contract["models"][0]["config"] == {"meta": {"rows_of": "everyone"}}
    assert example.files("shop", []) == {}


def _accept(folder: Path, wanted: dict[str, str]) -> dict[str, str]:
    scaffold = Scaffold.read(folder)
    changes = list(scaffold.changes(wanted))
    scaffold.accept(changes, wanted)
    return {change.path: change.what for change in changes}


BASE = "a\nb\nc\nd\ne\n"


def test_what_was_edited_is_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "theirs.sql").write_text("mine")
    paths = ("same", "edited", "meets", "removed", "gone", "gone_edited")
    wanted = {**dict.fromkeys(paths, BASE), "theirs.sql": BASE}
    said = _accept(folder, wanted)
    assert said == {**dict.fromkeys(paths, "new"), "theirs.sql": "by hand"}
    assert (folder / "theirs.sql").read_text() == "mine"
    assert _accept(folder, wanted) == {"theirs.sql": "by hand"}

    (folder / "edited").write_text(BASE.replace("a", "mine"))
    (folder / "meets").write_text(BASE.replace("e", "mine"))
    (folder / "gone_edited").write_text("mine")
    (folder / "removed").unlink()
    after = BASE.replace("e", "new")
    wanted = {"same": after, "edited": after, "meets": after, "removed": after}
    assert _accept(folder, wanted) == {
        "same": "changed",
        "edited": "merged",
        "meets": "by hand",
        "gone": "gone",
        "gone_edited": "by hand",
    }
    assert (folder / "same").read_text() == after
    assert (folder / "edited").read_text() == "mine\nb\nc\nd\nnew\n"
    assert (folder / "meets").read_text() == BASE.replace("e", "mine")
    assert (folder / "gone_edited").read_text() == "mine"
    assert not (folder / "removed").exists() and not (folder / "gone").exists()
    (folder / "meets").write_text(after)  # by hand, as it was proposed
    assert _accept(folder, wanted) == {"gone_edited": "by hand"}


def test_a_damaged_note_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".scaffold.json").write_text("{")
    with pytest.raises(Refused, match="is damaged"):
        Scaffold.read(tmp_path)
