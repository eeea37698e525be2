"""XML written anew as strict RDF/XML: what harvesters meet, and the reader of RDF/XML refuses.

Rewritten are other encodings than UTF-8; language tags (`languages`); the text beside a resource
that GeoNetwork writes (`<dcat:theme rdf:resource="…">Noise</dcat:theme>`) and any other text where
RDF/XML has none; several nodes in one property; attributes of RDF without their namespace, as
before 2004; envelopes, such as the answer of a catalogue service (CSW) or of an OAI-PMH
repository, around graphs or nodes; and records of ISO 19139, which `iso19139` turns into DCAT.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from xml.etree.ElementTree import TreeBuilder
from xml.parsers import expat

from entrepot_tap_dcat import iso19139
from entrepot_tap_dcat.rdf_writer import ABOUT, XML, RdfWriter
from entrepot_tap_dcat.vocabulary import DCAT, HYDRA, RDF
from entrepot_tap_dcat.xml_guard import GuardedXml

_CSW = ("http://www.opengis.net/cat/csw/2.0.2", "http://www.opengis.net/cat/csw/3.0")
_GRAPH = f"{RDF} RDF"
_PARSE_TYPE = f"{RDF} parseType"
_NODES = frozenset(
    f"{DCAT} {name}"
    for name in (
        "Catalog",
        "CatalogRecord",
        "DataService",
        "Dataset",
        "DatasetSeries",
        "Distribution",
    )
)
# Before RDF/XML was revised in 2004 these could stand without their namespace.
_UNQUALIFIED = frozenset({"about", "ID", "nodeID", "resource", "datatype", "parseType"})
_VALUES = frozenset({f"{RDF} resource", f"{RDF} nodeID"})
_SYNTAX = _VALUES | {f"{RDF} datatype", _PARSE_TYPE, f"{RDF} ID"}
_KINDS = {"Resource": "node", "Collection": "collection", "Literal": "literal"}
_WRITTEN = frozenset({"node", "property", "collection", "literal"})
_LARGEST_RECORD = 64 * 1024**2  # bytes, about, that one record of ISO 19139 may take
_ELEMENT = 200  # bytes, about, that an element takes without its texts

_NO_NAMESPACE = "elements without a namespace, left out"
_TEXT_BESIDE = "texts beside a resource or a node, left out"
_STRAY_TEXT = "texts where RDF/XML has none, left out"
_SEVERAL = "properties with several values, written one by one"
_BARE = "attributes of RDF without its namespace, taken as RDF's"
_UNKNOWN = "attributes without a namespace, left out"


@dataclass
class _Element:
    """An element that is open.

    Attributes:
        kind: `outside` of a graph, `graph`, `node`, `property`, `collection`, `literal`, `record`
            or `skipped`.
        name: Its name.
        attributes: Those that a second value of the same property needs again.
        text: What is written in a property, as long as that may be its value.
        has_value: Whether a property has a value already.
    """

    kind: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)
    has_value: bool = False


class MendedXml(GuardedXml):
    """A document of XML, given as strict RDF/XML in UTF-8.

    Attributes:
        changes: What was left out or changed, in words, and how often.
        line: The line of the document of the last element that was met.
    """

    def __init__(
        self,
        file: IO[bytes],
        refuse: Callable[[str], Exception],
        base: str | None = None,
    ) -> None:
        """Prepare.

        Args:
            file: The document, at its beginning.
            refuse: Makes the error, from what is wrong.
            base: The document's own URL; None without one.
        """
        super().__init__(file, refuse)
        self.changes: Counter[str] = Counter()
        self.line = 1
        self._base = base
        self._written = io.StringIO()
        self._writer = RdfWriter(self._written)
        self._open: list[_Element] = []
        # `xml:lang` and `xml:base` of the elements around a graph's nodes.
        self._scope: list[dict[str, str]] = [{}]
        self._record: TreeBuilder | None = None
        self._record_size = 0
        self._root = ""
        self._has_content = self._is_over = False
        self._parser.CharacterDataHandler = self._on_text
        self._parser.buffer_text = True
        self._begin = {
            "outside": self._in_envelope,
            "graph": self._in_graph,
            "node": self._in_node,
            "property": self._in_property,
            "collection": self._in_graph,
            "literal": self._in_literal,
            "skipped": self._skip,
        }
        self._writer.begin()

    def _new_parser(self) -> expat.XMLParserType:
        return expat.ParserCreate(namespace_separator=" ")

    def _next_block(self) -> bytes:
        """Give what the next blocks have become; nothing at the end alone."""
        while not self._is_over and not self._written.tell():
            self._is_over = not super()._next_block()
            if self._is_over:
                self._end()
        content = self._written.getvalue().encode()
        self._written.seek(0)
        self._written.truncate()
        return content

    def _end(self) -> None:
        if not self._has_content:
            raise self._refuse(
                "the document is XML, and holds neither RDF nor records of ISO 19139: its root "
                f"is {self._root} (have a catalogue service answer with "
                f"outputSchema={DCAT} or http://www.isotc211.org/2005/gmd)"
            )
        self._writer.end()

    def _on_declaration(self, *_: object) -> None:
        """Take any encoding that expat takes."""

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        self._enter()
        self.line = self._parser.CurrentLineNumber
        self._root = self._root or name
        if self._record is not None:
            self._start_in_record(name, attributes)
            return
        self._begin[self._open[-1].kind if self._open else "outside"](name, attributes)

    # -- each begins an element, by the kind of the one that it stands in

    def _in_envelope(self, name: str, attributes: dict[str, str]) -> None:
        inherited = {k: v for k, v in attributes.items() if k.startswith(XML)}
        self._scope.append({**self._scope[-1], **inherited})
        if name in iso19139.ROOTS:
            self._record, self._record_size = TreeBuilder(), 0
            self._start_in_record(name, attributes)
        elif name in _NODES:
            self._in_graph(name, attributes)
        elif name == _GRAPH:
            self._open.append(_Element("graph", name))
        else:
            self._open.append(_Element("outside", name))
            self._read_envelope(name, attributes)
            return
        self._has_content = True

    def _read_envelope(self, name: str, attributes: dict[str, str]) -> None:
        """Read what a catalogue service says of its answer, and say it in Hydra's words."""
        space, _, local = name.rpartition(" ")
        if local == "ExceptionReport":
            self._stop("the service answers with an exception report, not with records")
        if local != "SearchResults" or space not in _CSW:
            return
        self._has_content = True
        total = attributes.get("numberOfRecordsMatched", "")
        following = attributes.get("nextRecord", "")
        page = f"{HYDRA} PartialCollectionView"
        self._writer.start(page, {ABOUT: self._base or ""})
        if total.isdecimal():
            self._writer.value(f"{HYDRA} totalItems", total)
        # 0, or a record after the last one, says that there is no more.
        last = int(total) if total.isdecimal() else float("inf")
        if self._base and following.isdecimal() and 0 < int(following) <= last:
            self._writer.link(f"{HYDRA} next", _from(self._base, following))
        self._writer.close(page)

    def _in_graph(self, name: str, attributes: dict[str, str]) -> None:
        if " " not in name:
            self.changes[_NO_NAMESPACE] += 1
            self._skip(name, attributes)
            return
        is_on_top = not self._open or self._open[-1].kind in ("graph", "outside")
        inherited = self._scope[-1] if is_on_top else {}
        self._writer.start(name, {**inherited, **self._of_node(attributes)})
        self._open.append(_Element("node", name))

    def _in_node(self, name: str, attributes: dict[str, str]) -> None:
        if " " not in name:
            self.changes[_NO_NAMESPACE] += 1
            self._skip(name, attributes)
            return
        written = self._qualified(attributes)
        kind = _KINDS.get(written.get(_PARSE_TYPE, ""), "property")
        again = {k: v for k, v in written.items() if k.startswith(XML)}
        has_value = not (written.keys() - again.keys()) <= _SYNTAX - _VALUES
        self._writer.start(name, written)
        self._open.append(_Element(kind, name, again, has_value=has_value))

    def _in_property(self, name: str, attributes: dict[str, str]) -> None:
        around = self._open[-1]
        if around.has_value:
            self.changes[_SEVERAL] += 1
            self._writer.close(around.name)
            self._writer.start(around.name, around.attributes)
        around.has_value = True
        self._in_graph(name, attributes)

    def _in_literal(self, name: str, attributes: dict[str, str]) -> None:
        self._writer.start(name, attributes)
        self._open.append(_Element("literal", name))

    def _skip(self, name: str, _: dict[str, str]) -> None:
        self._open.append(_Element("skipped", name))

    def _weigh(self, size: int) -> None:
        self._record_size += size
        if self._record_size > _LARGEST_RECORD:
            self._stop(
                f"a record of ISO 19139 takes more than {_LARGEST_RECORD:,} bytes"
            )

    def _start_in_record(self, name: str, attributes: dict[str, str]) -> None:
        assert self._record is not None
        self._weigh(_ELEMENT + sum(map(len, attributes.values())))
        self._record.start(
            _braced(name), {_braced(key): value for key, value in attributes.items()}
        )
        self._open.append(_Element("record", name))

    # -- text, and the end of an element

    def _on_text(self, text: str) -> None:
        if self._record is not None:
            self._weigh(len(text))
            self._record.data(text)
            return
        around = self._open[-1]
        if around.kind == "literal":
            self._writer.text(text)
        elif around.kind == "property":
            around.text.append(text)
        elif around.kind not in ("outside", "skipped") and text.strip():
            self.changes[_STRAY_TEXT] += 1

    def _on_end(self, name: str) -> None:
        self._leave()
        closed = self._open.pop()
        if closed.kind == "record":
            self._end_in_record(name)
        if closed.kind == "property":
            self._end_property("".join(closed.text), closed)
        if closed.kind in _WRITTEN:
            self._writer.close(name)
        if not self._open or self._open[-1].kind == "outside":
            self._scope.pop()

    def _end_property(self, text: str, closed: _Element) -> None:
        if not closed.has_value:
            self._writer.text(text)
        elif text.strip():
            self.changes[_TEXT_BESIDE] += 1

    def _end_in_record(self, name: str) -> None:
        assert self._record is not None
        self._record.end(_braced(name))
        if not self._open or self._open[-1].kind != "record":
            record, self._record = self._record.close(), None
            iso19139.write(record, self._writer)

    # -- attributes

    def _qualified(self, attributes: dict[str, str]) -> dict[str, str]:
        """Give attributes their namespace, and leave out those that RDF/XML does not know."""
        written: dict[str, str] = {}
        for key, value in attributes.items():
            if key.startswith(XML):
                if key.endswith((" lang", " base")):
                    written[key] = value
            elif " " in key:
                written[key] = value
            elif key in _UNQUALIFIED:
                self.changes[_BARE] += 1
                written[f"{RDF} {key}"] = value
            else:
                self.changes[_UNKNOWN] += 1
        label = f"{RDF} nodeID"
        if label in written:  # any text; to the reader it must be a name
            written[label] = "n" + written[label].encode().hex()
        return written

    def _of_node(self, attributes: dict[str, str]) -> dict[str, str]:
        written = self._qualified(attributes)
        name = written.pop(f"{RDF} ID", None)
        return written if name is None else {**written, ABOUT: f"#{name}"}


def _braced(name: str) -> str:
    """Write a name as ElementTree does."""
    space, _, local = name.rpartition(" ")
    return f"{{{space}}}{local}" if space else local


def _from(url: str, position: str) -> str:
    """Give the URL of the answer that begins with another record."""
    parts = urlsplit(url)
    kept = [
        (key, value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
        if key.lower() != "startposition"
    ]
    query = urlencode([*kept, ("startPosition", position)])
    return urlunsplit(parts._replace(query=query))
