"""Whether a table's columns look personal: names first, then what a few values look like."""

from __future__ import annotations

from dataclasses import replace

from pg_replica.personal import names
from pg_replica.personal.lexicon import Lexicon, lexicon
from pg_replica.personal.model import PROPOSED, ColumnFacts, TableFacts, Verdict
from pg_replica.personal.names import Company, Opinion
from pg_replica.personal.shapes import Shape, shape

# One of these among those that tell, and a table is about people, whatever it is called.
_OF_A_PERSON = frozenset({"first_name", "last_name", "birth", "gender", "national_id"})
_SURE = 0.75
# Shapes that are only a person's, and those that count where the table is about people.
_CLEAR = (
    "email",
    "bank",
    "card",
    "credential",
    "device",
    "national_id",
    "phone",
    "network",
)
_LIKELY_SHARE = 0.6
_FEW = 0.1  # below this share the name promises what the values do not keep
_CHECKED = frozenset({"email", "network", "bank"})
_TEXTS = frozenset({"free_text", "free_text_content", "free_text_weak", "attached"})
_ADDRESSES = frozenset({"address", "zip", "city"})
_LESS = 0.3
_WRITTEN = 0.05  # of free texts, the part that names people
_LONG = 4.0  # words of a value in the mean, from which on it is text


def judge(table: TableFacts) -> dict[str, Verdict]:
    """Look at a table.

    Args:
        table: Its columns, and a few values where there are some.

    Returns:
        What is said of each column of which something is said, proposed or not.
    """
    words = lexicon()
    about = names.company(words, table.name)
    said = _opinions(words, table, about)
    shapes = {
        column.name: shape(table.samples[column.name], words)
        for column in table.columns
        if column.name in table.samples
    }
    if not about.people and _is_about_people(said, shapes):
        about = replace(about, people=True, things=False)
        said = _opinions(words, table, about)
    found: dict[str, Verdict] = {}
    for column in table.columns:
        verdict = _verdict(
            words, column, said.get(column.name), shapes.get(column.name), about
        )
        if verdict:
            found[column.name] = verdict
    return _contacts(found, about)


def _opinions(words: Lexicon, table: TableFacts, about: Company) -> dict[str, Opinion]:
    return {
        column.name: opinion
        for column in table.columns
        if (opinion := _opinion(words, column, about))
    }


def _opinion(words: Lexicon, column: ColumnFacts, about: Company) -> Opinion | None:
    """Take the name's word first, then the type's name, then the comment."""
    by_name = names.opinion(words, column, about)
    if by_name and by_name.confidence >= PROPOSED:
        return by_name
    if column.type_name:
        stand_in = replace(column, name=column.type_name, type="text")
        by_type = names.opinion(words, stand_in, about)
        if by_type and by_type.kind.name not in ("name", "full_name"):
            return replace(by_type, reason=f"its type is {column.type_name!r}")
    if column.type_class == "i":
        confidence = 0.4 if about.things else 0.8
        return Opinion(words.kinds["network"], confidence, f"its type is {column.type}")
    return _by_comment(words, column, about) or by_name


def _by_comment(words: Lexicon, column: ColumnFacts, about: Company) -> Opinion | None:
    if not column.comment or (names.knows(words, column.name) and about.things):
        return None
    matches = [
        match
        for match in words.matches(words.words(column.comment[:200]))
        if column.type_class in match.kind.types and match.kind.when == "always"
    ]
    if not matches:
        return None
    return Opinion(matches[0].kind, 0.6, "its comment says so")


def _is_about_people(said: dict[str, Opinion], shapes: dict[str, Shape]) -> bool:
    kinds = {
        opinion.kind.name
        for opinion in said.values()
        if opinion.confidence >= _SURE and opinion.kind.name in lexicon().telling
    }
    for seen in shapes.values():
        if seen.is_telling:
            kinds |= {
                kind
                for kind in ("email", "national_id", "full_name")
                if seen.shares.get(kind, 0) >= _LIKELY_SHARE
            }
    return len(kinds) >= 2 and bool(kinds & _OF_A_PERSON or len(kinds) >= 3)


def _verdict(
    words: Lexicon,
    column: ColumnFacts,
    said: Opinion | None,
    seen: Shape | None,
    about: Company,
) -> Verdict | None:
    by_shape = _by_shape(words, column, seen, about) if seen else None
    if said and seen and seen.is_telling:
        said = _weighed(said, seen)
    if said and by_shape and by_shape.kind == said.kind:
        sure = min(0.99, max(said.confidence, by_shape.confidence) + 0.05)
        return _as_verdict(column, replace(said, confidence=sure), by_shape.reason)
    best = max(
        filter(None, (said, by_shape)), key=lambda each: each.confidence, default=None
    )
    if best is None or best.confidence < PROPOSED:
        unknown = _unknown(words, column, seen, about)
        best = unknown or best
    return _as_verdict(column, best) if best else None


def _as_verdict(column: ColumnFacts, opinion: Opinion, *more: str) -> Verdict:
    kind = opinion.kind
    # A pseudonym is a text: of a date or a number only its absence keeps the type.
    action = kind.action if column.type_class in "tu" else "exclude"
    reasons = (opinion.reason, *more)
    return Verdict(kind.name, kind.says, action, round(opinion.confidence, 2), reasons)


def _weighed(said: Opinion, seen: Shape) -> Opinion:
    """Believe a name less whose values look like something else."""
    kind, confidence = said.kind.name, said.confidence
    if kind in _CHECKED and seen.shares.get(kind, 0) < _FEW:
        return replace(said, confidence=confidence - _LESS)
    if kind in _TEXTS and seen.words < 2 and seen.lengths[1] < 30:
        return replace(said, confidence=confidence - _LESS)
    if seen.is_list and kind not in lexicon().few_values:
        return replace(said, confidence=confidence - _LESS)
    if kind == "payload":  # keys that are personal speak for themselves
        return replace(said, confidence=confidence - _LESS)
    return said


def _by_shape(
    words: Lexicon, column: ColumnFacts, seen: Shape, about: Company
) -> Opinion | None:
    """Say what the values say by themselves."""
    if keyed := _by_keys(words, seen):
        return keyed
    if not seen.is_telling:
        return None
    for kind in (*_CLEAR, "website"):
        share = seen.shares.get(kind, 0)
        if share >= _LIKELY_SHARE:
            sure = 0.65 + 0.3 * share
            if kind == "phone" and (about.things or column.type_class != "t"):
                sure = 0.45
            if kind == "network" and about.things:
                sure = 0.45
            return Opinion(words.kinds[kind], sure, _of_values(share, kind, words))
    return _in_company(words, column, seen, about)


def _in_company(
    words: Lexicon, column: ColumnFacts, seen: Shape, about: Company
) -> Opinion | None:
    """Say what values say that may be of things as well."""
    if seen.is_list:
        return None
    shares = seen.shares
    if shares["free_text"] >= _WRITTEN and seen.words >= _LONG:
        sure = 0.4 if about.things and not about.writing else 0.7
        return Opinion(words.kinds["free_text"], sure, "sampled texts name people")
    if shares["full_name"] >= 0.4 and seen.capitalised >= 0.7 and seen.distinct > 5:
        sure = 0.5 if about.things else 0.75
        return Opinion(
            words.kinds["full_name"],
            sure,
            _of_values(shares["full_name"], "full_name", words),
        )
    if shares["address"] >= 0.4:
        sure = 0.3 if about.things else 0.65
        return Opinion(
            words.kinds["address"],
            sure,
            _of_values(shares["address"], "address", words),
        )
    if shares["birth"] >= 0.9 and about.people and column.type_class in "dt":
        return Opinion(
            words.kinds["birth"], 0.55, _of_values(shares["birth"], "birth", words)
        )
    return None


def _of_values(share: float, kind: str, words: Lexicon) -> str:
    return f"{share:.0%} of sampled values look like {words.kinds[kind].says}"


def _by_keys(words: Lexicon, seen: Shape) -> Opinion | None:
    """Look at the keys of JSON as at columns of a table of which nothing is known."""
    personal = sorted(
        {
            opinion.kind.says
            for key in seen.keys
            if (opinion := names.opinion(words, ColumnFacts(key, "text"), Company()))
            and opinion.confidence >= _SURE
        }
    )
    if not personal:
        return None
    return Opinion(
        words.kinds["payload"],
        0.85,
        f"sampled JSON has keys of {', '.join(personal[:3])}",
    )


def _unknown(
    words: Lexicon, column: ColumnFacts, seen: Shape | None, about: Company
) -> Opinion | None:
    """Suspect text of an unknown name in a table about people."""
    if not about.people or column.type_class != "t":
        return None
    if names.knows(words, column.name):
        return None
    kind = words.kinds["free_text_weak"]
    if seen is None or not seen.is_telling:
        return Opinion(
            kind, PROPOSED, "its name is unknown, and its table is about people"
        )
    if seen.is_list or seen.distinct < seen.count / 3:
        return None
    if seen.capitalised >= 0.8:
        kind = words.kinds["name"]
        return Opinion(
            kind,
            0.55,
            "sampled values are written as names are, in a table about people",
        )
    if seen.words >= _LONG:
        return Opinion(kind, 0.55, "sampled values are text, in a table about people")
    return None


def _contacts(found: dict[str, Verdict], about: Company) -> dict[str, Verdict]:
    """Take a company's telephone for a person's where the company's contact is named."""
    if not about.things:
        return found
    named = any(
        verdict.is_proposed
        and verdict.kind in ("name", "full_name", "first_name", "last_name")
        for verdict in found.values()
    )
    if not named:
        return found
    return {
        name: replace(
            verdict,
            confidence=max(verdict.confidence, 0.55),
            reasons=(*verdict.reasons, "the contact is named beside it"),
        )
        if verdict.kind == "phone"
        else verdict
        for name, verdict in found.items()
    }
