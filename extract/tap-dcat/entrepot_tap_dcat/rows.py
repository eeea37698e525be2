"""Rows out of a document's graph: what DCAT says, word for word, and nothing interpreted.

Blank nodes have no name that outlives their document. Here they get one, from whose they are and
what is said of them: the same in every syntax, and the same tomorrow if nothing has changed.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from entrepot_tap_dcat.columns import (
    COLUMNS,
    EMPTY,
    KEYS,
    PLACES,
    PRIMARY_TOPIC,
    PRIMARY_TOPIC_OF,
    SILENT,
    Row,
)
from entrepot_tap_dcat.graph import Graph, Node, Term
from entrepot_tap_dcat.vocabulary import (
    ADMS,
    AGENTS,
    CONTACTS,
    DATASETS,
    DCAT,
    DCT,
    DISTRIBUTIONS,
    LABELS,
    RECORDS,
    SERIES,
    SERVICES,
)

Put = Callable[[str, tuple[str, ...], Row], None]


class Counts(NamedTuple):
    """What a document has.

    Attributes:
        datasets: How many datasets.
        services: How many data services.
    """

    datasets: int
    services: int


_DEEPEST = 6  # blank nodes within blank nodes
_OWN_NAME = (DCT + "identifier", ADMS + "identifier", DCAT + "landingPage")


class Reading:
    """One document's rows.

    Args:
        graph: The document's.
        provenance: `source_file`, `page` and `dump_date` of each row.
        put: Takes the rows, each with its stream and key.
    """

    def __init__(self, graph: Graph, provenance: Row, put: Put) -> None:
        self._graph = graph
        self._provenance = provenance
        self._put = put
        self._names: dict[str, str] = {}
        self._taken: dict[str, int] = {}
        self._done: set[tuple[str, str]] = set()

    def read(self) -> Counts:
        """Give all rows: datasets and their parts, then resources that no dataset refers to.

        Returns:
            How many datasets and data services the document has.
        """
        # Blank datasets first have their names, so that others may refer to them.
        self._name_datasets()
        datasets = 0
        for subject in self._in_order(DATASETS):
            self._dataset(subject)
            datasets += 1
        services = sum(1 for _ in self._graph.typed(SERVICES))
        for stream, types in (
            ("data_services", SERVICES),
            ("catalog_records", RECORDS),
            ("agents", AGENTS),
            ("contact_points", CONTACTS),
        ):
            for subject in self._in_order(types):
                self._thing(stream, self._name("", stream, subject), subject)
        self._tell_of_orphans()
        return Counts(datasets, services)

    def _in_order(self, types: Iterable[str]) -> Iterable[str]:
        """Give subjects in an order that no label of a blank node has part in."""
        blank = []
        for subject in self._graph.typed(types):
            if not subject.startswith("_:"):
                yield subject
            elif subject not in self._names or types is DATASETS:
                blank.append((self._digest(subject), subject))
        for _, subject in sorted(blank):
            yield subject

    def _name_datasets(self) -> None:
        """Name blank datasets, each by its identifier or page if no other of them has the same."""
        own: dict[str, tuple[str, ...]] = {}
        for subject in self._in_order(DATASETS):
            if subject.startswith("_:"):
                terms = self._graph.values(self._graph.node(subject), *_OWN_NAME)
                own[subject] = tuple(sorted(t.value for t in terms if t.kind != "b"))
        times = Counter(own.values())
        for subject, names in own.items():
            if names and times[names] == 1:
                self._names[subject] = _blank("dataset", *names)
            else:
                self._name("\0".join(names), "dataset", subject)

    def _dataset(self, subject: str) -> None:
        name = self._names.get(subject, subject)
        node = self._graph.node(subject)
        row = self._row("datasets", name, node)
        row["is_series"] = SERIES in row["types"]
        row["catalog_record"] = self._records(name, subject, node)
        self._put("datasets", (name,), row)

    def _records(self, name: str, subject: str, node: Node) -> list[str]:
        terms = self._graph.values(node, PRIMARY_TOPIC_OF)
        terms = [
            *terms,
            *(
                Term("b" if each.startswith("_:") else "i", each)
                for each in self._graph.records_of(subject)
            ),
        ]
        return self._things("catalog_records", name, dict.fromkeys(terms), dataset=name)

    def _row(self, stream: str, name: str, node: Node) -> Row:
        """Fill the columns that are described above."""
        columns = COLUMNS[stream]
        found: dict[tuple[str, str], list[Term]] = {}
        other: dict[str, list[Any]] = {}
        for predicate, terms in node.items():
            members = self._graph.members(terms)
            if predicate in columns:
                found.setdefault(columns[predicate], []).extend(members)
            elif predicate not in SILENT:
                other[predicate] = _sorted_tree([self._tree(each) for each in members])
        row = {KEYS[stream]: name, **EMPTY[stream], "other": other}
        for (column, kind), terms in found.items():
            row[column] = self._values(name, column, kind, terms)
        row.update(self._provenance)
        return row

    def _values(
        self, owner: str, column: str, kind: str, terms: list[Term]
    ) -> list[Any]:
        if kind == "texts":
            return _texts(terms)
        if kind == "nodes":
            return self._nodes(terms)
        if kind == "links":
            links = {self._link(owner, column, each) for each in terms}
            return sorted(links)
        return self._things(kind, owner, terms)

    def _link(self, owner: str, column: str, term: Term) -> str:
        if term.kind != "b":
            return term.value
        return self._name(owner, column, term.value)

    def _things(
        self, stream: str, owner: str, terms: Collection[Term], **more: Any
    ) -> list[str]:
        """Give things their rows, and their owner the names of them."""
        blank = [term.value for term in terms if term.kind == "b"]
        # In an order that no label of a blank node has part in, as equal ones are numbered.
        for digest, label in sorted((self._digest(each), each) for each in blank):
            self._name(owner, stream, label, digest)
        named = sorted((self._link(owner, stream, term), term) for term in terms)
        for name, term in named:
            if term.kind != "l":
                self._thing(stream, name, term.value, owner, **more)
        return list(dict.fromkeys(name for name, _ in named))

    def _thing(
        self, stream: str, name: str, subject: str, owner: str = "", **more: Any
    ) -> None:
        """Give a thing its row, once; one of which nothing is said has none."""
        key = (owner, name) if stream == "distributions" else (name,)
        is_here = (stream, "\n".join(key))
        # What a blank node is, it is once; the others may be said again by another owner.
        if is_here in self._done:
            return
        self._done.add(is_here)
        node = self._graph.node(subject)
        if not node:
            return
        row = self._row(stream, name, node)
        if stream == "distributions":
            row["dataset"] = owner
        if stream == "data_services":
            row["catalog_record"] = self._records(name, subject, node)
        if stream == "catalog_records":
            row["dataset"] = more.get("dataset") or self._topic(node)
        self._put(stream, key, row)

    def _topic(self, node: Node) -> str | None:
        terms = sorted(self._graph.values(node, PRIMARY_TOPIC))
        return self._link("", "dataset", terms[0]) if terms else None

    def _tell_of_orphans(self) -> None:
        known = {
            key.split("\n", 1)[1] for kind, key in self._done if kind == "distributions"
        }
        orphans = sum(
            self._names.get(subject, subject) not in known
            for subject in self._graph.typed(DISTRIBUTIONS)
        )
        if orphans:
            logging.getLogger("tap-dcat").warning(
                "%s: %d distributions belong to no dataset of the document, so left out",
                self._provenance["source_file"],
                orphans,
            )

    # -- values

    def _nodes(self, terms: Iterable[Term]) -> list[Row]:
        """Describe things that have no rows of their own by what they are called."""
        found = []
        for term in terms:
            if term.kind == "l":
                found.append({"iri": None, "label": _texts([term])})
                continue
            node = self._graph.node(term.value)
            labels = next((node[each] for each in LABELS if each in node), [])
            described: Row = {
                "iri": None if term.kind == "b" else term.value,
                "label": _texts(labels),
            }
            for name, spellings in PLACES.items():
                if values := self._graph.values(node, *spellings):
                    described[name] = sorted(each.value for each in values)
            found.append(described)
        return _sorted_tree(found)

    def _tree(self, term: Term, depth: int = 0) -> Any:
        """Write a value as JSON, with all that is said of a blank node."""
        if term.kind != "b":
            return (
                {"value": term.value, "language": term.language}
                if term.language
                else term.value
            )
        if depth == _DEEPEST:
            return None
        node = self._graph.node(term.value)
        return {
            predicate: _sorted_tree(
                [
                    self._tree(each, depth + 1)
                    for each in self._graph.members(node[predicate])
                ]
            )
            for predicate in sorted(node)
        }

    # -- names of blank nodes

    def _name(
        self, owner: str, role: str, subject: str, digest: str | None = None
    ) -> str:
        """Name a subject: an IRI as it is, a blank node by its owner, its role and its content."""
        if not subject.startswith("_:"):
            return subject
        if subject not in self._names:
            name = _blank(owner, role, digest or self._digest(subject))
            number = self._taken.get(name, 0)
            self._taken[name] = number + 1
            # Two that say the same are two all the same.
            self._names[subject] = _blank(name, str(number)) if number else name
        return self._names[subject]

    def _digest(self, subject: str, within: tuple[str, ...] = ()) -> str:
        node = self._graph.node(subject)
        within = (*within, subject)
        parts = []
        for predicate, terms in node.items():
            for kind, value, language in terms:
                if kind == "b":
                    is_end = value in within or len(within) == _DEEPEST
                    value = "" if is_end else self._digest(value, within)  # noqa: PLW2901
                parts.append(f"{predicate}\0{kind}\0{value}\0{language}")
        return hashlib.sha256("\n".join(sorted(set(parts))).encode()).hexdigest()


def _blank(*parts: str) -> str:
    return "_:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _texts(terms: Iterable[Term]) -> list[Row]:
    """Write words with their languages; a blank node has none."""
    words = {(term.language, term.value) for term in terms if term.kind != "b"}
    return [
        {"value": value, "language": language or None}
        for language, value in sorted(words)
    ]


def _sorted_tree(values: list[Any]) -> list[Any]:
    return sorted(values, key=repr) if len(values) > 1 else values
