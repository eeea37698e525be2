"""What is drawn by chance: names with every awkward character, and values of every type."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from hypothesis import strategies as st
from psycopg import sql

T = TypeVar("T")
_LONGEST = 63  # bytes of a name
_PIECES = [
    *(
        "a",
        "B",
        "é",
        "名",
        "🦆",
        " ",
        "'",
        '"',
        "%",
        "%s",
        "\\",
        "\n",
        "\t",
        "$1",
        "$$",
    ),
    *(".", ";", ",", "(", ")", "--", "/*", "*/", "{", "{{", "-", "_", "=", "@", "0"),
    *("public.", "pg_", "\\.", "NULL", ":x", "#", "|", "İ", "e\u0301", "\u202e"),
]
_KEYWORDS = [
    *("select", "user", "table", "order", "group", "default", "references", "check"),
    *("name", "type", "value", "timestamp", "oid", "end", "only", "inherits", "Order"),
]
_words = st.lists(st.sampled_from(_PIECES), max_size=4).map("".join)
_texts = st.one_of(
    st.sampled_from(["", " ", "a", "A", "b", "é", "\\N", "\\.", "\n", "\r\n", "NULL"]),
    st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
    ),
)

# Values of each type in PostgreSQL's own text form; text types draw theirs.
VALUES: dict[str, list[str]] = {
    "smallint": ["0", "-32768", "32767"],
    "integer": ["0", "1", "2", "3", "-2147483648", "2147483647"],
    "bigint": ["0", "1", "2", "-9223372036854775808", "9223372036854775807"],
    "numeric": ["NaN", "0.00", "-0", "1e100", "123456789012345678901234567890.5"],
    "numeric(9,2)": ["NaN", "0.01", "-9999999.99", "1"],
    "real": ["NaN", "Infinity", "-Infinity", "1e-40", "-0", "0.1"],
    "double precision": ["NaN", "Infinity", "-0", "1.7976931348623157e308", "0.1"],
    "boolean": ["t", "f"],
    "bytea": ["", "\\x00ff", "\\x5c2e0a", "\\xdeadbeef"],
    "date": [
        "infinity",
        "-infinity",
        "4713-01-01 BC",
        "0044-03-15 BC",
        "5874897-12-31",
    ],
    "timestamp": ["infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"],
    "timestamptz": ["-infinity", "0044-03-15 12:00:00+00 BC", "2026-03-29 01:30:00+00"],
    "time(3)": ["24:00:00", "00:00:00.001"],
    "timetz": ["24:00:00-15:59", "00:00:00+15:59", "12:00:00.5+05:45"],
    "interval": ["-178000000 years", "1 mon -1 day 00:00:00.000001", "PT0S"],
    "json": ['{"a": 1,  "a": 2}', "[]", '"\\u00e9"', "1e400", "null"],
    "jsonb": ['{"b": [1, {"a": null}]}', "[]", '"é"', "1e400", "null"],
    "uuid": [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
    "inet": ["::1/128", "10.0.0.1/8", "255.255.255.255"],
    "cidr": ["::/0", "10.0.0.0/8"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "money": ["-92233720368547758.08", "0.01", "1234.56"],
    "bit(3)": ["101", "000"],
    "bit varying": ["", "1", "0101"],
    "point": ["(0,-0)", "(NaN,Infinity)", "(1.5,2)"],
    "circle": ["<(0,0),1>"],
    "polygon": ["((0,0),(1,1),(1,0))"],
    "path": ["[(0,0),(1,1)]", "((0,0),(1,1))"],
    "tsvector": ["'a':1A 'b''c':2", ""],
    "tsquery": ["'a' & !'b' <-> 'c'"],
    "int4range": ["empty", "(,)", "[1,5)"],
    "numrange": ["empty", "(NaN,)", "[1.5,2]"],
    "daterange": ["[infinity,)", "(,2020-01-01)", "empty"],
    "tstzrange": ["[2020-01-01 00:00+00,infinity]", "empty"],
    "int4multirange": ["{}", "{[1,2),[5,7)}"],
    "pg_lsn": ["0/0", "FFFFFFFF/FFFFFFFF"],
    "xid8": ["18446744073709551615"],
    '"char"': ["a", "", "\\351"],
    "name": ["x", ""],
    "oid": ["0", "4294967295"],
    "regclass": ["pg_class", "-"],
    "regtype": ["integer", "text[]"],
    "regprocedure": ["pg_catalog.now()"],
    "jsonpath": ['$."a"[*] ? (@ > 1)'],
    "txid_snapshot": ["10:20:10,14"],
}
TEXTS = ("text", "varchar(40)", "varchar", "char(9)", 'text COLLATE "C"', "bpchar")
# Of these any two values differ under an index, and a random set has room in a key.
KEYS = ("integer", "bigint", "uuid", "date", "text", "timestamptz", "smallint", "bytea")


# What Hypothesis draws for one schema. The rest follows from the number: what may come next depends
# on what the server took before, which Hypothesis would call flaky.
examples = st.tuples(
    st.integers(0, 2**32),
    st.lists(_words, min_size=30, max_size=30),
    st.lists(_texts, min_size=30, max_size=30),
)


class Chance:
    """Decides by what was drawn."""

    def __init__(self, example: tuple[int, list[str], list[str]]) -> None:
        """Take one of `examples`.

        Args:
            example: A number, pieces of names, and texts.
        """
        seed, self._words, self._texts = example
        self._random = Random(seed)
        self._numbers = 0

    def number(self, least: int, most: int) -> int:
        """Draw a whole number."""
        return self._random.randint(least, most)

    def of(self, choices: Sequence[T]) -> T:
        """Draw one of some."""
        return choices[self.number(0, len(choices) - 1)]

    def some(self, choices: Sequence[T], least: int = 0, most: int = 3) -> list[T]:
        """Draw a few of some, each once, in any order."""
        count = min(len(choices), self.number(least, most))
        return self._random.sample(choices, count)

    def maybe(self, one_in: int = 2) -> bool:
        """Say yes once in a while."""
        return self.number(1, one_in) == 1

    def name(self, letter: str) -> sql.Identifier:
        """Draw a name that nothing else has, or a keyword, as an identifier."""
        return sql.Identifier(self.plain_name(letter))

    def plain_name(self, letter: str) -> str:
        """Draw a name that nothing else has, or a keyword."""
        if self.maybe(12):
            return self.of(_KEYWORDS)
        self._numbers += 1
        name = f"{letter}{self._numbers}{self.of(self._words)}"
        if self.maybe(12):
            name += "x" * _LONGEST
        return name.encode()[:_LONGEST].decode(errors="ignore")

    def text(self) -> str:
        """Draw a text."""
        return self.of(self._texts)

    def literal(self, type_name: str) -> sql.Composable:
        """Draw a value of a type of PostgreSQL's own.

        Args:
            type_name: One of `VALUES` or `TEXTS`, or an array of it.

        Returns:
            It, quoted; NULL once in a while.
        """
        if self.maybe(9):
            return sql.SQL("NULL")
        if type_name.endswith("[]"):
            return sql.Literal(self._array(type_name[:-2]))
        return sql.Literal(self.value(type_name))

    def value(self, type_name: str) -> str:
        """Draw a value's text form."""
        if type_name in VALUES:
            return self.of(VALUES[type_name])
        # Longest first: char(9) refuses what is longer.
        return self.text()[:9]

    def _array(self, element: str) -> str:
        values = [self._element(element) for _ in range(self.number(0, 3))]
        if values and self.maybe(3):
            return f"[-1:{len(values) - 2}]={{{','.join(values)}}}"
        if values and self.maybe(4):
            return f"{{{{{','.join(values)}}},{{{','.join(values)}}}}}"
        return f"{{{','.join(values)}}}"

    def _element(self, element: str) -> str:
        if self.maybe(5):
            return "NULL"
        text = self.value(element).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
