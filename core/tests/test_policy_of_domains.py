"""The table policy: the operator's own file, and the parts of the domains that are on."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from entrepot_core.policy import tables
from entrepot_core.postgres.identifiers import TableName

ROOT = Path(__file__).resolve().parents[2]
PIX = ROOT / "contents" / "pix" / "tables.yml"
WRITTEN = yaml.safe_load(PIX.read_text())


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose contents are ours, and whose `extract/tables.yml` is the operator's."""
    (tmp_path / "contents").symlink_to(ROOT / "contents")
    (tmp_path / "extract").mkdir()
    monkeypatch.setattr(tables, "project_root", lambda: tmp_path)
    file = tmp_path / "extract" / "tables.yml"
    file.write_text("tables: {}\n")
    return file


def _public(*names: str) -> dict[TableName, list[str] | None]:
    return {TableName("public", name): None for name in names}


def test_pix_with_one_word_has_what_it_had(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `extract/tables.yml` held for everybody before."""
    monkeypatch.setenv("DOMAINS", "pix")
    text, problems = tables.read(own, {"answers": "incremental"})
    assert problems == []
    assert text.former_names == {"schooling-registrations": "organization-learners"}
    resolved = text.resolve(_public(*WRITTEN["tables"]))
    assert resolved.problems == []
    answers = resolved.rule(TableName("public", "answers"))
    assert answers.mode == "incremental"
    assert answers.indexes == {
        "answers_challengeId_idx": '("challengeId")',
        "answers_createdAt_idx": 'USING brin ("createdAt" timestamptz_minmax_multi_ops)',
    }
    assert {str(table) for table in resolved.rules} == {
        "answers",
        "knowledge-elements",
        "knowledge-element-snapshots",
        "users",
    }


def test_what_the_operator_says_of_a_table_replaces_it(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOMAINS", "pix")
    own.write_text(
        "tables: {users: {columns: {email: exclude}}, extra: {mode: none}}\n"
        "former_names: {old: extra}\n"
    )
    text, problems = tables.read(own, {})
    assert problems == []
    assert text.entries["users"].indexes == {}
    assert text.entries["answers"].indexes
    assert set(text.former_names) == {"schooling-registrations", "old"}
    said = text.resolve(_public("nothing")).problems
    assert [each for each in said if each.startswith(f"{own}: ")] != []
    assert any(
        "contents/pix/tables.yml: there is no table 'answers'" in p for p in said
    )


@pytest.mark.parametrize("on", [None, "", "replica", "cpf,barometre"])
def test_a_stranger_has_nothing_of_pix(
    own: Path, monkeypatch: pytest.MonkeyPatch, on: str | None
) -> None:
    monkeypatch.delenv("DOMAINS", raising=False)
    if on is not None:
        monkeypatch.setenv("DOMAINS", on)
    text, problems = tables.read(own, {})
    assert (problems, text.entries, text.former_names) == ([], {}, {})


def test_another_file_is_the_whole_policy(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOMAINS", "pix")
    other = tmp_path / "mine.yml"
    other.write_text("tables: {}\n")
    text, _ = tables.read(other, {})
    assert text.entries == {}


def test_the_word_that_an_old_env_lacks_is_named(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _public(*WRITTEN["tables"], "something-else")
    monkeypatch.delenv("DOMAINS", raising=False)
    hint = tables.domain_to_switch_on(source)
    assert hint is not None and "write DOMAINS=pix into .env" in hint
    assert tables.domain_to_switch_on(_public("users", "orders")) is None
    monkeypatch.setenv("DOMAINS", "replica")
    assert tables.domain_to_switch_on(source) is None
