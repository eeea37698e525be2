"""How fast catalogues are read: pyoxigraph against rdflib, in ratios.

    python benchmarks/dcat.py PAGE.jsonld [--pages 20]

The same page is read again and again, as the pages of a catalogue are. `graph` is document to
graph by each library alone; `rows` is all that the tap does before it sends anything, and the same
with rdflib in pyoxigraph's place. The memory is that of one file which holds the graphs of all
pages, as N-Triples.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat

from entrepot_tap_dcat.catalogue import Catalogue
from entrepot_tap_dcat.graph import Graph
from entrepot_tap_dcat.options import Options
from entrepot_tap_dcat.places import place
from entrepot_tap_dcat.rows import Reading
from entrepot_tap_dcat.spool import Spool

_PROVENANCE = {"source_file": "page", "page": 1, "dump_date": "2026-01-01"}


def _seconds(work: Callable[[], Any], pages: int) -> float:
    begun = time.process_time()
    for _ in range(pages):
        work()
    return (time.process_time() - begun) / pages


def _ours(content: bytes) -> Iterable[Any]:
    return pyoxigraph.parse(content, format=RdfFormat.STREAMING_JSON_LD, lenient=True)


def _theirs(content: bytes) -> Iterator[tuple]:
    """Give rdflib's triples as pyoxigraph gives its own."""
    for subject, predicate, value in rdflib.Graph().parse(
        io.BytesIO(content), format="json-ld"
    ):
        yield _term(subject), NamedNode(str(predicate)), _term(value), None


def _term(value: Any) -> Any:
    if isinstance(value, rdflib.URIRef):
        return NamedNode(str(value))
    if isinstance(value, rdflib.BNode):
        return BlankNode(str(value))
    return Literal(str(value), language=value.language)


def _whole(pages: int, page: Path, folder: Path) -> Path:
    """Write one file with the graphs of all pages, with blank nodes and datasets of their own."""
    path = folder / "whole.nt"
    with path.open("wb") as file:
        for number in range(pages):
            quads = pyoxigraph.parse(
                path=page,
                format=RdfFormat.JSON_LD,
                rename_blank_nodes=True,
                lenient=True,
            )
            written = pyoxigraph.serialize(quads, format=RdfFormat.N_TRIPLES)
            file.write(written.replace(b"/metadata/", b"/metadata/%d-" % number))
    return path


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--pages", type=int, default=20)
    given = parser.parse_args()
    content = given.page.read_bytes()

    def rows(quads: Callable[[bytes], Iterable[Any]]) -> None:
        Reading(Graph(quads(content)), _PROVENANCE, Spool().put).read()

    graphs = (
        _seconds(lambda: Graph(_ours(content)), given.pages),
        _seconds(
            lambda: rdflib.Graph().parse(io.BytesIO(content), format="json-ld"),
            given.pages,
        ),
    )
    both = (
        _seconds(lambda: rows(_ours), given.pages),
        _seconds(lambda: rows(_theirs), given.pages),
    )
    for name, (ours, theirs) in (("graph", graphs), ("rows", both)):
        print(f"{name}: {ours * 1000:.0f} ms a page, rdflib {theirs / ours:.1f} times")
    with tempfile.TemporaryDirectory() as folder:
        path = _whole(given.pages, given.page, Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.process_time()
        Catalogue(place(str(path), Options()))
        seconds = time.process_time() - begun
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"one file of {given.pages} pages: {seconds:.0f} s, {(after - before) // 1024} MB more "
        "than for one page"
    )


if __name__ == "__main__":
    main()
