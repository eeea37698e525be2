"""Tables as statistics offices, ministries and spreadsheets publish them, with what they hold.

Each file is one of a few tables, written in one of many shapes, or in several at once; what the
table holds is known, so that a reader can be held against it.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

Row = list[str]


@dataclass(frozen=True)
class Written:
    """A table and how it is written.

    Attributes:
        header: Names of the columns.
        rows: Cells.
        delimiter: Between cells.
        encoding: As Python names it.
        line_end: Of each line.
        before: Lines before the header.
        after: Lines behind the last row.
        mends: Changes each line's text, the first being the header's.
        quoting: As the csv module has it.
        mark: Bytes at the beginning.
    """

    header: Row
    rows: list[Row]
    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\n"
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    mends: Callable[[int, str], str] = lambda _, line: line
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL
    mark: bytes = b""

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        lines = [
            self.mends(n, self._line(r))
            for n, r in enumerate([self.header, *self.rows])
        ]
        text = "".join(
            f"{line}{self.line_end}" for line in [*self.before, *lines, *self.after]
        )
        return self.mark + text.encode(self.encoding)

    def _line(self, row: Row) -> str:
        written = io.StringIO(newline="")
        csv.writer(
            written, delimiter=self.delimiter, lineterminator="\n", quoting=self.quoting
        ).writerow(row)
        return written.getvalue().removesuffix("\n")


@dataclass(frozen=True)
class OddFile:
    """A file and what it holds.

    Attributes:
        name: What is odd about it.
        content: Its bytes.
        rows: Its table's cells.
    """

    name: str
    content: bytes
    rows: list[Row]


def communes(rng: random.Random, count: int) -> Written:
    """Communes with codes that begin by zero, and decimal commas."""
    names = [
        "L'Abergement",
        "Bourg-en-Bresse",
        "Ambérieu",
        "Échallon",
        "Oyonnax",
        "Évosges",
    ]
    rows = [
        [
            f"{1000 + n:05}",
            rng.choice(names),
            str(rng.randrange(90, 9000)),
            f"{rng.random() * 90:.1f}".replace(".", ","),
        ]
        for n in range(count)
    ]
    return Written(["code_insee", "Libellé", "Population", "Densité"], rows, ";")


def spending(rng: random.Random, count: int) -> Written:
    """Payments of a department, with delimiters and line breaks inside cells."""
    bodies = ["HM Treasury", "Cabinet Office", "NHS, England"]
    rows = [
        [
            rng.choice(bodies),
            f"{rng.randrange(1, 29):02}/{rng.randrange(1, 13):02}/2023",
            f"Supplier {n}\nLtd" if n % 7 == 3 else f'Supplier "{n}"',
            f"{rng.randrange(25000, 999999) / 100:,.2f}",
        ]
        for n in range(count)
    ]
    return Written(["Department Family", "Date", "Supplier", "Amount"], rows)


def permits(rng: random.Random, count: int) -> Written:
    """Building permits of a city, some cells of which are empty."""
    kinds = ["New Building", "Alteration", "Demolition", ""]
    rows = [
        [
            f"P{n:06}",
            f"2024-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
            rng.choice(kinds),
            str(rng.randrange(1, 900)),
            f"Remark {n} on site",
        ]
        for n in range(count)
    ]
    return Written(["Permit", "Issued", "Kind", "Units", "Remarks"], rows)


def years(rng: random.Random, count: int) -> Written:
    """A count of each year for each region."""
    regions = [
        "Bretagne",
        "Normandie",
        "Occitanie",
        "Île-de-France",
        "Corse",
        "Grand Est",
    ]
    rows = [
        [f"{regions[n % 6]} {n}", *(str(rng.randrange(1000)) for _ in range(4))]
        for n in range(count)
    ]
    return Written(["Région", "2019", "2020", "2021", "2022"], rows, "\t")


def words(rng: random.Random, count: int) -> Written:
    """Answers to a survey, all of them words."""
    colours = ["vert", "bleu", "rouge", "orange très clair"]
    rows = [
        [f"répondant {n}", rng.choice(colours), f"parce que, {n} fois"]
        for n in range(count)
    ]
    return Written(["Qui", "Couleur préférée", "Pourquoi"], rows, "|")


TABLES = (communes, spending, permits, years, words)
Shape = Callable[[Written], Written]


def _titled(*lines: str) -> Shape:
    return lambda table: replace(table, before=[*table.before, *lines])


def _wide_title(table: Written) -> Written:
    ends = table.delimiter * (len(table.header) - 1)
    return replace(
        table,
        before=[
            f"Statistiques par territoire{ends}",
            f"au 1er janvier 2024{ends}",
            ends,
        ],
    )


def _footed(*lines: str) -> Shape:
    return lambda table: replace(table, after=[*table.after, *lines])


def _total(table: Written) -> Written:
    ends = table.delimiter * (len(table.header) - 2)
    return replace(
        table,
        after=[
            f"Total{ends}{table.delimiter}12345",
            "",
            "Source : service statistique",
        ],
    )


def _separator(table: Written) -> Written:
    return replace(table, before=[f"sep={table.delimiter}"], line_end="\r\n")


def _comments(table: Written) -> Written:
    return replace(table, before=["# extrait du 3 mars", "# licence ouverte"])


def _tailed(tail: str, *, header: bool = True) -> Shape:
    def mended(table: Written) -> Written:
        text = tail.replace("{d}", table.delimiter)
        return replace(
            table, mends=lambda n, line: line + text if n or header else line
        )

    return mended


def _encoded(encoding: str, mark: bytes = b"") -> Shape:
    return lambda table: replace(table, encoding=encoding, mark=mark)


def _ended(line_end: str) -> Shape:
    return lambda table: replace(table, line_end=line_end)


def _named_twice(table: Written) -> Written:
    return replace(table, header=[*table.header[:-1], table.header[0]])


def _unnamed(place: int) -> Shape:
    def mended(table: Written) -> Written:
        header = list(table.header)
        header[place] = ""
        return replace(table, header=header)

    return mended


def _grouped(table: Written) -> Written:
    width = len(table.header)
    upper = ["", "Groupe A", *[""] * (width - 3), "Groupe B"]
    return replace(
        table,
        before=[table.delimiter.join(upper)],
        header=[table.header[0], *["valeur"] * (width - 1)],
    )


def _short(table: Written) -> Written:
    rows = [row[:-1] if n % 9 == 4 else row for n, row in enumerate(table.rows)]
    return replace(table, rows=rows)


def _all_quoted(table: Written) -> Written:
    return replace(table, quoting=csv.QUOTE_ALL)


def _cut_by(delimiter: str) -> Shape:
    return lambda table: replace(table, delimiter=delimiter)


SHAPES: dict[str, list[Shape]] = {
    "plain": [],
    "title": [_titled("Répertoire des communes", "", "mise en ligne le 3 mars")],
    "title quoted": [_titled('"Situation, au 1er janvier"', "")],
    "wide title": [_wide_title],
    "footer": [_footed("", "Source : Insee, recensement", "Champ : France")],
    "total": [_total],
    "title and total": [_wide_title, _total],
    "sep": [_separator],
    "comments": [_comments],
    "literal tail": [_tailed("{d}\\n")],
    "literal tail of rows": [_tailed("{d}\\n", header=False)],
    "trailing delimiter": [_tailed("{d}")],
    "trailing delimiter of rows": [_tailed("{d}", header=False)],
    "latin-1": [_encoded("cp1252", b"")],
    "utf-16": [_encoded("utf-16")],
    "byte order mark": [_encoded("utf-8", b"\xef\xbb\xbf")],
    "carriage returns": [_ended("\r\n")],
    "returns twice": [_ended("\r\r\n")],
    "name twice": [_named_twice],
    "name missing": [_unnamed(1)],
    "first name missing": [_unnamed(0)],
    "groups": [_grouped],
    "groups under a title": [
        _grouped,
        lambda t: replace(t, before=["Un titre", "", *t.before]),
    ],
    "short rows": [_short],
    "quotes everywhere": [_all_quoted],
    "tabs": [_cut_by("\t")],
    "semicolons and title": [_cut_by(";"), _titled("Exporté le 12/03/2024")],
    "end of a DOS file": [lambda t: replace(t, after=["\x1a"], line_end="\r\n")],
}


def files(seed: int, count: int = 24) -> Iterator[OddFile]:
    """Make all tables in all shapes.

    Args:
        seed: Of what the cells hold.
        count: Rows of each.

    Yields:
        Each file.
    """
    for make in TABLES:
        for name, shapes in SHAPES.items():
            table = make(random.Random(f"{seed}{name}"), count)
            for shape in shapes:
                table = shape(table)
            width = len(table.header)
            rows = [[*row, *[""] * (width - len(row))] for row in table.rows]
            yield OddFile(f"{make.__name__}, {name}", table.content, rows)
