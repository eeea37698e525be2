"""Names are read as pg_dump writes them, and no spelling of a secret gets through."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote as percent

import pytest

from entrepot_core.base.redaction import Redactor
from entrepot_core.base.suggest import nearest
from entrepot_core.postgres.identifiers import TableName, parse_qualified, quote


@pytest.mark.parametrize(
    ("text", "schema", "name"),
    [
        ("public.users", "public", "users"),
        ('public."knowledge-elements"', "public", "knowledge-elements"),
        ('"a.b"."say ""hi"""', "a.b", 'say "hi"'),
        ("pgboss.été", "pgboss", "été"),
    ],
)
def test_qualified_names(text: str, schema: str, name: str) -> None:
    assert parse_qualified(text) == TableName(schema, name)


@pytest.mark.parametrize("text", ["users", 'a."b', "a.b.c", ""])
def test_what_is_not_a_qualified_name(text: str) -> None:
    with pytest.raises(ValueError, match="not a qualified name"):
        parse_qualified(text)


def test_quoting_and_spelling() -> None:
    assert quote('a"b') == '"a""b"'
    assert str(TableName("public", "users")) == "users"
    assert str(TableName("pgboss", "job")) == "pgboss.job"
    assert TableName("p", 'q"r').sql == '"p"."q""r"'


def test_the_nearest_name_is_suggested_only_if_near() -> None:
    assert nearest("anwsers", ["answers", "users"]) == " Did you mean 'answers'?"
    assert nearest("xyz", ["answers", "users"]) == ""


@pytest.mark.parametrize(
    "spell",
    [
        lambda s: s,
        lambda s: percent(s, safe=""),
        lambda s: json.dumps(s)[1:-1],
        lambda s: repr(s)[1:-1],
        lambda s: s.replace("'", "''"),
        lambda s: base64.b64encode(s.encode()).decode(),
    ],
)
def test_every_spelling_of_a_secret_is_masked(spell) -> None:
    secret = "p@ss:/%'w\"d\\\n"
    redactor = Redactor()
    redactor.hide(secret)
    assert redactor(f"before {spell(secret)} after") == "before *** after"


@pytest.mark.parametrize("secret", ["secret", "app", "own", "postgres", "a1b2"])
def test_a_word_is_masked_as_a_value_and_not_as_a_word(secret: str) -> None:
    """A password like a table's name must not take the name out of every message."""
    redactor = Redactor()
    redactor.hide(secret)
    for name in (
        secret,
        f"{secret}s",
        f"the owner of {secret}_table",
        f'"{secret}"',
    ):
        assert redactor(f"table {name} is not there") == f"table {name} is not there"
    for before, after in (
        ("postgresql://me:", "@db/shop"),
        ("password=", " host=db"),
        ("PGPASSWORD='", "'"),
        ("CREATE ROLE a PASSWORD '", "'"),
        ('{"token": "', '"}'),
        ("Authorization: Bearer ", ""),
    ):
        assert redactor(f"{before}{secret}{after}") == f"{before}***{after}"


def test_nothing_to_hide() -> None:
    redactor = Redactor()
    redactor.hide(None)
    redactor.hide("")
    assert redactor("untouched") == "untouched"
