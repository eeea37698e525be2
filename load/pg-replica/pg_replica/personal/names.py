"""What the name of a column says, in the company of its table's name."""

from __future__ import annotations

from dataclasses import dataclass

from pg_replica.personal.lexicon import Kind, Lexicon, Match
from pg_replica.personal.model import ColumnFacts

# How sure a name makes us, by the company in which its words mean a person.
_ALWAYS, _OWN_PERSON, _PEOPLE, _WRITING = 0.9, 0.85, 0.8, 0.75
_UNSURE, _SHORT, _NO, _BY = 0.6, 0.5, 0.2, 0.7
_SHORT_WORD = 3  # letters: `via`, `cap`, `str` mean many things
_CLEAR = frozenset(
    {"zip", "plz", "rue", "adr", "cep", "bio"}
)  # short, and of one meaning
_KEYS = frozenset({"id", "ids", "fk", "pk", "key", "uuid", "guid", "oid"})
_NUMBERS = frozenset({"no", "num", "number", "nr", "numero", "nummer", "nb"})
_YES_OR_NO = frozenset(
    {"is", "has", "had", "can", "est", "ist", "es", "nb", "num", "count", "total"}
)
_CONTACTS = ("email", "phone")
# In a table about a thing these are the thing's, unless somebody is named.
_OF_THINGS = {
    "email": 0.6,
    "phone": 0.35,
    "network": 0.35,
    "device": 0.5,
    "bank": 0.45,
}
_LOOSE = {"free_text": 0.55, "free_text_content": 0.4, "payload": 0.5, "attached": 0.4}


@dataclass(frozen=True)
class Company:
    """What a table is about.

    Attributes:
        people: Whether it is about people.
        things: Whether it is about companies, products or places.
        writing: Whether it holds what people write or do.
        marks: Whether it holds marks.
        tracks: Whether it holds places where people were.
    """

    people: bool = False
    things: bool = False
    writing: bool = False
    marks: bool = False
    tracks: bool = False


@dataclass(frozen=True)
class Opinion:
    """What a name says.

    Attributes:
        kind: What the column seems to hold.
        confidence: From 0 to 1.
        reason: Why, in a few words.
    """

    kind: Kind
    confidence: float
    reason: str


def company(lexicon: Lexicon, table: str) -> Company:
    """Say what a table is about, by its name.

    Args:
        lexicon: The words.
        table: Its name.

    Returns:
        What it is about.
    """
    words = lexicon.words(table)
    if not words:
        return Company()
    people = any(map(lexicon.means_people, words))
    ends = {words[0], words[-1]}
    is_thing = bool(ends & lexicon.things)
    # `user_roles` and `types_clients` are about roles and types; `company_contacts` about contacts.
    named = (
        people
        and words[-1] not in lexicon.things
        and not (words[0] in lexicon.things and not lexicon.means_people(words[-1]))
    )
    return Company(
        people=named,
        things=is_thing and not named,
        writing=any(word in lexicon.writing for word in words),
        marks=any(word in lexicon.marks for word in words),
        tracks=any(word in lexicon.tracks for word in words),
    )


def opinion(lexicon: Lexicon, column: ColumnFacts, about: Company) -> Opinion | None:
    """Say what a column's name means in its table.

    Args:
        lexicon: The words.
        column: The column.
        about: What its table is about.

    Returns:
        The surest meaning; None where no word is known, or the words mean nothing personal.
    """
    words = lexicon.words(column.name)
    if not words or _is_about_itself(words):
        return None
    letter = column.type_class
    found = [
        said
        for match in lexicon.matches(words)
        if letter in match.kind.types
        and not _is_only_named(lexicon, match, words, letter)
        and (said := _said(lexicon, match, words, about))
    ]
    if letter == "t":
        found += _of_people(lexicon, words, found)
    return max(found, key=lambda said: said.confidence, default=None)


def knows(lexicon: Lexicon, name: str) -> bool:
    """Say whether every word of a name is in some list.

    Args:
        lexicon: The words.
        name: The name.

    Returns:
        Whether nothing of it is unknown.
    """
    return all(len(word) <= 1 or lexicon.is_known(word) for word in lexicon.words(name))


def _is_about_itself(words: list[str]) -> bool:
    return len(words) > 1 and words[0] in _YES_OR_NO - _NUMBERS


def _is_only_named(
    lexicon: Lexicon, match: Match, words: list[str], letter: str
) -> bool:
    """Say whether the last word makes it something else: `email_template`, `phone_id`."""
    behind = words[match.stop :]
    if not behind:
        return False
    if letter in "nu" and behind[-1] in _KEYS:
        return True
    return any(word in lexicon.tails for word in behind)


def _said(
    lexicon: Lexicon, match: Match, words: list[str], about: Company
) -> Opinion | None:
    others = words[: match.first] + words[match.stop :]
    own = any(map(lexicon.means_people, others))
    own_thing = not own and any(word in lexicon.things for word in others)
    kind = match.kind
    confidence = _confidence(kind, match, words, about, own=own, own_thing=own_thing)
    if confidence is None:
        return None
    said = "_".join(words[match.first : match.stop])
    return Opinion(kind, confidence, f"its name says {said!r}")


def _confidence(
    kind: Kind,
    match: Match,
    words: list[str],
    about: Company,
    *,
    own: bool,
    own_thing: bool,
) -> float | None:
    of_thing = (about.things or own_thing) and not own
    if kind.when == "always":
        return _OF_THINGS.get(kind.name, _ALWAYS) if of_thing else _ALWAYS
    if own:
        return _OWN_PERSON
    if of_thing and not about.writing:
        return _NO
    if about.people and not own_thing:
        return _PEOPLE
    if kind.when == "person":
        return _of_tables(kind, about)
    if about.writing:
        return _WRITING
    text = "".join(words[match.first : match.stop])
    loose = _LOOSE.get(kind.name, _UNSURE)
    if len(text) <= _SHORT_WORD and text not in _CLEAR:
        return min(loose, _SHORT - 0.1)
    return loose


def _of_tables(kind: Kind, about: Company) -> float:
    if kind.name == "mark" and about.marks:
        return _WRITING
    if kind.name == "position" and about.tracks:
        return _WRITING
    return _NO


def _of_people(
    lexicon: Lexicon, words: list[str], found: list[Opinion]
) -> list[Opinion]:
    """Know a column that says who: `driver`, `created_by`, `contact_commercial`."""
    kind = lexicon.kinds["full_name"]
    if "".join(words) in lexicon.by:
        return [Opinion(kind, _BY, "its name says who did something")]
    if any(said.confidence >= _SHORT for said in found):
        return []
    if not any(map(lexicon.means_people, words)):
        return []
    rest = [word for word in words if not lexicon.means_people(word)]
    if not rest:
        return [Opinion(kind, _WRITING, "its name is a word for people")]
    if all(word in _NUMBERS for word in rest):
        number = lexicon.kinds["national_id"]
        return [Opinion(number, _SHORT, "its name says a number of a person")]
    if any(word in lexicon.plain | lexicon.tails | lexicon.things for word in rest):
        return []
    return [Opinion(kind, _SHORT + 0.05, "its name has a word for people")]
