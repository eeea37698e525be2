"""The detector of personal columns, without a server."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from pg_replica.personal.judge import judge
from pg_replica.personal.model import ColumnFacts, TableFacts

LABELS = Path(__file__).resolve().parents[3] / "benchmarks" / "propose" / "labels"


def kind(table: str, column: str, type_name: str = "text", *values: str) -> str | None:
    """Say what a column of a table by itself is taken for."""
    samples = {column: list(values)} if values else {}
    facts = ColumnFacts(column, type_name)
    verdict = judge(TableFacts(table, [facts], samples)).get(column)
    return verdict.kind if verdict and verdict.is_proposed else None


@pytest.mark.parametrize(
    ("table", "column", "type_name", "wanted"),
    [
        ("x", "dob", "date", "birth"),
        ("x", "usr_eml", "text", "email"),
        ("x", "emailaddress", "text", "email"),
        ("x", "EMAIL_ADDRESS", "public.citext", "email"),
        ("x", "cliTelPortable", "text", "phone"),
        ("x", "nir", "character(15)", "national_id"),
        ("x", "numéro_téléphone", "text", "phone"),
        ("x", "kundenname", "text", "name"),
        ("x", "mot de passe", "text", "credential"),
        ("x", "codigo_postal", "text", "zip"),
        ("x", "created_by", "text", "full_name"),
        ("patients", "name", "text", "name"),
        ("products", "name", "text", None),
        ("companies", "phone", "text", None),
        ("companies", "contact_phone", "text", "phone"),
        ("user_roles", "name", "text", None),
        ("stores", "address", "text", None),
        ("orders", "ship_address", "text", "address"),
        ("users", "email_verified", "boolean", None),
        ("users", "email_verified_at", "timestamp with time zone", None),
        ("users", "phone_id", "bigint", None),
        ("users", "last_login", "timestamp with time zone", None),
        ("users", "id", "bigint", None),
        ("products", "description", "text", None),
        ("messages", "body", "text", "free_text_content"),
        ("films", "genre", "text", None),
        ("stations", "latitude", "double precision", None),
        ("gps_tracks", "latitude", "double precision", "position"),
    ],
)
def test_names(table: str, column: str, type_name: str, wanted: str | None) -> None:
    assert kind(table, column, type_name) == wanted


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([f"a{n}@example.org" for n in range(20)], "email"),
        ([f"+33 6 12 34 56 {n:02}" for n in range(20)], "phone"),
        (["FR7630006000011234567890189"] * 20, "bank"),
        ([f"192.168.0.{n}" for n in range(20)], "network"),
        ([f"$2b$12${n:030}" for n in range(20)], "credential"),
        (["4111 1111 1111 1111"] * 20, "card"),
        ([f"Marie Zebulon{chr(97 + n)}" for n in range(20)], "full_name"),
        ([f"{n} rue de la Paix" for n in range(1, 20)], "address"),
        ([f"{n}" for n in range(100_000, 100_020)], None),
        ([f"Lamp {n}" for n in range(20)], None),
        (["open", "closed"] * 20, None),
        ([f"2024-01-{n:02}" for n in range(1, 20)], None),
    ],
)
def test_values_of_a_column_whose_name_says_nothing(
    values: list[str], wanted: str | None
) -> None:
    assert kind("t17", "c4", "text", *values) == wanted


def test_json_is_known_by_its_keys() -> None:
    personal = '{"order": {"customer": {"lastName": "Zebulon"'  # cut, as a sample is
    assert kind("t17", "c4", "jsonb", *[personal] * 10) == "payload"
    assert kind("t17", "c4", "jsonb", *['{"retries": 3}'] * 10) is None
    assert kind("t17", "payload", "jsonb", *['{"retries": 3}'] * 10) is None


def test_a_comment_and_the_name_of_a_type_tell() -> None:
    said = judge(
        TableFacts(
            "t17",
            [
                ColumnFacts("c1", "text", "Numéro de téléphone du demandeur"),
                ColumnFacts("c2", "text", "", "email_address"),
                ColumnFacts("c3", "text", "how many lamps"),
            ],
        )
    )
    assert {name for name, each in said.items() if each.is_proposed} == {"c1", "c2"}


def test_no_value_is_in_a_reason() -> None:
    columns = [ColumnFacts("c1", "text"), ColumnFacts("c2", "jsonb")]
    samples: dict[str, list[str | None]] = {
        "c1": [f"zebulon{n}@example.org" for n in range(20)],
        "c2": ['{"email": "zebulon", "zebulon": 1}'] * 20,
    }
    assert "zebulon" not in repr(judge(TableFacts("t17", columns, samples)))


def test_labelled_schemas_by_names_alone() -> None:
    tables: dict[tuple[str, str], list[tuple[ColumnFacts, bool]]] = defaultdict(list)
    for file in LABELS.glob("*.csv"):
        with file.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                facts = ColumnFacts(row["column"], row["type"])
                label = (facts, row["personal"] == "yes")
                tables[file.stem, row["table"]].append(label)
    hits = personal = proposed = 0
    for (_, table), columns in tables.items():
        said = judge(TableFacts(table, [facts for facts, _ in columns]))
        for facts, is_personal in columns:
            verdict = said.get(facts.name)
            found = verdict is not None and verdict.is_proposed
            personal += is_personal
            proposed += found
            hits += found and is_personal
    assert personal > 300
    assert hits / personal >= 0.95
    assert hits / proposed >= 0.7
