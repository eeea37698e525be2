"""Messages between taps and target: what one side writes the other reads, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot_core.singer.batch import CopyBatch, CopyFile, KeyRange
from entrepot_core.singer.keywords import TABLE_DEFINITION
from entrepot_core.singer.table_definition import (
    Column,
    CompositeType,
    DomainType,
    EnumType,
    Index,
    MultirangeType,
    RangeType,
    TableDefinition,
)
from entrepot_core.singer.validation import MalformedMessage

FILE = CopyFile(Path("/a folder/61.1"), ["id", "é"], 3, "binary")
BATCHES = [
    CopyBatch("a-b", FILE, KeyRange(None, "7"), settled="6"),
    CopyBatch("a-b", FILE, KeyRange("1", "7")),
    CopyBatch("a-b", CopyFile(FILE.path, ["x"], 0, delimiter=";", null="")),
    CopyBatch("a-b", settled="7", last=True),
]
ID = Column(
    name="id",
    type="bigint",
    not_null=True,
    generated=None,
    expression=None,
    comment="é\n'",
    base="int8",
    number=1,
    former=None,
    collation=None,
)
DEFINITION = TableDefinition(
    schema="public",
    table="a-b",
    comment=None,
    columns=[ID],
    primary_key=["id"],
    replication_key="id",
    indexes=[
        Index(
            name="pk",
            definition="CREATE …",
            unique=True,
            constraint="p",
            deferrable=False,
            deferred=False,
            columns=["id", None],
        )
    ],
    extra_indexes={"more": "USING btree (id)"},
    types=[
        EnumType("public.mood", ["sad", "happy"]),
        DomainType("public.positive", "integer", [["c", "CHECK (VALUE > 0)"]]),
        CompositeType("public.pair", [["a", "integer"]]),
        RangeType("public.span", "integer", None, "public.spans"),
        MultirangeType("public.spans"),
    ],
)


def sent(value: Any) -> Any:
    """Give what the other side reads."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_is_read_as_it_was_written(batch: CopyBatch) -> None:
    assert CopyBatch.from_dict(sent(batch.to_dict())) == batch


def test_a_definition_is_read_as_it_was_written() -> None:
    schema = sent({TABLE_DEFINITION: DEFINITION.to_dict()})
    assert TableDefinition.of_schema("s", schema) == DEFINITION
    assert TableDefinition.of_schema("s", {"properties": {}}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": {"format": "pgcopy", "rows": "3"}}, "rows: "),
        ({"encoding": {"format": "pgcopy", "nul": "N"}}, "nul: "),
        ({"encoding": {"format": "pgcopy", "copy_format": "csv"}}, "copy_format: "),
        ({"encoding": None}, "encoding"),
        ({"encoding": ["secret"]}, "BATCH message is malformed"),
        ({"manifest": None}, "manifest is missing"),
        ({"manifest": ["file:///a", "file:///b"]}, "2 files"),
        ({"manifest": ["https://elsewhere/secret"]}, "file:// URL"),
        ({"manifest": [{"secret": 1}]}, "file:// URL"),
    ],
)
def test_a_malformed_batch_says_what_is_wrong(
    change: dict[str, Any], words: str
) -> None:
    message = {**sent(BATCHES[0].to_dict()), **change}
    with pytest.raises(MalformedMessage) as caught:
        CopyBatch.from_dict(message)
    assert "stream a-b" in str(caught.value)
    assert words in str(caught.value) or words == "encoding"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": [{"name": "id"}]}, "columns.0.type: "),
        ({"columns": "id"}, "columns: "),
        ({"replication_key": "nowhere"}, "nowhere: no such column"),
        ({"replication_kee": "id"}, "replication_kee: "),
        ({"types": [{"kind": "e", "type": "x"}]}, "types.0"),
    ],
)
def test_a_malformed_definition_says_what_is_wrong(
    change: dict[str, Any], words: str
) -> None:
    schema = sent({TABLE_DEFINITION: {**DEFINITION.to_dict(), **change}})
    with pytest.raises(MalformedMessage) as caught:
        TableDefinition.of_schema("public-a", schema)
    assert "stream public-a: x-postgres in its schema is malformed" in str(caught.value)
    assert words in str(caught.value)
