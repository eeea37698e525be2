"""What a few values of a column look like: counted, and never kept nor shown."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from types import ModuleType

import phonenumbers
from stdnum import iban, luhn
from stdnum.be import nn as belgian
from stdnum.br import cpf
from stdnum.ch import ssn as swiss
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import cc
from stdnum.ro import cnp
from stdnum.se import personnummer

from pg_replica.personal.lexicon import Lexicon, plain_letters

_EMAIL = re.compile(r"[^@\s<>\"']{1,64}@[^@\s<>\"']+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+?[\d\s().\-/]{7,22}(?:\s?(?:x|ext\.?)\s?\d{1,6})?")
_REGIONS = ("FR", "GB", "DE", "ES", "IT", "US", "NL", "PT", "PL", "RO", "BE", "CH")
_NUMBER = re.compile(r"(?=(?:\D*\d){6})[A-Za-z0-9 .+/\-]{6,24}")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_BCRYPT = re.compile(
    r"\$(?:2[abxy]|argon2\w*|5|6|1|scrypt|pbkdf2\S*)\$\S{8,}|pbkdf2_\w+\$\d+\$\S+|\{\w+\}\S{16,}"
)
_JWT = re.compile(r"ey[\w-]{10,}\.ey[\w-]{10,}\.[\w-]*")
_AGENT = re.compile(r"(?:Mozilla|Opera|Dalvik|okhttp|curl)/\d")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_PROFILE = re.compile(
    r"https?://(?:www\.)?(?:linkedin\.com/in|facebook\.com|twitter\.com|x\.com|instagram\.com)/\S+",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"^\s*\d{1,5}\s?(?:bis|ter|[a-zA-Z])?[\s,]+[^\W\d]|[^\W\d][^\d]*\s\d{1,5}\s?[a-zA-Z]?(?:\s*$|,|\n)"
)
_STREET = re.compile(
    r"\b(?:rue|avenue|boulevard|bd|chemin|impasse|all[ée]e|place|quai|route|street|st|road|rd|lane|ln|drive|dr|court|way|"
    r"ave|blvd|calle|avenida|paseo|plaza|via|viale|corso|piazza|vicolo|largo|straat|laan|weg|plein|rua|travessa|ulica|ul|"
    r"strada|str|bulevardul|aleea|gasse|platz|allee|ring|suite|apt|po box|bp)\b"
    r"|stra(?:ß|ss)e|str\.|gasse|weg\b|platz\b|straat|gatan|gade|vej\b|katu\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_TITLE = re.compile(
    r"\b(?:M\.|Mme|Mlle|Mr|Mrs|Ms|Dr|Herr|Frau|Sr|Sra|Sig|Dott)\b\.?\s+[A-ZÀ-Ý]"
)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_NUMBERS: tuple[ModuleType, ...] = (
    nir,
    dni,
    nie,
    codicefiscale,
    idnr,
    bsn,
    cpf,
    swiss,
    belgian,
    cpr,
    hetu,
    fodselsnummer,
    pesel,
    cc,
    cnp,
    personnummer,
)
_PROBE = 12  # values by which a shape is ruled out
_ENOUGH = 8  # values by which something can be said
_NAME_WORDS = 4
_TEXT_WORDS = 4.0  # in the mean, of free text
_OLDEST, _YOUNGEST = 1915, 2022  # years of birth
_SPREAD = 15  # years between the first and the last birth of a table of people
_KEY = re.compile(r'"([^"\\]{1,63})"\s*:')
_MANY_KEYS = 500


@dataclass(frozen=True)
class Shape:
    """What the values of a column look like.

    Attributes:
        count: Values that were looked at, NULLs and empty ones left out.
        distinct: How many of them differ.
        shares: By kind of `words.yml`, the part that looks like it, from 0 to 1.
        words: Words of a value, in the mean.
        capitalised: The part that is one to four words, each with a capital letter.
        keys: Keys of JSON objects, the inner ones too.
        lengths: Of the shortest and the longest value, in characters.
    """

    count: int
    distinct: int
    shares: dict[str, float]
    words: float
    capitalised: float
    keys: frozenset[str]
    lengths: tuple[int, int]

    @property
    def is_list(self) -> bool:
        """Whether a few values are all there are: a status, a type."""
        return self.count >= 3 * _ENOUGH and self.distinct <= max(6, self.count // 20)

    @property
    def is_telling(self) -> bool:
        """Whether there are enough values to say something."""
        return self.count >= _ENOUGH


def shape(values: Sequence[str | None], lexicon: Lexicon) -> Shape:
    """Look at values.

    Args:
        values: As text; None for NULL.
        lexicon: For given names.

    Returns:
        Shares and counts, no value.
    """
    texts = [value.strip() for value in values if value and value.strip()]
    if not texts:
        return Shape(0, 0, {}, 0.0, 0.0, frozenset(), (0, 0))
    shares = {kind: _share(texts, looks) for kind, looks in _LOOKS.items()}
    names = [_WORD.findall(text) for text in texts]
    shares["full_name"] = sum(1 for words in names if _is_name(words, lexicon)) / len(
        texts
    )
    shares["birth"] = _births(texts)
    shares["free_text"] = _mentions(texts, names, lexicon)
    lengths = [len(text) for text in texts]
    return Shape(
        len(texts),
        len(set(texts)),
        shares,
        sum(map(len, names)) / len(texts),
        sum(1 for words in names if _is_capitalised(words)) / len(texts),
        frozenset(_keys(texts)),
        (min(lengths), max(lengths)),
    )


def _share(texts: list[str], looks: Callable[[str], bool]) -> float:
    """Count, unless the first ones say that there is nothing to count: looking is slow."""
    if not any(map(looks, texts[:_PROBE])):
        return 0.0
    return sum(map(looks, texts)) / len(texts)


def _is_email(text: str) -> bool:
    return _EMAIL.fullmatch(text.strip("<>{}")) is not None


def _is_phone(text: str) -> bool:
    if not _PHONE.fullmatch(text) or _DAY.match(text) or _is_network(text):
        return False
    digits = re.sub(r"\D", "", text)
    if text.isdigit() and not text.startswith("0"):
        return False  # a number like any other
    if text.startswith(("+", "00")) or text.count(" ") + text.count("-") >= 2:
        return 7 <= len(digits) <= 17
    return any(_is_possible(text, region) for region in _REGIONS)


def _is_possible(text: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _is_network(text: str) -> bool:
    if _MAC.fullmatch(text):
        return True
    if "." not in text and ":" not in text:
        return False
    try:
        ipaddress.ip_interface(text.split(",", maxsplit=1)[0].strip())
    except ValueError:
        return False
    return True


def _is_national_id(text: str) -> bool:
    if not _NUMBER.fullmatch(text) or _DAY.match(text):
        return False
    return bool(_SSN.fullmatch(text)) or any(_is_valid(form, text) for form in _NUMBERS)


def _is_valid(form: ModuleType, text: str) -> bool:
    try:
        return bool(form.is_valid(text))
    except (ValueError, TypeError, KeyError, IndexError):
        return False


def _is_card(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    return (
        digits.isdigit()
        and 13 <= len(digits) <= 19
        and digits[0] in "23456"
        and luhn.is_valid(digits)
    )


def _is_address(text: str) -> bool:
    return len(text) < 200 and bool(_NUMBERED.search(text) and _STREET.search(text))


_LOOKS: dict[str, Callable[[str], bool]] = {
    "email": _is_email,
    "phone": _is_phone,
    "bank": lambda text: 14 < len(text) < 45 and _is_valid(iban, text),
    "national_id": _is_national_id,
    "card": _is_card,
    "network": _is_network,
    "credential": lambda text: bool(_BCRYPT.fullmatch(text) or _JWT.fullmatch(text)),
    "device": lambda text: bool(_AGENT.match(text)),
    "website": lambda text: bool(_PROFILE.match(text)),
    "address": _is_address,
}


def _is_capitalised(words: list[str]) -> bool:
    return (
        1 <= len(words) <= _NAME_WORDS
        and all(word[0].isupper() for word in words if len(word) > _NAME_WORDS - 1)
        and words[0][0].isupper()
    )


def _is_name(words: list[str], lexicon: Lexicon) -> bool:
    return 1 <= len(words) <= _NAME_WORDS and any(
        part in lexicon.given_names
        for word in words
        for part in plain_letters(word).lower().split("-")
    )


def _births(texts: list[str]) -> float:
    """Give the part that are days on which people of all ages could have been born."""
    years = [int(match.group(1)) for text in texts if (match := _DAY.match(text))]
    if len(years) < len(texts) or max(years) - min(years) < _SPREAD:
        return 0.0
    now = datetime.now(timezone.utc).year
    if max(years) > now or sum(year >= now - 2 for year in years) > len(years) / 10:
        return 0.0
    return sum(_OLDEST <= year <= _YOUNGEST for year in years) / len(years)


def _mentions(texts: list[str], names: list[list[str]], lexicon: Lexicon) -> float:
    """Give the part of free text that tells of people: an address, a title, a given name."""
    if sum(map(len, names)) / len(texts) < _TEXT_WORDS:
        return 0.0
    told = sum(
        1
        for text, words in zip(texts, names, strict=True)
        if _EMAIL.search(text)
        or _TITLE.search(text)
        or any(
            word[0].isupper() and plain_letters(word).lower() in lexicon.given_names
            for word in words
        )
    )
    return told / len(texts)


def _keys(texts: list[str]) -> Iterator[str]:
    """Give the keys of JSON objects, a bounded number of them; the text may be cut."""
    keys = (
        match.group(1)
        for text in texts
        if text[:1] in "{["
        for match in _KEY.finditer(text)
    )
    return itertools.islice(keys, _MANY_KEYS)
