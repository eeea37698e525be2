"""The eight streams: their columns, the payload's field behind each, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from entrepot_core.singer.keywords import INDEXES, REFUSE_EMPTY, TYPE
from entrepot_tap_lcms import values
from entrepot_tap_lcms.values import Misfit

_KINDS: dict[str, tuple[values.Read, list[str]]] = {
    "text": (values.text, ["string"]),
    "text[]": (values.texts, ["array"]),
    "smallint": (values.smallint, ["integer"]),
    "numeric": (values.numeric, ["number", "string"]),
    "numeric(6,5)": (values.numeric_6_5, ["number", "string"]),
    "boolean": (values.boolean, ["boolean"]),
    "timestamp with time zone": (values.timestamptz, ["string"]),
}


@dataclass(frozen=True)
class Column:
    """A column of a stream.

    Attributes:
        name: As the table has it.
        type: PostgreSQL's.
        field: The payload's field from which it comes; empty for a constant.
        derive: What is made of the field's value before it is read as the type.
        description: What it says.
    """

    name: str
    type: str
    field: str
    derive: Callable[[Any], Any] | None = None
    description: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """The property of the JSON schema."""
        kinds = _KINDS[self.type][1]
        described = {"description": self.description} if self.description else {}
        items = {"items": {"type": ["null", "string"]}} if "array" in kinds else {}
        return {
            "type": ["null", *kinds],
            **items,
            TYPE: self.type,
            **described,
        }

    def read(self, record: dict[str, Any]) -> Any:
        """Read the column's value out of a record.

        Args:
            record: As the payload has it.

        Returns:
            The value; None where there is none.

        Raises:
            Misfit: If it does not fit.
        """
        value = record.get(self.field)
        if self.derive is not None:
            value = self.derive(value)
        if value is None and self.type == "boolean":
            raise Misfit("true or false is wanted, and it is missing")
        return _KINDS[self.type][0](value)


@dataclass(frozen=True)
class Content:
    """A stream.

    Attributes:
        name: The stream's, the table's, and the payload's key.
        description: What its records are.
        columns: All but `id`, in order.
        indexes: Columns that have one.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    indexes: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """The payload's fields that are read."""
        return frozenset(column.field for column in self.columns if column.field)

    def schema(self, *, allow_empty: bool) -> dict[str, Any]:
        """Write the JSON schema.

        Args:
            allow_empty: Whether an empty list may take the place of rows.

        Returns:
            The schema, with the keywords that our target knows.
        """
        key = {"type": "string", TYPE: "text", "description": "Identifier"}
        guard = {} if allow_empty else {REFUSE_EMPTY: True}
        return {
            "type": "object",
            "description": self.description,
            INDEXES: [[name] for name in self.indexes],
            **guard,
            "properties": {
                "id": key,
                **{column.name: column.schema for column in self.columns},
            },
        }


def _columns(kind: str, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind, name) for name in names)


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


_TEXT, _TEXTS, _SMALL, _YES = "text", "text[]", "smallint", "boolean"
_NUMERIC, _MOMENT = "numeric", "timestamp with time zone"

CONTENTS = (
    Content("areas", "Domains of digital competence", _columns(_TEXT, "name")),
    Content(
        "attachments",
        "Files and pictures of challenges",
        (
            *_columns(_TEXT, "type", "challengeId", "alt", "url"),
            *_columns(_NUMERIC, "size"),
        ),
    ),
    Content(
        "competences",
        "Competences, each of an area",
        (
            Column("name", _TEXT, "name_i18n", values.in_french, "In French"),
            Column("code", _TEXT, "index", None, "Such as 1.1"),
            Column("title", _TEXT, "name_i18n", values.in_french, "The same as name"),
            *_columns(_TEXT, "origin", "areaId"),
        ),
        ("areaId",),
    ),
    Content(
        "tubes",
        "Series of skills of growing level, each of a competence",
        (
            *_columns(_TEXT, "name"),
            Column(
                "practicalTitle",
                _TEXT,
                "practicalTitle_i18n",
                values.in_french,
                "In French",
            ),
            Column(
                "practicalDescription",
                _TEXT,
                "practicalDescription_i18n",
                values.in_french,
                "In French",
            ),
            *_columns(_TEXT, "competenceId"),
        ),
        ("competenceId",),
    ),
    Content(
        "skills",
        "Skills, each a level of a tube",
        (
            *_columns(_TEXT, "name", "description"),
            *_columns(_SMALL, "level"),
            *_columns(_TEXT, "tubeId", "status"),
            *_columns("numeric(6,5)", "pixValue"),
            Column("hint", _TEXT, "hint_i18n", values.in_french, "In French"),
            *_columns(_TEXT, "hintStatus"),
            *_columns(_TEXTS, "tutorialIds", "learningMoreTutorialIds"),
            *_columns(_TEXT, "internationalisation"),
        ),
        ("tubeId",),
    ),
    Content(
        "challenges",
        "Challenges, each of a skill",
        (
            *_columns(_TEXT, "instruction", "status", "type"),
            *_columns(_SMALL, "timer"),
            *_columns(_YES, "autoReply"),
            *_columns(_TEXT, "skillId"),
            Column("skillIds", _TEXTS, "skillId", values.one, "skillId alone"),
            Column("skillCount", _SMALL, "", _constant(1), "Always 1"),
            Column("firstSkillId", _TEXT, "skillId", None, "The same as skillId"),
            Column("secondSkillId", _TEXT, "", None, "Always NULL"),
            Column("thirdSkillId", _TEXT, "", None, "Always NULL"),
            Column("languages", _TEXTS, "locales", None, "Its locales"),
            *_columns(_TEXT, "embedUrl"),
            Column("hasEmbedUrl", _YES, "embedUrl", values.truthy),
            *_columns(_TEXT, "alternativeInstruction"),
            Column(
                "hasAlternativeInstruction",
                _YES,
                "alternativeInstruction",
                values.truthy,
            ),
            *_columns(_TEXT, "area"),
            Column("focus", _YES, "focusable", values.truthy),
            Column("explicativeResponse", _TEXT, "solutionToDisplay"),
            *_columns(_NUMERIC, "delta", "alpha"),
            *_columns(
                _MOMENT, "createdAt", "validatedAt", "archivedAt", "madeObsoleteAt"
            ),
            *_columns(_TEXT, "accessibility1", "accessibility2", "spoil", "responsive"),
            *_columns(_TEXT, "deafAndHardOfHearing"),
            *_columns(
                _YES,
                "requireGafamWebsiteAccess",
                "isIncompatibleIpadCertif",
                "toRephrase",
                "isAwarenessChallenge",
            ),
            *_columns(_TEXT, "genealogy"),
            *_columns(_SMALL, "version", "alternativeVersion"),
            *_columns(_TEXT, "declinable", "proposals", "solution", "pedagogy"),
            Column("shuffled", _YES, "shuffled", values.truthy),
            *_columns(_TEXTS, "contextualizedFields", "urlsToConsult"),
        ),
        ("firstSkillId",),
    ),
    Content("courses", "Tests made of chosen challenges", _columns(_TEXT, "name")),
    Content(
        "tutorials",
        "Pages elsewhere from which a skill can be learnt",
        (
            *_columns(_TEXT, "title", "link"),
            *_columns(_TEXTS, "tutorialForSkills", "furtherInformation"),
            *_columns(_TEXT, "locale"),
        ),
        ("title",),
    ),
)
