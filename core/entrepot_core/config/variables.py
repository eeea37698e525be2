"""The registry of environment variables: what `variables.yml` declares, typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from entrepot_core.config import declared

ALL = "all"  # read by every part


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    Attributes:
        name: Its name.
        sentence: What it is.
        presence: When it must be set.
        type: What a value looks like, with its unit.
        default: What holds where it is not set.
        sample: A value, invented.
        secret: What of a value is hidden: all of it, the password of a URL, the path of a
            webhook (hook), or the tokens and paths of a JSON list of URLs; empty for nothing.
        read_by: The parts that read it, as commands and packages are called.
        redo: Whether another value means other data, so that a night that is continued does
            steps again.
        of_source: Whether it says something of the first source alone: see `second_source`.
        choices: `domains` where the type is followed by the list of domains.
        commented: Whether `.env.example` must not set it, not even to nothing.
    """

    name: str
    sentence: str
    presence: str
    type: str
    default: str
    sample: str
    secret: Literal["", "value", "url", "hook", "receivers"] = ""
    read_by: tuple[str, ...] = ()
    redo: bool = False
    of_source: bool = False
    choices: Literal["", "domains"] = ""
    commented: bool = False


@dataclass(frozen=True)
class Section:
    """Variables of one subject.

    Attributes:
        title: The subject.
        variables: In the order in which people read them.
    """

    title: str
    variables: tuple[Variable, ...]


@cache
def sections() -> tuple[Section, ...]:
    """Read the registry.

    Returns:
        Its sections, in order.
    """
    return tuple(
        Section(
            section["section"],
            tuple(
                Variable(**{**each, "read_by": tuple(each["read_by"])})
                for each in section["variables"]
            ),
        )
        for section in declared.read("variables.yml")
    )


def all_variables() -> Iterator[Variable]:
    """Give every variable, in the registry's order.

    Yields:
        One after the other.
    """
    for section in sections():
        yield from section.variables


def read_by(part: str) -> list[str]:
    """List the variables of a part.

    Args:
        part: Such as `pg-replica`.

    Returns:
        Their names, in the registry's order.
    """
    return [
        each.name
        for each in all_variables()
        if part in each.read_by or ALL in each.read_by
    ]
