"""Names of columns that look as if they held personal data: a person decides, not this list."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# English and French, in lower case and without accents; each a sequence of words.
_PERSONAL = (
    *("email", "e mail", "mail", "courriel", "phone", "telephone", "mobile", "fax"),
    *("first name", "firstname", "last name", "lastname", "full name", "fullname"),
    *("surname", "middle name", "maiden name", "given name", "family name", "nickname"),
    *("prenom", "nom famille", "nom naissance", "nom usage", "username", "user name"),
    *("login", "birthdate", "birth date", "birthday", "date of birth", "birth city"),
    *("birthplace", "birth place", "birth country", "birth postal code", "dob"),
    *("naissance", "address", "adresse", "street", "rue", "password", "mot de passe"),
    *("ssn", "social security", "nir", "insee number", "national student id", "ine"),
    *("passport", "identity card", "iban", "bic", "credit card", "card number"),
    *("ip", "ip address", "user agent", "gender", "sex", "civility", "civilite"),
    *("nationality", "religion", "latitude", "longitude", "geolocation", "photo"),
    *("avatar", "signature", "handicap", "disability", "medical", "health"),
)
# What is about such data and is not the data.
_ABOUT = frozenset(
    ("id", "ids", "at", "count", "is", "has", "type", "status", "version", "enabled")
)
_SEQUENCES = frozenset(tuple(name.split()) for name in _PERSONAL)
_LONGEST = max(map(len, _SEQUENCES))
_ACCENTS = str.maketrans("àâäçéèêëîïôöùûü", "aaaceeeeiioouuu")


def looks_personal(column: str) -> bool:
    """Say whether a column's name promises personal data.

    Args:
        column: Its name, in snake case, camel case or with blanks.

    Returns:
        Whether some words of it do, as in `contactEmail`; not where the others say that it is
        only about such data, as in `email_sent_at` or `is_email_valid`.
    """
    plain = column.translate(_ACCENTS).translate(
        str.maketrans("ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜ", "AAACEEEEIIOOUUU")
    )
    words = [word.lower() for word in _WORDS.findall(plain)]
    found = any(
        tuple(words[start : start + length]) in _SEQUENCES
        for length in range(1, _LONGEST + 1)
        for start in range(len(words) - length + 1)
    )
    exact = tuple(words) in _SEQUENCES
    return found and (exact or not _ABOUT.intersection(words))
