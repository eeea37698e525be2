"""How many personal columns of labelled schemas are found, and how many others taken for one.

    python benchmarks/propose.py [--wrong] [--set tuned|held-out]

Needs no server: the labels in `benchmarks/propose/labels` name the kinds of values, Faker invents
them in the schema's language, and the detector gets what it would get of a database: once names and
types alone, once with 100 sampled values of each column. Recall is the part of the personal columns
that are proposed, precision the part of the proposed ones that are personal.
"""

from __future__ import annotations

import argparse
import csv
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faker import Faker

from pg_replica.personal.judge import judge
from pg_replica.personal.model import ColumnFacts, TableFacts

LABELS = Path(__file__).parent / "propose" / "labels"
HELD_OUT = {
    "en_gis",
    "en_hr_abbrev",
    "fr_mairie",
    "de_verein",
    "it_comune",
    "ro_clinica",
}
_LOCALES = {
    "en": "en_GB",
    "fr": "fr_FR",
    "de": "de_DE",
    "es": "es_ES",
    "it": "it_IT",
    "ro": "ro_RO",
}
_ROWS = 100
_CHOICES = {
    "status": ["open", "closed", "pending"],
    "lang": ["en", "fr", "de"],
    "currency": ["EUR", "USD"],
    "gender": ["F", "M", "X"],
    "marital": ["S", "M", "D", "W"],
    "religion": ["none", "catholic", "muslim"],
    "nation": ["FR", "DE", "RO", "IT"],
    "bool": ["t", "f"],
    "region": ["north", "south", "east"],
}


@dataclass(frozen=True)
class Label:
    """A column, as a reader has labelled it.

    Attributes:
        schema: The file.
        table: Its table.
        facts: Its name and type.
        personal: Whether it is personal.
        values: The kind of values.
    """

    schema: str
    table: str
    facts: ColumnFacts
    personal: bool
    values: str


def labels() -> Iterator[Label]:
    """Read the labels.

    Yields:
        Each column.
    """
    for file in sorted(LABELS.glob("*.csv")):
        with file.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                facts = ColumnFacts(row["column"], row["type"])
                yield Label(
                    file.stem,
                    row["table"],
                    facts,
                    row["personal"] == "yes",
                    row["values"],
                )


def _values(kind: str, fake: Any) -> list[str | None]:
    """Invent values of a kind."""
    make = _makers(fake).get(kind)
    if kind in _CHOICES:
        made = [fake.random_element(_CHOICES[kind]) for _ in range(_ROWS)]
    elif make:
        made = [str(make()) for _ in range(_ROWS)]
    else:
        raise ValueError(f"no values of kind {kind!r}")
    # Some are missing, as in any table.
    return [None if number % 10 == 7 else text for number, text in enumerate(made)]


def _makers(fake: Any) -> dict[str, Callable[[], Any]]:
    """Give a maker of each kind of value."""
    numbers = iter(range(1, 10 * _ROWS))
    return {
        "serial": lambda: next(numbers),
        "int": lambda: fake.random_int(0, 400),
        "amount": lambda: fake.pydecimal(left_digits=4, right_digits=2),
        "ts": lambda: fake.date_time_between("-3y"),
        "date": lambda: fake.date_between("-6y"),
        "birth": lambda: fake.date_of_birth(minimum_age=4, maximum_age=90),
        "first": fake.first_name,
        "last": fake.last_name,
        "full": fake.name,
        "initial": fake.random_uppercase_letter,
        "courtesy": fake.prefix,
        "username": fake.user_name,
        "email": fake.email,
        "emails": lambda: f"{{{fake.email()},{fake.email()}}}",
        "phone": fake.phone_number,
        "extension": lambda: fake.random_int(100, 9999),
        "street": fake.street_address,
        "city": fake.city,
        "zip": fake.postcode,
        "country": fake.country,
        "company": fake.company,
        "job": fake.job,
        "product": lambda: fake.bs() if hasattr(fake, "bs") else fake.catch_phrase(),
        "word": fake.word,
        "code": lambda: fake.bothify("??-####").upper(),
        "slug": lambda: "-".join(fake.words(3)),
        "path": fake.uri_path,
        "file": fake.file_name,
        "url": fake.url,
        "url_profile": lambda: f"https://www.linkedin.com/in/{fake.user_name()}",
        "host": fake.hostname,
        "sentence": fake.sentence,
        "note": lambda: f"{fake.sentence()} {_told(fake)} {fake.sentence()}",
        "health": fake.sentence,
        "ip": fake.ipv4,
        "ua": fake.user_agent,
        "uuid": fake.uuid4,
        "token": lambda: secrets.token_urlsafe(24),
        "hash": lambda: secrets.token_hex(32),
        "bcrypt": lambda: f"$2b$12${secrets.token_urlsafe(40)}",
        "iban": fake.iban,
        "bic": fake.swift,
        "card": fake.credit_card_number,
        "nid": fake.ssn,
        "plate": fake.license_plate,
        "lat": fake.latitude,
        "lon": fake.longitude,
        "wkt": lambda: f"POINT({fake.longitude()} {fake.latitude()})",
        "bytes": lambda: "\\x" + secrets.token_hex(20),
        "json_person": lambda: json.dumps(
            {"user": {"email": fake.email(), "last_name": fake.last_name()}, "n": 1}
        ),
        "json_config": lambda: json.dumps({"retries": 3, "colour": fake.color_name()}),
    }


def _told(fake: Any) -> str:
    """Name somebody, now and then."""
    return str(fake.random_element(["", "", f"{fake.name()}.", fake.email()]))


def _proposed(found: list[Label], *, with_samples: bool) -> set[Label]:
    """Ask the detector, table by table."""
    tables: dict[tuple[str, str], list[Label]] = defaultdict(list)
    for label in found:
        tables[label.schema, label.table].append(label)
    proposed: set[Label] = set()
    for (schema, table), columns in tables.items():
        fake = Faker(_LOCALES[schema[:2]])
        fake.seed_instance(f"{schema} {table}")
        samples = {
            label.facts.name: _values(label.values, fake)
            for label in columns
            if with_samples
        }
        verdicts = judge(TableFacts(table, [c.facts for c in columns], samples))
        proposed |= {
            label
            for label in columns
            if (said := verdicts.get(label.facts.name)) and said.is_proposed
        }
    return proposed


def _line(title: str, found: list[Label], proposed: set[Label]) -> str:
    """Write recall and precision."""
    personal = {label for label in found if label.personal}
    hits = len(personal & proposed)
    among = proposed & set(found)
    recall = hits / len(personal) if personal else 1.0
    precision = hits / len(among) if among else 1.0
    return (
        f"{title:26} {len(found):4} columns  {len(personal):4} personal  "
        f"recall {recall:6.1%}  precision {precision:6.1%}"
    )


def _wrong(found: list[Label], proposed: set[Label]) -> Iterator[str]:
    for label in found:
        if label.personal != (label in proposed):
            sign = "missed" if label.personal else "taken for personal"
            yield f"  {sign}: {label.schema} {label.table}.{label.facts.name}"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=["tuned", "held-out"], default=None)
    parser.add_argument("--wrong", action="store_true", help="list what is wrong")
    options = parser.parse_args()
    found = [
        label
        for label in labels()
        if options.set is None
        or (label.schema in HELD_OUT) == (options.set == "held-out")
    ]
    schemas = dict.fromkeys(label.schema for label in found)
    for title, with_samples in (("by names alone", False), ("with samples", True)):
        proposed = _proposed(found, with_samples=with_samples)
        print(_line(title, found, proposed))
        for name, is_part in (
            ("tuned", lambda schema: schema not in HELD_OUT),
            ("held out", lambda schema: schema in HELD_OUT),
        ):
            part = [label for label in found if is_part(label.schema)]
            if part:
                print(_line(f"  {name}", part, proposed))
        for schema in schemas:
            part = [label for label in found if label.schema == schema]
            print(_line(f"    {schema}", part, proposed))
        if options.wrong:
            print("\n".join(_wrong(found, proposed)))


if __name__ == "__main__":
    main()
