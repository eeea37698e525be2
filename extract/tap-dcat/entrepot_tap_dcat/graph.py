"""One document's graph, by subject: in memory while it is small, on disk beyond.

A page of a hundred datasets never leaves memory; one file with a whole catalogue does, and takes no
more of it than a page of some size.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pyoxigraph import BlankNode, Literal, NamedNode

from entrepot_core.base.errors import RunFailed
from entrepot_tap_dcat.languages import is_well_formed, unwrap
from entrepot_tap_dcat.vocabulary import FIRST, FOAF, KNOWN_TYPES, NIL, REST, TYPE

_IN_MEMORY = 50_000  # statements, of about 400 bytes
_TEXT_IN_MEMORY = 16 * 1024**2  # characters of their values
_LARGEST_NODE = 64 * 1024**2  # characters of all that is said of one subject
_RELATIONS = 10_000  # predicates that are remembered
_TAGS = 20  # language tags that are remembered
_SHOWN = 200  # characters of a name in a message
_TOPIC = FOAF + "primaryTopic"
_SCHEMA = """
CREATE TABLE nodes (subject TEXT, content TEXT);
CREATE TABLE typed (type TEXT, subject TEXT, PRIMARY KEY (type, subject)) WITHOUT ROWID;
CREATE TABLE topics (dataset TEXT, record TEXT, PRIMARY KEY (dataset, record)) WITHOUT ROWID;
"""


class Term(NamedTuple):
    """The object of a statement.

    Attributes:
        kind: `i` for an IRI, `b` for a blank node, `l` for a literal.
        value: Its text; of a blank node `_:` and its label in the document.
        language: The language tag of a literal; empty without one.
    """

    kind: str
    value: str
    language: str = ""


Node = dict[str, list[Term]]


class Graph:
    """Statements by subject.

    Attributes:
        size: How many statements were read, repeated ones included.
        odd_tags: Language tags that have not the form of BCP 47, and how often each was met.
    """

    def __init__(self, quads: Iterable[Any] = (), in_memory: int = _IN_MEMORY) -> None:
        """Read statements; graphs that have names are read as one.

        Args:
            quads: As pyoxigraph gives them.
            in_memory: How many are kept in memory.
        """
        self.size = 0
        self.odd_tags: Counter[str] = Counter()
        self._in_memory = in_memory
        self._disk: sqlite3.Connection | None = None
        self._start_over()
        self._read(quads)

    def _start_over(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._typed: dict[str, set[str]] = {}
        self._topics: dict[str, set[str]] = {}

    def _read(self, quads: Iterable[Any]) -> None:
        nodes = self._nodes
        last, node, characters = None, {}, 0
        relations: dict[Any, str] = {}  # few, and met again and again
        for subject, predicate, value, _ in quads:
            self.size += 1
            if subject != last:
                last, name = subject, _subject(subject)
                node = nodes.setdefault(name, {})
                characters += len(name)
            relation = relations.get(predicate)
            if relation is None:
                if len(relations) == _RELATIONS:
                    relations.clear()
                relation = relations.setdefault(predicate, predicate.value)
            term = _term(value)
            characters += len(term.value)
            self._note(term.language)
            if relation in node:
                node[relation].append(term)
            else:
                node[relation] = [term]
            if relation == TYPE and term.value in KNOWN_TYPES:
                self._typed.setdefault(term.value, set()).add(name)
            elif relation == _TOPIC:
                self._topics.setdefault(term.value, set()).add(name)
            if self.size % self._in_memory == 0 or characters > _TEXT_IN_MEMORY:
                self._spill()
                characters = 0
                nodes, last = self._nodes, None
        if self._disk is not None:
            self._spill()
            self._disk.execute("CREATE INDEX by_subject ON nodes (subject)")

    def _note(self, tag: str) -> None:
        if not tag or is_well_formed(tag):
            return
        if tag in self.odd_tags or len(self.odd_tags) < _TAGS:
            self.odd_tags[tag] += 1

    def _spill(self) -> None:
        """Move what is in memory to a file that nobody sees and that dies with the process."""
        if self._disk is None:
            self._disk = sqlite3.connect("", check_same_thread=False)
            weakref.finalize(self, self._disk.close)
            self._disk.execute("PRAGMA cache_size = -32768")
            self._disk.executescript(_SCHEMA)
        disk = self._disk
        disk.executemany(
            "INSERT INTO nodes VALUES (?, ?)",
            ((name, json.dumps(node)) for name, node in self._nodes.items()),
        )
        for table, pairs in (("typed", self._typed), ("topics", self._topics)):
            disk.executemany(
                f"INSERT OR IGNORE INTO {table} VALUES (?, ?)",
                ((first, each) for first, names in pairs.items() for each in names),
            )
        self._start_over()

    def node(self, subject: str) -> Node:
        """Give what is said of a subject.

        Args:
            subject: An IRI, or a blank node as `_:label`.

        Returns:
            Its values by predicate; nothing for one of which nothing is said.

        Raises:
            RunFailed: If they are more than memory should hold.
        """
        if self._disk is None:
            return self._nodes.get(subject, {})
        node: Node = {}
        query = "SELECT sum(length(content)) FROM nodes WHERE subject = ?"
        (size,) = self._disk.execute(query, [subject]).fetchone()
        if (size or 0) > _LARGEST_NODE:
            raise RunFailed(
                f"{subject[:_SHOWN]}: more than {_LARGEST_NODE:,} characters are said of it"
            )
        for (content,) in self._disk.execute(
            "SELECT content FROM nodes WHERE subject = ?", [subject]
        ):
            for predicate, terms in json.loads(content).items():
                node.setdefault(predicate, []).extend(Term(*term) for term in terms)
        return node

    def typed(self, types: Iterable[str]) -> Iterator[str]:
        """Give the subjects of some types.

        Args:
            types: Among those of the vocabulary.

        Yields:
            Each once, in the order of their names.
        """
        wanted = sorted(types)
        if self._disk is None:
            yield from sorted(set().union(*(self._typed.get(t, ()) for t in wanted)))
            return
        marks = ", ".join("?" * len(wanted))
        for (subject,) in self._disk.execute(
            f"SELECT DISTINCT subject FROM typed WHERE type IN ({marks}) ORDER BY subject",
            wanted,
        ):
            yield subject

    def records_of(self, dataset: str) -> list[str]:
        """Give the catalogue records that name a dataset as their topic.

        Args:
            dataset: The dataset.

        Returns:
            The records' names.
        """
        if self._disk is None:
            return sorted(self._topics.get(dataset, ()))
        query = "SELECT record FROM topics WHERE dataset = ? ORDER BY record"
        return [record for (record,) in self._disk.execute(query, [dataset])]

    def values(self, node: Node, *predicates: str) -> list[Term]:
        """Give a node's values of some predicates; the members of a list, not the list.

        Args:
            node: What is said of a subject.
            *predicates: Spellings of one relation.

        Returns:
            Each value once.
        """
        return self.members(
            [term for each in predicates for term in node.get(each, ())]
        )

    def members(self, terms: list[Term]) -> list[Term]:
        """Put the members of lists in the place of the lists.

        Args:
            terms: Values of a relation.

        Returns:
            Each value once.
        """
        if len(terms) == 1 and terms[0].kind != "b":
            return terms
        return list(
            dict.fromkeys(member for term in terms for member in self._members(term))
        )

    def _members(self, term: Term) -> Iterator[Term]:
        if term.kind != "b" or FIRST not in self.node(term.value):
            yield term
            return
        seen: set[str] = set()
        while term.value != NIL and term.value not in seen:
            seen.add(term.value)
            cell = self.node(term.value)
            yield from cell.get(FIRST, ())
            term = next(iter(cell.get(REST, ())), Term("i", NIL))


def _subject(subject: Any) -> str:
    return subject.value if isinstance(subject, NamedNode) else f"_:{subject.value}"


def _term(value: Any) -> Term:
    kind = type(value)
    if kind is NamedNode:
        return Term("i", value.value)
    if kind is Literal:
        return Term("l", value.value, unwrap(value.language or ""))
    if kind is BlankNode:
        return Term("b", f"_:{value.value}")
    return Term("l", str(value))  # a statement about a statement
