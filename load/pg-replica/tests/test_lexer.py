"""Statements end where PostgreSQL's scanner says, whatever stands in them."""

from __future__ import annotations

import io

import pytest

from pg_replica.dump import cutter as cutting
from pg_replica.dump.cutter import Cutter, TooLong, split
from pg_replica.dump.lexer import UnexpectedText, tokens

STATEMENTS = [
    rb"""CREATE TABLE a."b;""c"(x text DEFAULT E'it''s \'; ;' /* ; /* ; */ ; */, y text
    DEFAULT 'a'';b\' -- ; ' "
, z text DEFAULT $a$;$b$ $$ $a$, w$x$ int, d date DEFAULT date'2020;');""",
    b"""CREATE FUNCTION s.f() RETURNS integer
    BEGIN ATOMIC
 SELECT CASE WHEN (t.begin > 1) THEN 1 ELSE 2 END AS "case" FROM s.t;
 SELECT 1;
END;""",
    b"CREATE OR REPLACE PROCEDURE s.p() BEGIN ATOMIC END;",
    b"CREATE RULE x AS ON INSERT TO a.b DO (SELECT 1; SELECT 2);",
    b"COMMENT ON TABLE t IS 'x\n--\n-- Name: e; Type: TABLE; Schema: s; Owner: a\n--\n\nDROP;';",
    b"SELECT a$b$c, 1+--;\n2, /**/ U&\"d;\", U&'\\;', $1;",
    "SELECT 'é;', \"ü;\" AS été;".encode(),
]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 10_000])
def test_statements_are_cut_in_blocks_of_any_size(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "_BLOCK", block)
    text = b"-- before; \n" + b" -- between '\n".join(STATEMENTS) + b"\n--end"
    assert split(text) == STATEMENTS


def test_pieces_know_their_lines_and_offsets() -> None:
    text = (
        b"-- one\nSELECT\n1; SELECT 2;\n\\restrict x\nCOPY t FROM stdin;\n\\.x\n\\.\n;"
    )
    cutter = Cutter(io.BytesIO(text).read, 100)
    pieces = [cutter.next() for _ in range(5)]
    assert [(piece.kind, piece.line) for piece in pieces if piece] == [
        ("comment", 1),
        ("statement", 2),
        ("statement", 3),
        ("command", 4),
        ("statement", 5),
    ]
    start, end = cutter.rows()
    assert text[start:end] == b"\\.x\n"
    assert [piece.text for piece in (cutter.next(), cutter.next()) if piece] == [
        b"\\.",
        b";",
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 'x;",
        b"SELECT E'\\';",
        b"SELECT $$;",
        b"SELECT (1;",
        b"SELECT /* /* */ 1;",
        b"SELECT 1",
        b"CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE END; ",
        b"SELECT 1 \\gexec",
        b"x" * 5000 + b";",
    ],
)
def test_what_does_not_end_is_an_error(text: bytes) -> None:
    with pytest.raises(UnexpectedText):
        Cutter(io.BytesIO(text).read, 10_000).next()


def test_a_statement_beyond_the_limit_is_refused_before_it_is_read_whole() -> None:
    read = 0

    def endless(size: int) -> bytes:
        nonlocal read
        read += size
        return b"x" * 100 + b" " * (size - 100)

    with pytest.raises(TooLong):
        Cutter(endless, 1_000_000).next()
    assert read < 2_000_000


def test_tokens_leave_out_comments_and_keep_names() -> None:
    text = """alter /* x */ "Ta ""b" . été -- y\n(E'a\\'b' 'c''d' $x$ ; $x$)"""
    found = list(tokens(text.encode()))
    assert [(token.kind, token.name) for token in found] == [
        ("word", "alter"),
        ("quoted", 'Ta "b'),
        ("symbol", None),
        ("word", "été"),
        ("symbol", None),
        ("string", None),
        ("string", None),
        ("string", None),
        ("symbol", None),
    ]
