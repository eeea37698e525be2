"""What is said of a server's error, field by field: names, and never a value."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot_core.base.text import storable, visible, visible_lines
from entrepot_core.postgres.explain import condition, explain, of_tool

MARKER = "alice@hospital.example"
FIELDS = (
    "message_primary",
    "message_detail",
    "message_hint",
    "context",
    "internal_query",
    "schema_name",
    "table_name",
    "column_name",
    "datatype_name",
    "constraint_name",
    "source_function",
    "statement_position",
    "internal_position",
)


def error(state: str, **fields: str) -> Any:
    return SimpleNamespace(sqlstate=state, **{n: fields.get(n) for n in FIELDS})


@pytest.mark.parametrize("state", ["22P02", "23505", "P0001", "XX000", "38000", "ZZ"])
@pytest.mark.parametrize("of_rows", [True, False])
def test_a_message_that_may_quote_a_value_is_a_conditions_name(
    state: str, of_rows: bool
) -> None:
    said = explain(
        error(
            state,
            message_primary=f'bad value "{MARKER}"',
            message_detail=MARKER,
            message_hint=MARKER,
            context=f"COPY t, line 3, column a: {MARKER}",
            internal_query=MARKER,
            constraint_name="t_key",
            table_name="t",
            schema_name="s",
        ),
        of_rows=of_rows,
    )
    assert MARKER not in said
    assert f"{condition(state)} (SQLSTATE {state})" in said
    if state.startswith(("22", "23")):
        assert "constraint t_key, table s.t, line 3" in said


def test_code_of_a_database_chooses_no_word() -> None:
    raised = dict.fromkeys(FIELDS, MARKER) | {
        "source_function": "exec_stmt_raise",
        "statement_position": "1",
    }
    for state in ("42501", "55P03", "57014", "23505", "2BP01", "P0001"):
        said = explain(error(state, **raised))
        assert MARKER not in said
        assert "raised by a function" in said


@pytest.mark.parametrize("context", ["PL/pgSQL function f() line 1 at EXECUTE", "x"])
def test_code_that_makes_statements_quotes_nothing(context: str) -> None:
    given = error("42703", message_primary=MARKER, context=context)
    assert MARKER not in explain(given)


def test_names_of_statements_are_told() -> None:
    words = 'relation "x" does not exist'
    assert words in explain(error("42P01", message_primary=words))
    found = error("42P01", message_primary=words, statement_position="3")
    assert words in explain(found, of_rows=True)
    inner = error(
        "42P01",
        message_primary=words,
        context='SQL function "f" during startup',
        internal_position="9",
    )
    assert words in explain(inner, of_rows=True)
    # The same while computing: the name is then a value, as in column::regclass.
    assert words not in explain(error("42P01", message_primary=words), of_rows=True)


def test_a_block_that_was_sent_executes_text_of_the_sender() -> None:
    sent = "PL/pgSQL function inline_code_block line 12 at EXECUTE"
    inner = "PL/pgSQL function public.evil() line 3 at EXECUTE"
    outer = "PL/pgSQL function public.evil() line 3 at SQL statement"
    missing = {
        "message_primary": 'column "isShared" does not exist',
        "internal_position": "8",
    }
    for of_rows in (True, False):
        said = explain(error("42703", context=sent, **missing), of_rows=of_rows)
        assert "isShared" in said
        for context in (f"{inner}\n{sent}", f"{sent}\n{outer}"):
            said = explain(error("42703", context=context, **missing), of_rows=of_rows)
            assert "isShared" not in said
        computed = error("42703", context=sent, message_primary=f'column "{MARKER}"')
        assert MARKER not in explain(computed, of_rows=of_rows)


def test_what_depends_on_what_is_told() -> None:
    given = error("2BP01", message_primary="cannot drop", message_detail="view v")
    assert explain(given) == "cannot drop: view v (SQLSTATE 2BP01)"


def test_a_tools_complaint_has_no_rows_in_it() -> None:
    text = (
        "pg_restore: while PROCESSING TOC:\n"
        'pg_restore: error: COPY failed for table "t": ERROR:  invalid input syntax for type '
        f'integer: "{MARKER}"\n'
        f'CONTEXT:  COPY t, line 1, column a: "{MARKER}"\n'
        "pg_restore: error: could not execute query: ERROR:  could not create unique index\n"
        f"DETAIL:  Key (a)=({MARKER}\npg) is duplicated.\n"
        f"Command was: CREATE UNIQUE INDEX {MARKER}\n"
        f"pg_restore: error: query failed: ERROR:  {MARKER} is bad\n"
        "CONTEXT:  PL/pgSQL function f() line 1 at RAISE\n"
        f"pg_dump: detail: Query was: {MARKER}\n"
        "pg_dump: error: query failed: ERROR:  permission denied for table users\n"
    )
    said = of_tool(text)
    assert MARKER not in said
    assert "could not create unique index" in said
    assert 'COPY failed for table "t"' in said
    assert "raised by a function of the database" in said
    assert "permission denied for table users" in said


@given(st.text(st.characters()))
def test_no_character_acts(text: str) -> None:
    for shown in (visible(text), visible_lines(text)):
        assert not any(c in shown for c in "\x1b\x07\x00\x9b\u202e\u2066\r")
        assert shown.encode() is not None
    assert "\n" not in visible(text)
    assert "\0" not in storable(text) and storable(text).encode() is not None


def test_letters_of_all_languages_stay() -> None:
    for text in ("Éa ß 日本 عربى 👩‍💻", 'a "b" \\ {c} [d]'):
        assert visible(text) == visible_lines(text) == text
