"""What a page says of the catalogue that it is a part of, and whether all of it was read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from entrepot_tap_dcat.graph import Graph
from entrepot_tap_dcat.vocabulary import HYDRA, PAGES

_NUMBER = re.compile(r"[?&](?:page|p)=(\d+)(?:&|#|$)")
_MANY = 20


@dataclass(frozen=True)
class Page:
    """The words of Hydra in one document; None for what it does not say.

    Attributes:
        iri: The page's own.
        next: The page after it.
        last: The last page.
        total: How many items the catalogue has.
    """

    iri: str | None = None
    next: str | None = None
    last: str | None = None
    total: int | None = None

    @property
    def number(self) -> int | None:
        """The page's number, from its IRI."""
        return _number(self.iri)


def page_of(graph: Graph) -> Page:
    """Read what a document says of itself as a page.

    Args:
        graph: The document's.

    Returns:
        The page, with the URLs of its neighbours.
    """
    iri, found = None, dict.fromkeys(("next", "last", "total"), "")
    for subject in graph.typed(PAGES):
        node = graph.node(subject)
        for name, spellings in (
            ("next", ("next", "nextPage")),
            ("last", ("last", "lastPage")),
            ("total", ("totalItems",)),
        ):
            terms = graph.values(node, *(HYDRA + each for each in spellings))
            found[name] = found[name] or (terms[0].value if terms else "")
        # A collection has an IRI as well: the page is the node that knows its neighbours.
        if iri is None or _knows_neighbours(node):
            iri = subject
    total = found["total"].strip()
    return Page(
        iri,
        found["next"] or None,
        found["last"] or None,
        int(total) if total.isdecimal() else None,
    )


def _knows_neighbours(node: dict[str, Any]) -> bool:
    words = ("next", "nextPage", "last", "lastPage", "previous", "previousPage")
    return any(HYDRA + word in node for word in words)


def _number(iri: str | None) -> int | None:
    found = _NUMBER.search(iri or "")
    return int(found[1]) if found else None


@dataclass
class Completeness:
    """The pages of one dump, compared with what they announce.

    Attributes:
        pages: The documents by page number.
        problems: Why the dump is not whole.
    """

    pages: dict[int, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _last: str | None = None
    _total: int | None = None
    _read: set[str] = field(default_factory=set)
    _nameless: int = 0

    def add(self, page: Page, document: str) -> None:
        """Note that a page was read.

        Args:
            page: What it says.
            document: The document's name.
        """
        # A catalogue that grows while it is read announces more on its later pages.
        self._last = page.last or self._last
        self._total = page.total if page.total is not None else self._total
        if page.iri:
            self._read.add(page.iri)
        if page.number is None:
            self._nameless += 1
        elif page.number in self.pages:
            self.problems.append(
                f"{document} is page {page.number}, and so is {self.pages[page.number]}"
            )
        else:
            self.pages[page.number] = document

    def check(self, datasets: int, services: int) -> tuple[list[str], list[str]]:
        """Compare.

        Args:
            datasets: How many different ones were read.
            services: How many different data services were; catalogues count them or not.

        Returns:
            What is missing, and what is only surprising; one sentence each.
        """
        problems, warnings = list(self.problems), []
        last = _number(self._last)
        if last is not None and not self._nameless:
            missing = [n for n in range(1, last + 1) if n not in self.pages]
            if missing:
                listed = ", ".join(map(str, missing[:_MANY]))
                more = f" and {len(missing) - _MANY} more" * (len(missing) > _MANY)
                problems.append(
                    f"{len(self.pages)} of {last} pages were read, missing: {listed}{more}"
                )
        elif self._last and self._last not in self._read:
            problems.append(f"the last page, {self._last}, was not read")
        if self._total is not None and self._total not in (
            datasets,
            datasets + services,
        ):
            warnings.append(
                f"{datasets} datasets and {services} data services were read, {self._total} are "
                "announced (hydra:totalItems)"
            )
        return problems, warnings
