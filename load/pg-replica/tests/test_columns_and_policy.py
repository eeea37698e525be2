"""Columns in a dump's text, and the policy's names."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from entrepot_core.policy import tables
from entrepot_core.policy.columns import rewriter
from entrepot_core.policy.tables import TableRule
from entrepot_core.postgres.identifiers import TableName

SECRET = "a secret of some length"


def pseudonym(value: bytes) -> bytes:
    return hmac.new(SECRET.encode(), value, hashlib.sha256).hexdigest().encode()


@pytest.mark.parametrize(
    ("field", "type_name", "value"),
    [
        (b"plain", "text", b"plain"),
        (b"tab\\there", "text", b"tab\there"),
        (b"line\\nback\\\\slash", "text", b"line\nback\\slash"),
        (b"octal\\101", "text", b"octalA"),
        (b"", "text", b""),
        (b"padded  ", "character(8)", b"padded"),
        (b"t", "boolean", b"true"),
    ],
)
def test_a_field_is_pseudonymised_by_its_value(
    field: bytes, type_name: str, value: bytes
) -> None:
    rule = TableRule(columns={"secret": "pseudonymise", "gone": "exclude"})
    rewrite = rewriter(["id", "secret", "gone"], {"secret": type_name}, rule, SECRET)
    line = b"1\t" + field + b"\tx\n"
    assert list(rewrite(iter([line]))) == [b"1\t" + pseudonym(value) + b"\t\\N\n"]


def test_null_stays_null_and_other_tables_are_untouched() -> None:
    rule = TableRule(columns={"a": "pseudonymise"})
    assert list(
        rewriter(["a"], {"a": "text"}, rule, SECRET)(iter([b"\\N\n\\N\n"]))
    ) == [b"\\N\n\\N\n"]
    assert list(rewriter(["a"], {"a": "text"}, TableRule(), None)(iter([b"x\n"]))) == [
        b"x\n"
    ]


def test_names_are_resolved_and_modes_overridden(tmp_path: Path) -> None:
    file = tmp_path / "tables.yml"
    file.write_text(
        "tables: {answers: {mode: incremental, key: [id]}, pgboss.job: {mode: none}}"
    )
    text, problems = tables.read(file, {"answers": "full", "users": "none"})
    assert problems == []
    columns = {
        TableName("public", "answers"): ["id"],
        TableName("public", "users"): ["id"],
        TableName("pgboss", "job"): ["id"],
    }
    resolved = text.resolve(columns)
    assert resolved.problems == []
    assert resolved.rule(TableName("public", "answers")).mode == "full"
    assert resolved.rule(TableName("public", "answers")).key == ["id"]
    assert resolved.kept_out == {
        TableName("pgboss", "job"): "none",
        TableName("public", "users"): "none",
    }


def test_a_partition_follows_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "tables.yml"
    file.write_text("tables: {job: {mode: none, columns: {data: exclude}}}")
    text, _ = tables.read(file, {})
    parent, child, grandchild = (
        TableName("public", name) for name in ("job", "job_1", "job_1_1")
    )
    resolved = text.resolve({parent: ["data"], child: ["data"], grandchild: ["data"]})
    resolved.inherit({child: parent, grandchild: child})
    assert resolved.rule(grandchild).mode == "none"
    assert resolved.rule(grandchild).columns == {"data": "exclude"}
