"""What a dump holds: its items, each with the SQL that makes it.

pg_restore turns any archive into SQL text (`--file=-`) in which each item stands under a header
comment; pg_dump's plain format is the same text. Reading it gives one list of items for every
way in, run by us one by one: so each has its own time, its own error, and its place in the
parallel work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from entrepot_core.postgres.identifiers import (
    PART,
    PUBLIC,
    QUALIFIED,
    TableName,
    parse_qualified,
)

TABLE_DATA = "TABLE DATA"
SEQUENCE_SET = "SEQUENCE SET"
FOREIGN_KEY = "FK CONSTRAINT"
REFRESH = "MATERIALIZED VIEW DATA"

# The kinds of which the first one begins the post-data section; comments are in both.
_POST_DATA = frozenset(
    {
        "CHECK CONSTRAINT",
        "CONSTRAINT",
        FOREIGN_KEY,
        "INDEX",
        "INDEX ATTACH",
        REFRESH,
        "RULE",
        "STATISTICS",
        "TRIGGER",
    }
)
# Left out, each for a reason that the finding repeats.
LEFT_OUT = {
    "ACL": "",
    "DEFAULT ACL": "",
    "BLOB": "large objects belong to no schema and cannot be swapped",
    "BLOB METADATA": "large objects belong to no schema and cannot be swapped",
    "BLOBS": "large objects belong to no schema and cannot be swapped",
    "LARGE OBJECT": "large objects belong to no schema and cannot be swapped",
    "DATABASE": "",
    "DATABASE PROPERTIES": "",
    "ENCODING": "",
    "EVENT TRIGGER": "needs a superuser, and would fire on the warehouse's own work",
    "FOREIGN DATA WRAPPER": "the warehouse must not reach the source's other servers",
    "FOREIGN TABLE": "the warehouse must not reach the source's other servers",
    "POLICY": "row security would hide rows from analysts",
    "PROCEDURAL LANGUAGE": "",
    "PUBLICATION": "the warehouse publishes nothing",
    "PUBLICATION TABLE": "the warehouse publishes nothing",
    "PUBLICATION TABLES IN SCHEMA": "the warehouse publishes nothing",
    "ROW SECURITY": "row security would hide rows from analysts",
    "SCHEMA": "",
    "SEARCHPATH": "",
    "SECURITY LABEL": "its provider is not on the warehouse",
    "SERVER": "the warehouse must not reach the source's other servers",
    "STATISTICS DATA": "",
    "STDSTRINGS": "",
    "SUBSCRIPTION": "the warehouse subscribes to nothing",
    "SUBSCRIPTION TABLE": "the warehouse subscribes to nothing",
    "USER MAPPING": "the warehouse must not reach the source's other servers",
}

_HEADER = re.compile(
    r"^--\n"
    r"(?:-- TOC entry (?P<toc>\d+) \(class (?P<klass>\d+) OID (?P<oid>\d+)\)\n)?"
    r"(?:-- Dependencies: [\d ]+\n)?"
    r"-- (?:Data for )?Name: (?P<tag>.*); Type: (?P<desc>[A-Z ]+);"
    r" Schema: (?P<schema>.*); Owner: .*\n"
    r"(?:-- Data Pos: \d+\n)?"
    r"--\n",
    re.MULTILINE,
)
_ON_TABLE = re.compile(
    rf"(?:ALTER TABLE (?:ONLY )?|CREATE (?:UNIQUE )?INDEX {PART} ON (?:ONLY )?)"
    rf"(?P<table>{QUALIFIED})[\s;]"
)
_REFERENCES = re.compile(rf" REFERENCES (?P<table>{QUALIFIED})\(")
_COLUMN_OPTIONS = re.compile(
    rf"^(?P<head>ALTER TABLE ONLY {QUALIFIED} ALTER COLUMN {PART} SET \()"
    r"(?P<options>[^()]*)\);\n?",
    re.MULTILINE,
)
# What a server notes for itself among a column's options. A pg_dump of an older minor release
# prints it, and a server of an older minor release refuses it.
_INTERNAL_OPTIONS = ("pg_attver",)


@dataclass(frozen=True)
class Item:
    """One item of a dump's table of contents.

    Attributes:
        number: Its number in the table of contents; 0 in plain dumps.
        oid: The object's OID in the dumped database; 0 in plain dumps.
        kind: As pg_dump calls it: `TABLE`, `INDEX`, `FK CONSTRAINT`…
        schema: The schema it is in; None for what is in none.
        tag: Its name as pg_dump writes it: for some kinds with its table's.
        sql: The statements that make it.
    """

    number: int
    oid: int
    kind: str
    schema: str | None
    tag: str
    sql: str

    @property
    def label(self) -> str:
        """How messages name it: like a line of `pg_restore --list`."""
        return " ".join(
            str(part) for part in (self.kind, self.schema, self.tag) if part
        )

    @property
    def table(self) -> TableName | None:
        """The table that an index, a constraint or a foreign key is on."""
        match = _ON_TABLE.match(self.sql)
        return parse_qualified(match.group("table")) if match else None

    @property
    def referenced_table(self) -> TableName | None:
        """The table that a foreign key points to."""
        match = _REFERENCES.search(self.sql)
        return parse_qualified(match.group("table")) if match else None


class TableData(Protocol):
    """The rows of one table in a dump."""

    @property
    def table(self) -> TableName:
        """The table."""
        ...

    @property
    def size(self) -> int:
        """Their size in bytes of the dump where the format tells it, else 0."""
        ...

    def copy_text(self) -> Iterator[bytes]:
        """Give the statement `COPY … FROM stdin;` first, then the rows in COPY's text format."""
        ...


def split_items(text: str) -> list[Item]:
    """Cut the SQL text of a dump into its items.

    Args:
        text: What `pg_restore --verbose --file=-` writes, or a plain dump without its rows.

    Returns:
        The items in the dump's order. What stands before the first header, pg_dump's session
        settings, is not among them: our sessions have their own.
    """
    headers = list(_HEADER.finditer(text))
    ends = [*(header.start() for header in headers[1:]), len(text)]
    return [
        Item(
            number=int(header["toc"] or 0),
            oid=int(header["oid"] or 0),
            kind=header["desc"],
            schema=None if header["schema"] == "-" else header["schema"],
            tag=header["tag"],
            sql=_without_internal_options(_without_trailer(text[header.end() : end])),
        )
        for header, end in zip(headers, ends, strict=False)
    ]


def _without_trailer(sql: str) -> str:
    """Drop comments and psql's own commands that follow an item's last statement."""
    lines = sql.rstrip().split("\n")
    while lines and (
        not lines[-1].strip() or lines[-1].startswith(("--", "\\unrestrict"))
    ):
        lines.pop()
    return "\n".join(lines).strip()


def _without_internal_options(sql: str) -> str:
    """Leave out the column options that the source's server keeps for itself alone."""

    def kept(statement: re.Match[str]) -> str:
        options = statement["options"].split(", ")
        ours = [
            option
            for option in options
            if option.partition("=")[0].strip('"') not in _INTERNAL_OPTIONS
        ]
        if ours == options:
            return statement[0]
        return f"{statement['head']}{', '.join(ours)});\n" if ours else ""

    return _COLUMN_OPTIONS.sub(kept, sql).strip()


def sections(items: list[Item]) -> tuple[list[Item], list[Item]]:
    """Part the items that come before the data from those that come after it.

    Args:
        items: In the dump's order, which keeps sections together.

    Returns:
        The pre-data and the post-data items.
    """
    first = next(
        (i for i, item in enumerate(items) if item.kind in _POST_DATA), len(items)
    )
    return items[:first], items[first:]


def schemas_of(items: Iterable[Item]) -> list[str]:
    """List the schemas that a dump's items go to.

    Args:
        items: The dump's items.

    Returns:
        Their names, `public` first.
    """
    named = {item.schema for item in items if item.schema}
    created = {item.tag for item in items if item.kind == "SCHEMA"}
    return [PUBLIC, *sorted((named | created) - {PUBLIC})]


_ATTACH = re.compile(
    rf"ALTER TABLE (?:ONLY )?({QUALIFIED}) ATTACH PARTITION ({QUALIFIED})"
)


_PARTITION_OF = re.compile(
    rf"CREATE (?:UNLOGGED )?TABLE ({QUALIFIED}) PARTITION OF ({QUALIFIED})"
)


_INHERITS = re.compile(
    rf"CREATE (?:UNLOGGED )?TABLE ({QUALIFIED}) \(.*^\)\s*INHERITS \(({QUALIFIED})",
    re.DOTALL | re.MULTILINE,
)


def parents(items: Iterable[Item]) -> dict[TableName, TableName]:
    """Find which tables are partitions or children of which.

    Args:
        items: A dump's items.

    Returns:
        The (first) parent of each child.
    """
    found = {}
    for item in items:
        for pattern, child, parent in (
            (_ATTACH, 2, 1),
            (_PARTITION_OF, 1, 2),
            (_INHERITS, 1, 2),
        ):
            for match in pattern.finditer(item.sql):
                found[parse_qualified(match[child])] = parse_qualified(match[parent])
    return found
