"""What may be said of a server's error: names and conditions, never a value of a row.

DETAIL, HINT, CONTEXT and the query are left out, for they print keys, rows and statements. So is
the message itself where it may quote a value: when data is refused, and when code of a database
raised it, which can put anything into any message.
"""

from __future__ import annotations

import re

import psycopg
from psycopg import errors

# Conditions that concern a row's values; all that is not in the list below is treated alike.
_OF_DATA = ("22", "23")
# Conditions whose messages name objects, settings and sessions.
_OF_OBJECTS = re.compile(
    "0[89ABLPZ]|2[0145678BD]|3[4BDF]|4[024]|5[34578]|72|F0"  # classes
)
# Those of them that quote a value where an expression over rows makes a name of it.
_MAKES_NAMES = ("3F", "42", "55000", "28", "3D")
_SYNTAX_ERROR = "42601"  # quotes a part of a statement, such as a literal
# Code whose statements are fixed, so that the names in its messages are its own.
_FIXED_CODE = re.compile(
    r'COPY |SQL function "|parallel worker$'
    r"|PL/pgSQL function .* line \d+ at (SQL statement|PERFORM|RETURN|IF)$"
)
# The same of a DO block that is the very statement sent: what it executes is the sender's own text.
_SENT_BLOCK = re.compile(r"PL/pgSQL function inline_code_block line \d+ at EXECUTE$")
# Where code of a database raises errors of its own: it chooses every field then.
_RAISERS = re.compile(r"exec_stmt_raise|PLy_|plperl_|pltcl_|plv8_|croak")
# Where the condition's own name would not be understood.
_PLAINER = {
    "22021": "invalid byte sequence for the encoding",
    "22P05": "a character that the other encoding does not have",
}
_COPY_PLACE = re.compile(r"^COPY [^\n]*?, line (\d+)", re.MULTILINE)
_WORD = re.compile(r"[A-Z][a-z]*|\d+")
_DETAIL_OF_NAMES = "2B"  # which objects depend on which
WHERE_TO_LOOK = "the server's log has the values"


def explain(given: errors.Diagnostic, *, of_rows: bool = False) -> str:
    """Say what a server complained of.

    Args:
        given: Its error's fields.
        of_rows: Whether the statement computed something over rows, as COPY, an index, a CHECK
            or REFRESH do: then a name in a message may be a value.

    Returns:
        One line: the message, or where it may quote a value the condition's standard name;
        with SQLSTATE, the object and where to look.
    """
    state = given.sqlstate or ""
    if _is_shown(given, of_rows=of_rows):
        words = " ".join((given.message_primary or "").split())
        if state[:2] == _DETAIL_OF_NAMES and given.message_detail:
            words += f": {'; '.join(given.message_detail.splitlines())}"
        return f"{words} (SQLSTATE {state})"
    name = _PLAINER.get(state) or condition(state)
    return f"{name} (SQLSTATE {state}){_subject(given)}; {WHERE_TO_LOOK}"


def condition(sqlstate: str) -> str:
    """Name a condition as PostgreSQL's documentation does.

    Args:
        sqlstate: Its code.

    Returns:
        Such as `unique violation`; `error` for a code that PostgreSQL does not know.
    """
    try:
        name = errors.lookup(sqlstate).__name__
    except KeyError:
        return "error"
    return " ".join(_WORD.findall(name)).lower()


def _is_shown(given: errors.Diagnostic, *, of_rows: bool) -> bool:
    state = given.sqlstate or ""
    if not _OF_OBJECTS.match(state) or state == _SYNTAX_ERROR:
        return False
    if _RAISERS.search(given.source_function or ""):
        return False
    lines = (given.context or "").splitlines()
    if lines and _SENT_BLOCK.match(lines[-1]):
        lines.pop()
    if not all(_FIXED_CODE.match(line) for line in lines):
        return False
    if (of_rows or given.context) and state.startswith(_MAKES_NAMES):
        # Found while reading a statement, not while computing.
        return bool(given.statement_position or given.internal_position)
    return True


def _subject(given: errors.Diagnostic) -> str:
    """Name the object, unless code of a database could have chosen the name."""
    if _RAISERS.search(given.source_function or ""):
        return ", raised by a function of the database"
    if (given.sqlstate or "")[:2] not in _OF_DATA:
        return ""
    parts = [
        f"{kind} {name}"
        for kind, name in (
            ("constraint", given.constraint_name),
            ("column", given.column_name),
            ("type", given.datatype_name),
            ("table", _qualified(given)),
        )
        if name
    ]
    if place := _COPY_PLACE.search(given.context or ""):
        parts.append(f"line {place[1]}")
    return f", {', '.join(parts)}" if parts else ""


def _qualified(given: errors.Diagnostic) -> str:
    names = [name for name in (given.schema_name, given.table_name) if name]
    return ".".join(names) if given.table_name else ""


# A client tool's line, and what in it or around it may hold values.
_TOOL_LINE = re.compile(r"^(?:pg_\w+|psql)(?::[^:\n]*:\d+)?: ", re.MULTILINE)
_ASIDE = re.compile(r"^\w+: (detail|hint): ")
_QUOTED_VALUE = re.compile(r"""((?:: |value |byte sequence )["«]).*""", re.DOTALL)
_RAISED = re.compile(r"^CONTEXT: +(?!COPY )", re.MULTILINE)
_SERVERS_WORDS = re.compile(r"(ERROR: +).*", re.DOTALL)


def of_tool(text: str) -> str:
    """Say what a client tool complained of.

    Args:
        text: What it wrote to standard error: its own lines, and between them those of a server,
            which print keys, rows and statements.

    Returns:
        One line, without what may be a value.
    """
    starts = [match.start() for match in _TOOL_LINE.finditer(text)]
    said = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        whole = text[start:end]
        if _ASIDE.match(whole):
            continue
        line = _QUOTED_VALUE.sub(r"\1…", whole.splitlines()[0])
        if _RAISED.search(whole):
            line = _SERVERS_WORDS.sub(r"\1raised by a function of the database", line)
        if line not in said:
            said.append(line)
    return " ".join(" ".join(said).split())


def install() -> None:
    """Let every server error print as above: also in tracebacks and in other packages' logs."""
    psycopg.Error.__str__ = _printed  # type: ignore[method-assign, assignment]


def _printed(error: psycopg.Error) -> str:
    if error.diag.sqlstate:
        return explain(error.diag)
    return Exception.__str__(error)
