"""Messages between our taps and our target, checked against the classes that describe them."""

from __future__ import annotations

import json
from typing import Any, ClassVar, TypeVar

from pydantic import TypeAdapter, ValidationError

from entrepot_core.base.errors import ReplicaError

_T = TypeVar("_T")
_adapters: dict[type[Any], TypeAdapter[Any]] = {}


class Validated:
    """Base of the dataclasses that JSON is checked against: strictly, and no unknown member."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}


class MalformedMessage(ReplicaError):
    """A message, or a schema in it, is not of the form that both sides agree on."""


def read(kind: type[_T], value: object, what: str) -> _T:
    """Make an instance of a dataclass from the JSON that describes it.

    Args:
        kind: A dataclass with the base `Validated`; its fields say what JSON is expected.
        value: As the JSON has it.
        what: What messages call the value, such as `stream public-answers, BATCH message`.

    Returns:
        The instance.

    Raises:
        MalformedMessage: With every field that is missing, unknown or of another type. No value
            is printed.
    """
    try:
        if kind not in _adapters:
            _adapters[kind] = TypeAdapter(kind)
        # As JSON again: of Python's values, strict pydantic takes no dictionary for a dataclass.
        made: _T = _adapters[kind].validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}"
            for each in error.errors(include_input=False, include_url=False)
        ]
    else:
        return made
    raise MalformedMessage(
        f"{what} is malformed: {'; '.join(problems)}. The tap and the target must be of the same "
        "version of this project"
    )
