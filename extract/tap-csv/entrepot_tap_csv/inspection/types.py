"""The types of columns, proposed where every cell that was seen is such a value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from entrepot_tap_csv.values import Column, NoSuchValue

_NULLS = frozenset(
    {"NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "NaN", "nan", "-", "--", ".."}
    | {".", "...", "nd", "ND", "n.d.", "ns", "NS", "s", "S", "c", "nc", "NC", ":", "/"}
    | {"*", "x", "X"}
)
_CODE = re.compile(
    r"(?i)code|cod_|^cp$|postal|siren|siret|insee|uai|\bnum|numero|tel|phone|fax|\bid|_id$|zip|ref"
)
_DIGITS = re.compile(r"[+-]?\d+")
_DATES = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
)
_TRUTH = frozenset(["true", "false", "vrai", "faux", "oui", "non", "yes", "no"])
_UNITS = ("%", "€", "$", "£")
_ENOUGH = 3  # NULL spellings may be this share of a column's cells: 1 in …


def proposed(
    names: Sequence[str], rows: Sequence[Sequence[str]], *, comma_is_decimal: bool
) -> dict[str, Any]:
    """Propose types.

    Args:
        names: Of the columns.
        rows: Cells of the sample.
        comma_is_decimal: Whether `1,234` is below two, as where `;` separates cells.

    Returns:
        The setting `columns`: columns that stay text are not in it.
    """
    found = {}
    for place, name in enumerate(names):
        cells = {row[place] for row in rows if place < len(row)}
        if told := _of_column(name, cells, comma_is_decimal):
            found[name] = told
    return found


def _of_column(name: str, cells: set[str], is_comma: bool) -> dict[str, Any] | None:
    filled = {cell.strip() for cell in cells} - {""}
    nulls = filled & _NULLS
    values = filled - nulls
    if not values or len(nulls) * _ENOUGH > len(values) + 2:
        return None
    told = _kind(name, values, is_comma)
    if told is not None and nulls:
        told["null_values"] = ["", *sorted(nulls)]
    return told


def _kind(name: str, values: set[str], is_comma: bool) -> dict[str, Any] | None:
    if _is_code(name, values):
        return None
    if {value.lower() for value in values} <= _TRUTH and len(values) > 1:
        return {"type": "boolean"}
    for told in (*_numbers(values, comma_is_decimal=is_comma), *_moments(values)):
        if _fits(told, values):
            return told
    return None


def _is_code(name: str, values: set[str]) -> bool:
    """Say whether digits are a code: a postcode keeps its zero, a phone number is no number."""
    if not all(_DIGITS.fullmatch(value) for value in values):
        return False
    if any(len(value) > 1 and value.lstrip("+-").startswith("0") for value in values):
        return True
    is_long = min(map(len, values)) >= 5 and len(set(map(len, values))) == 1
    return bool(_CODE.search(name)) or (
        is_long and len(values) > 1 and not _are_days(values)
    )


def _are_days(values: set[str]) -> bool:
    return _fits({"type": "date", "format": "%Y%m%d"}, values)


def _numbers(values: set[str], *, comma_is_decimal: bool) -> list[dict[str, Any]]:
    if not any(sign.isdigit() for value in values for sign in value):
        return []
    if any(value.startswith("+") for value in values):
        return []
    unit = next((each for each in _UNITS if any(each in v for v in values)), "")
    beside = {"unit": unit} if unit else {}
    marks: list[dict[str, Any]] = [{}]
    if comma_is_decimal:
        marks += [{"decimal": ",", **_grouped(each)} for each in ("", " ", ".", "'")]
        marks += [_grouped(" "), _grouped(".")]
    else:
        marks += [_grouped(each) for each in (",", " ", "'")]
        marks += [{"decimal": ",", **_grouped(each)} for each in ("", " ", ".")]
    return [
        {"type": kind, **each, **beside}
        for each in marks
        for kind in ("integer", "number")
        if kind == "number" or "decimal" not in each
    ]


def _grouped(mark: str) -> dict[str, str]:
    return {"thousands": mark} if mark else {}


def _moments(values: set[str]) -> list[dict[str, Any]]:
    if not all(any(sign.isdigit() for sign in value) for value in values):
        return []
    usual: list[dict[str, Any]] = [
        {"type": kind} for kind in ("date", "datetime", "timestamptz")
    ]
    for form in _DATES:
        kind = "datetime" if "%M" in form else "date"
        usual.append({"type": kind, "format": form})
    return [told for told in usual if _is_told(told.get("format", ""), values)]


def _is_told(form: str, values: set[str]) -> bool:
    """Say whether days and months can be told apart: 03/04/2024 alone says nothing of its order."""
    if not form.startswith(("%d/%m", "%m/%d")):
        return True
    other = form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    kind = "datetime" if "%M" in form else "date"
    return not _fits({"type": kind, "format": other}, values)


def _fits(told: dict[str, Any], values: set[str]) -> bool:
    column = Column(
        "",
        told["type"],
        told.get("format"),
        told.get("decimal", "."),
        told.get("thousands", ""),
        told.get("unit", ""),
    )
    read = column.reader("")
    try:
        for (
            value
        ) in values:  # one by one: most columns are text, and their first value says so
            read([value])
    except NoSuchValue:
        return False
    return True
