"""What cells mean: types, NULL, decimal marks, dates."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from entrepot_core.singer.keywords import TYPE
from entrepot_tap_csv.quotes import coded

# The type of each kind in a JSON schema; `text` reads everything as it is.
KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "date": {"type": ["string", "null"], "format": "date"},
    "datetime": {
        "type": ["string", "null"],
        TYPE: "timestamp without time zone",
    },
    "timestamptz": {"type": ["string", "null"], "format": "date-time"},
}
_REMEMBERED = 50_000  # values of a column whose meaning need not be worked out again
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
    r" ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
# What software writes between thousands, in French above all: U+00A0 and U+202F first.
_SPACES = " \u00a0\u202f\u2009\u2002-\u2008\u200a"
NO_TEXT = "\0"  # stands for a cell that is not there
_WORD = re.compile(r"[^\W\d_]+\.?")
_MONTHS = {
    word: f"{number:02}"
    for number, words in enumerate(
        (
            "january jan janvier janv",
            "february feb fevrier fevr fev",
            "march mar mars",
            "april apr avril avr",
            "may mai",
            "june jun juin",
            "july jul juillet juil",
            "august aug aout",
            "september sept sep septembre",
            "october oct octobre",
            "november nov novembre",
            "december dec decembre",
        ),
        1,
    )
    for word in words.split()
}
_DAYS = dict(
    zip(
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
_BIGGEST = 2**63
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "1", "yes", "y", "oui", "vrai"), "true"),
    **dict.fromkeys(("false", "f", "0", "no", "n", "non", "faux"), "false"),
}
_NAMES = {
    "integer": "a whole number of 8 bytes",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "datetime": "a date and time",
    "timestamptz": "a date and time with its offset",
}
_A_DAY = (
    "(?!0000)(?:"
    "[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])"
    "|(?:[02468][048]|[13579][26])00)-02-29)"
)
# What is a value as it stands, so that many cells can be looked at as one.
_AS_IT_STANDS = {
    "integer": "[+-]?[0-9]{1,18}",
    "number": r"[+-]?[0-9]+(?:\.[0-9]+)?",
    "boolean": "true|false",
    "date": _A_DAY,
    "datetime": f"{_A_DAY} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]",
}
Reader = Callable[[Sequence[str]], Sequence[str]]


class NoSuchValue(ValueError):
    """A cell does not fit the column's type."""


@dataclass(frozen=True)
class Column:
    """How the cells of one column read.

    Attributes:
        name: As the table has it.
        kind: One of `KINDS`.
        format: Of dates and times, as `strptime` reads it; None: ISO 8601.
        decimal: The decimal mark.
        thousands: What groups digits; a blank stands for every space; empty: nothing may.
        unit: What may stand behind a number, such as `%`, and is left out.
        null_values: Spellings of NULL.
    """

    name: str
    kind: str = "text"
    format: str | None = None
    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    null_values: tuple[str, ...] = ("",)

    @property
    def is_plain(self) -> bool:
        """Whether a cell is its value, but for an empty one, which is NULL."""
        return self.kind == "text" and self.null_values == ("",)

    def as_it_stands(self, null: str, end: str) -> str | None:
        """Write an expression for cells that are their value, or NULL, as they stand.

        Args:
            null: What stands for NULL.
            end: What follows a cell, unless it is the last of its line.

        Returns:
            None where too few are.
        """
        edge = re.escape(end)
        if self.kind == "text":
            cell = f"[^{edge}]*"
        elif (
            self.format
            or self.decimal != "."
            or self.unit
            or self.kind not in _AS_IT_STANDS
        ):
            return None
        else:
            may_lack = not null and "" in self.null_values
            cell = f"(?:{_AS_IT_STANDS[self.kind]})" + "?" * may_lack
        others = {each for each in self.null_values if null or each}
        if not others:
            return cell
        spelled = "|".join(re.escape(coded(each, end)) for each in sorted(others))
        return rf"(?!(?:{spelled})(?:{edge}|\n|\Z)){cell}"

    @property
    def expects(self) -> str:
        """Say what a cell should have been."""
        if self.format:
            return f"{_NAMES[self.kind]} as {self.format}"
        return _NAMES[self.kind]

    def reader(self, null: str) -> Reader:
        """Make the function that reads cells.

        Args:
            null: What stands for NULL; empty where no text may be empty.

        Returns:
            It gives the values as PostgreSQL reads them: the same object where every cell is
            its value. It raises NoSuchValue.
        """
        nulls = frozenset((*self.null_values, NO_TEXT))
        if self.kind == "text":
            return lambda cells: (
                cells
                if nulls.isdisjoint(cells)
                else [null if cell in nulls else cell for cell in cells]
            )
        convert = lru_cache(_REMEMBERED)(partial(self._convert, nulls, null))
        pattern = self.as_it_stands(null, "\n")
        if pattern is None:
            return lambda cells: _by_value(cells, convert)
        are_values = re.compile(rf"(?:{pattern}\n)*").fullmatch

        def read(cells: Sequence[str]) -> Sequence[str]:
            if are_values("\n".join([*cells, ""])):
                return cells
            return _by_value(cells, convert)

        return read

    def _convert(self, nulls: frozenset[str], null: str, cell: str) -> str:
        text = cell.strip()
        if cell in nulls or text in nulls:
            return null
        try:
            read: Callable[[str], str] = getattr(self, f"_{self.kind}")
            return read(text)
        except ValueError:
            raise NoSuchValue from None

    def as_json(self, text: str) -> Any:
        """Give the value that a record has.

        Args:
            text: As a reader gave it.

        Returns:
            The value as JSON has it.
        """
        return _AS_JSON[self.kind](text) if self.kind in _AS_JSON else text

    def _integer(self, text: str) -> str:
        text = self._ungrouped(self._bare(text))
        if not _WHOLE.fullmatch(text) or not -_BIGGEST <= int(text) < _BIGGEST:
            raise NoSuchValue
        return str(int(text))

    def _number(self, text: str) -> str:
        text = self._bare(text)
        if self.decimal != ".":
            if "." in text and self.thousands != ".":
                raise NoSuchValue
            whole, mark, rest = text.partition(self.decimal)
            text = self._ungrouped(whole) + ("." if mark else "") + rest
        else:
            whole, mark, rest = text.partition(".")
            text = self._ungrouped(whole) + mark + rest
        if not _NUMBER.fullmatch(text):
            raise NoSuchValue
        return text

    def _bare(self, text: str) -> str:
        """Leave out the unit behind a number."""
        return text.removesuffix(self.unit).rstrip() if self.unit else text

    def _ungrouped(self, digits: str) -> str:
        if not self.thousands:
            return digits
        mark = f"[{_SPACES}]" if self.thousands == " " else re.escape(self.thousands)
        if not re.search(mark, digits):
            return digits
        if not re.fullmatch(rf"[+-]?[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+", digits):
            raise NoSuchValue
        return re.sub(mark, "", digits)

    def _boolean(self, text: str) -> str:
        if (value := _BOOLEANS.get(text.lower())) is None:
            raise NoSuchValue
        return value

    def _date(self, text: str) -> str:
        if self.format:
            return _parsed(text, self.format).date().isoformat()
        if not _DAY.fullmatch(text):
            raise NoSuchValue
        return dt.date.fromisoformat(text).isoformat()

    def _datetime(self, text: str) -> str:
        moment = self._moment(text)
        if moment.tzinfo is not None:
            raise NoSuchValue
        return moment.isoformat(" ")

    def _timestamptz(self, text: str) -> str:
        moment = self._moment(text)
        if moment.tzinfo is None:
            raise NoSuchValue
        return moment.isoformat()

    def _moment(self, text: str) -> dt.datetime:
        if self.format:
            return _parsed(text, self.format)
        if not (match := _TIME.fullmatch(text)):
            raise NoSuchValue
        day, time, offset = match.groups()
        seconds, mark, fraction = time.partition(".")
        clock = seconds if seconds.count(":") == 2 else f"{seconds}:00"
        moment = dt.datetime.fromisoformat(f"{day} {clock}")
        if mark:
            moment = moment.replace(microsecond=int(fraction.ljust(6, "0")))
        return moment.replace(tzinfo=_zone(offset)) if offset else moment


_AS_JSON: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "number": Decimal,
    "boolean": lambda text: text == "true",
    "datetime": lambda text: text.replace(" ", "T"),
}


def _by_value(cells: Sequence[str], convert: Callable[[str], str]) -> Sequence[str]:
    values = {cell: convert(cell) for cell in set(cells)}
    if all(cell == value for cell, value in values.items()):
        return cells
    return [values[cell] for cell in cells]


def _parsed(text: str, form: str) -> dt.datetime:
    """Read a date by its format; names of months and days are English or French."""
    # `strptime` knows the names of the process' locale, which is rarely the French one.
    if "%B" in form or "%b" in form:
        form = form.replace("%B", "%m").replace("%b", "%m")
        text = _WORD.sub(partial(_translated, _MONTHS), text)
        text = re.sub(r"\b1er\b", "1", text)
    if "%A" in form or "%a" in form:
        form = form.replace("%a", "%A")
        text = _WORD.sub(partial(_translated, _DAYS), text)
    return dt.datetime.strptime(text, form)  # noqa: DTZ007


def _translated(names: dict[str, str], match: re.Match[str]) -> str:
    parts = unicodedata.normalize("NFD", match[0].lower().removesuffix("."))
    plain = "".join(sign for sign in parts if not unicodedata.combining(sign))
    return names.get(plain, match[0])


def _zone(offset: str) -> dt.timezone:
    if offset == "Z":
        return dt.timezone.utc
    digits = offset[1:].replace(":", "").ljust(4, "0")
    span = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(-span if offset[0] == "-" else span)
