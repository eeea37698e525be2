"""What a stream is: where it is asked for, how pages and windows go on, which columns it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from entrepot_tap_rest.errors import WrongDefinition

Kind = Literal["text", "integer", "number", "boolean", "date", "timestamp", "json"]
WINDOW = "_window"
WHOLE = "all"  # the only window of a stream that has none


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A column of a stream.

    Attributes:
        type: What its values are.
        path: Where they are in a record, members separated by dots; the column's name without it.
        replace: What stands for other values, such as `{"N/A": "-1"}`.
    """

    type: Kind = "text"
    path: str = ""
    replace: dict[str, Any] = {}


class NumberedPages(_Strict):
    """Pages that are asked for by number, or by the place of their first record.

    Attributes:
        by: Whether the parameter counts pages or records.
        parameter: The page's name for the API; it is asked for by `{page}` where it is empty.
        first: The first page's number, or place.
        size: Records of a page.
        size_parameter: Its name for the API; not sent where it is empty.
        last: Where the answer says which is the last page; without it a page that is not full, or
            has no record, is the last one.
    """

    by: Literal["page", "offset"] = "page"
    parameter: str = ""
    first: int = 1
    size: int = Field(default=100, ge=1)
    size_parameter: str = ""
    last: str = ""


class Cursor(_Strict):
    """Pages each of which names the next one.

    Attributes:
        by: That it is so.
        next: Where the answer has the cursor, or the next page's whole URL.
        parameter: What the cursor is sent as; a URL is followed where this is empty.
    """

    by: Literal["cursor"]
    next: str
    parameter: str = ""


class NoPages(_Strict):
    """One answer has everything."""

    by: Literal["none"] = "none"


class Window(_Strict):
    """A stream that is read by day or month.

    Attributes:
        unit: How long a window is.
        start: The first day; a variable may stand for it.
        lookback: How many windows before the last that was read are read again, for late
            corrections.
    """

    unit: Literal["day", "month", "year"]
    start: str
    lookback: int = Field(default=1, ge=0)


class Definition(_Strict):
    """A stream.

    Attributes:
        name: The stream's, and the table's.
        method: GET or POST.
        path: Below the setting `api_url`; `{start}` and `{end}` are the window's first and last
            day.
        query: Parameters of the URL; `{…}` as in `path`, and `{page}` beside.
        body: What a POST sends as JSON; `{…}` in any of its texts.
        records: Where the answer has the records, members separated by dots; itself if empty.
        total: Where it says how many there are in all; checked where it is given.
        keys: Columns that tell rows apart.
        columns: By name.
        constants: Columns that have one value in all rows, by name.
        pages: How pages go on.
        window: How it is read in time; whole, each time, without it.
        allow_empty: Whether a stream without a window may have no record at all.
    """

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=63)
    method: Literal["GET", "POST"] = "GET"
    path: str = ""
    query: dict[str, Any] = {}
    body: Any = None
    records: str = ""
    total: str = ""
    keys: list[str] = Field(min_length=1)
    columns: dict[str, Column]
    constants: dict[str, str] = {}
    pages: Annotated[NumberedPages | Cursor | NoPages, Field(discriminator="by")] = (
        NoPages()
    )
    window: Window | None = None
    allow_empty: bool = False

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, given: Any) -> Any:
        """Let a column be written as its type alone, and pages without what they are by."""
        if not isinstance(given, dict):
            return given
        spelt = dict(given)
        columns = spelt.get("columns")
        if isinstance(columns, dict):
            spelt["columns"] = {
                name: {"type": told} if isinstance(told, str) else told
                for name, told in columns.items()
            }
        if isinstance(spelt.get("pages"), dict) and "by" not in spelt["pages"]:
            spelt["pages"] = {"by": "page", **spelt["pages"]}
        return spelt

    @model_validator(mode="after")
    def _has_its_keys(self) -> Definition:
        known = {*self.columns, *self.constants}
        if missing := [name for name in self.keys if name not in known]:
            raise ValueError(f"keys: {', '.join(missing)}: no such column")
        if WINDOW in known:
            raise ValueError(f"{WINDOW} is the tap's own column")
        if both := sorted({*self.columns} & {*self.constants}):
            raise ValueError(f"{', '.join(both)}: a column and a constant")
        return self


@dataclass(frozen=True)
class Common:
    """What all streams of an API have in common, unless they say otherwise.

    Attributes:
        body: Members of what each POST sends.
        constants: Columns that have one value in all rows.
        start: The first day of windows.
    """

    body: dict[str, Any]
    constants: dict[str, str]
    start: str

    def completed(self, entry: Any) -> Any:
        """Add to a stream what it does not say itself.

        Args:
            entry: As the configuration has it.

        Returns:
            The entry, completed.
        """
        if not isinstance(entry, dict):
            return entry
        given = {**entry, "constants": {**self.constants, **entry.get("constants", {})}}
        if entry.get("method") == "POST" and isinstance(entry.get("body", {}), dict):
            given["body"] = {**self.body, **entry.get("body", {})}
        if isinstance(entry.get("window"), dict) and self.start:
            given["window"] = {"start": self.start, **entry["window"]}
        return given


def read(entries: list[Any]) -> list[Definition]:
    """Read the setting `streams`.

    Args:
        entries: As the configuration has it, completed.

    Returns:
        The streams.

    Raises:
        WrongDefinition: With everything that is wrong, each with its place.
    """
    found: list[Definition] = []
    problems: list[str] = []
    for place, entry in enumerate(entries):
        name = entry.get("name", place) if isinstance(entry, dict) else place
        try:
            found.append(Definition.model_validate(entry))
        except ValidationError as error:
            problems += [
                f"streams: {name}: {'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}"
                for each in error.errors(include_input=False, include_url=False)
            ]
    names = [each.name for each in found]
    problems += [
        f"streams: {name} is there {names.count(name)} times"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    if not entries:
        problems.append("streams: nothing is to be read")
    if problems:
        raise WrongDefinition(problems)
    return found


def first_day(definition: Definition, start: str) -> date:
    """Read the first day of a stream's windows.

    Args:
        definition: The stream.
        start: Its setting, variables replaced.

    Returns:
        The day.

    Raises:
        WrongDefinition: If it is none.
    """
    try:
        return date.fromisoformat(start)
    except ValueError:
        raise WrongDefinition(
            [
                f"streams: {definition.name}: window.start must be a day such as 2024-01-31"
            ]
        ) from None
