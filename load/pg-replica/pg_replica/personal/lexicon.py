"""Words of names: split, without accents, and looked up in `words.yml`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

_LONGEST_PHRASE = 5  # words
_SHORTEST_PART = 3  # letters of a word inside a compound
_SHORTEST_COMPOUND = 6
_LONGEST_COMPOUND = 40
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NO_WORD = re.compile(r"[_\d]")  # a name's digits are left out too
_ENDINGS = ("s", "es", "e", "en", "n", "er", "i", "x", "in", "innen")


@dataclass(frozen=True)
class Kind:
    """What a personal column may hold.

    Attributes:
        name: Its name in `words.yml`.
        says: The same for people.
        action: `pseudonymise` or `exclude`.
        when: In which company its words mean that.
        types: Letters of the classes of types that can hold it.
    """

    name: str
    says: str
    action: str
    when: str
    types: str


@dataclass(frozen=True)
class Match:
    """Words of a name that are known.

    Attributes:
        kind: What they say.
        first: The place of their first word in the name.
        stop: The place behind their last one.
    """

    kind: Kind
    first: int
    stop: int


class Lexicon:
    """The words, ready to be looked up.

    Attributes:
        kinds: By name.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        """Index the words.

        Args:
            content: What `words.yml` holds.
        """
        self.kinds: dict[str, Kind] = {}
        self._single: dict[str, list[Kind]] = {}
        self._phrases: dict[str, list[Kind]] = {}
        for name, entry in content["kinds"].items():
            kind = Kind(
                name, entry["says"], entry["action"], entry["when"], entry["types"]
            )
            self.kinds[name] = kind
            for word in dict.fromkeys(entry["words"].split()):
                index = self._phrases if "_" in word else self._single
                index.setdefault(_NO_WORD.sub("", word), []).append(kind)
        sets = {
            name: frozenset(text.split())
            for name, text in content.items()
            if name != "kinds"
        }
        self.people = sets["people"]
        self.writing = sets["writing"]
        self.marks = sets["marks"]
        self.tracks = sets["tracks"]
        self.things = sets["things"]
        self.tails = sets["tails"]
        self.plain = sets["plain"]
        self.given_names = sets["given_names"]
        self.telling = sets["telling"]
        self.few_values = sets["few_values"]
        self.queue_columns = sets["queue_columns"]
        self.session_columns = sets["session_columns"]
        self.by = frozenset(word.replace("_", "") for word in sets["by"])
        self._known = frozenset(
            word
            for word in self.people
            | self.things
            | self.plain
            | self.tails
            | self.writing
            | self._single.keys()
            | self._phrases.keys()
            if len(word) >= _SHORTEST_PART
        )

    def words(self, name: str) -> list[str]:
        """Split a name into words.

        Args:
            name: Of a column or table: `firstName`, `FIRST_NAME`, `date de naissance`, `custname`.

        Returns:
            Its words, in lower case and without accents; compounds of known words in their parts.
        """
        found: list[str] = []
        for word in _WORDS.findall(plain_letters(name)):
            if word.isdigit():
                continue
            found += self._parts(word.lower())
        return found

    def _parts(self, word: str) -> list[str]:
        if (
            not _SHORTEST_COMPOUND <= len(word) <= _LONGEST_COMPOUND
            or word in self._known
        ):
            return [word]
        if any(self._is_known_form(word, ending) for ending in _ENDINGS):
            return [word]
        return self._segmented(word) or [word]

    def _is_known_form(self, word: str, ending: str) -> bool:
        return word.endswith(ending) and word[: -len(ending)] in self._known

    def _segmented(self, word: str) -> list[str] | None:
        """Cut a compound into known words, the longest first; None where it is none."""
        if word in self._known:
            return [word]
        for end in range(len(word) - _SHORTEST_PART, _SHORTEST_PART - 1, -1):
            head, rest = word[:end], word[end:]
            if head in self._known:
                for cut in (0, 1):  # a joint, as German has it: `kunde-n-name`
                    if not cut or rest[0] in "sn":
                        tail = self._segmented(rest[cut:])
                        if tail:
                            return [head, *tail]
        return None

    def matches(self, words: list[str]) -> list[Match]:
        """Find the known words of a name, the longest at each place.

        Args:
            words: The name's words.

        Returns:
            The matches; several where words have several meanings.
        """
        found: list[Match] = []
        place = 0
        while place < len(words):
            longest = min(_LONGEST_PHRASE, len(words) - place)
            for length in range(longest, 0, -1):
                kinds = self._kinds("".join(words[place : place + length]), length)
                if kinds:
                    found += [Match(kind, place, place + length) for kind in kinds]
                    place += length - 1
                    break
            place += 1
        return found

    def _kinds(self, text: str, length: int) -> list[Kind]:
        kinds = self._phrases.get(text, [])
        if length == 1:
            kinds = [*kinds, *self._single.get(text, [])]
            if not kinds and text.endswith("s"):
                kinds = self._single.get(text[:-1], [])
        return kinds

    def is_known(self, word: str) -> bool:
        """Say whether a word stands in any list.

        Args:
            word: In lower case, without accents.

        Returns:
            Whether it does, in this form or a plural.
        """
        return (
            word in self._known
            or word in self.plain
            or any(self._is_known_form(word, ending) for ending in _ENDINGS)
        )

    def means_people(self, word: str) -> bool:
        """Say whether a word is one for people.

        Args:
            word: In lower case, without accents.

        Returns:
            Whether it is, in this form or a plural.
        """
        return word in self.people or any(
            word.endswith(ending) and word[: -len(ending)] in self.people
            for ending in _ENDINGS
        )


def plain_letters(text: str) -> str:
    """Take accents off.

    Args:
        text: Any text.

    Returns:
        The same letters, as far as they have a plain form.
    """
    text = (
        text.replace("ß", "ss").replace("ø", "o").replace("ł", "l").replace("æ", "ae")
    )
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """Read the words, once.

    Returns:
        The lexicon.
    """
    text = resources.files("pg_replica.personal").joinpath("words.yml")
    return Lexicon(yaml.safe_load(text.read_text(encoding="utf-8")))
