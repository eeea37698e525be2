"""The syntaxes of RDF: told apart, and read as a stream."""

from __future__ import annotations

import gzip
import logging
import os
import re
import zlib
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, cast

from pyoxigraph import RdfFormat, parse

from entrepot_core.base.errors import RunFailed
from entrepot_core.storage.bounded import Bounded
from entrepot_tap_dcat.contexts import Contexts, MissingContext
from entrepot_tap_dcat.documents import Document
from entrepot_tap_dcat.graph import Graph
from entrepot_tap_dcat.turtle_tags import OddTag, TaggedText, WatchedText
from entrepot_tap_dcat.xml_guard import GuardedXml, NeedsMending
from entrepot_tap_dcat.xml_mending import MendedXml

FORMATS = {
    "jsonld": RdfFormat.STREAMING_JSON_LD,
    "turtle": RdfFormat.TURTLE,
    "rdfxml": RdfFormat.RDF_XML,
    "ntriples": RdfFormat.N_TRIPLES,
    "nquads": RdfFormat.N_QUADS,
    "trig": RdfFormat.TRIG,
    "n3": RdfFormat.N3,
}
_BY_SUFFIX = {
    ".jsonld": "jsonld",
    ".json": "jsonld",
    ".ttl": "turtle",
    ".turtle": "turtle",
    ".rdf": "rdfxml",
    ".xml": "rdfxml",
    ".owl": "rdfxml",
    ".nt": "ntriples",
    ".nq": "nquads",
    ".trig": "trig",
    ".n3": "n3",
}
_BY_MEDIA_TYPE = {
    "application/ld+json": "jsonld",
    "application/json": "jsonld",
    "text/turtle": "turtle",
    "application/x-turtle": "turtle",
    "application/rdf+xml": "rdfxml",
    "application/xml": "rdfxml",
    "text/xml": "rdfxml",
    "application/n-triples": "ntriples",
    "application/n-quads": "nquads",
    "application/trig": "trig",
    "text/n3": "n3",
}
SUFFIXES = tuple(_BY_SUFFIX)
LONGEST = 2 * 1024**3  # bytes of a document, unpacked
_HEAD = 1024
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_XML = re.compile(rb"<(\?xml|[A-Za-z_][\w.-]*:?[\w.-]*\s+xmlns)")
_log = logging.getLogger("tap-dcat")
_HTML = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html)", re.IGNORECASE | re.DOTALL
)
# Read whole, JSON-LD takes about seven times its size.
_WHOLE = 64 * 1024**2
_CONTEXT = b'"@context"'
_ELSEWHERE = (
    "LoadDocumentCallback"  # the reader's word for a context that it would fetch
)
_NO_CONTEXTS = Contexts(None)


def read(
    document: Document,
    wanted: str | None = None,
    limit: int = LONGEST,
    contexts: Contexts = _NO_CONTEXTS,
) -> Graph:
    """Read a document.

    Args:
        document: Where it is.
        wanted: Its format, a key of `FORMATS`; None to find out.
        limit: Bytes that it may have, unpacked.
        contexts: Copies of the contexts that JSON-LD may name.

    Returns:
        Its graph.

    Raises:
        RunFailed: If it is not what it should be; the message says where.
    """
    with document.open() as raw:
        file = _unzipped(document, raw, limit)
        try:
            return _read(document, file, wanted, contexts)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise RunFailed(
                f"{document.name}: the gzip file is damaged or cut off ({error})"
            ) from None


def _unzipped(document: Document, file: IO[bytes], limit: int) -> IO[bytes]:
    """Unpack what is packed, and count the bytes."""
    packed = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(2)
    file.seek(0)
    is_gzip = start == b"\x1f\x8b" or document.name.endswith(".gz")
    content = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if is_gzip else file
    refuse = partial(_too_long, document)
    return cast("IO[bytes]", Bounded(content, limit, refuse, packed if is_gzip else 0))


def _too_long(document: Document, what: str) -> RunFailed:
    return RunFailed(f"{document.name}: {what} (setting max_bytes)")


def _wrong_document(document: Document, what: str) -> RunFailed:
    return RunFailed(f"{document.name}: {what}")


def _wrong_xml(document: Document, what: str) -> RunFailed:
    return RunFailed(f"{document.name}, {what}")


def _read(
    document: Document, file: IO[bytes], wanted: str | None, contexts: Contexts
) -> Graph:
    head = file.read(_HEAD)
    if not head.strip(b"\0 \t\r\n"):
        raise RunFailed(f"{document.name}: the document is empty")
    if _HTML.match(head.removeprefix(_BOM)):
        raise RunFailed(
            f"{document.name}: this is an HTML page and no catalogue: perhaps a login, an error "
            "or a maintenance page"
        )
    start = len(_BOM) if head.startswith(_BOM) else 0
    name = wanted or _guess(document, head[start:])
    file.seek(start)
    try:
        if name == "jsonld":
            return _read_json(document, file, start, contexts)
        if name == "rdfxml":
            return _read_xml(document, file)
        return _read_text(document, file, start, name)
    except MemoryError:  # the reader's own word for a token beyond its buffer
        raise RunFailed(
            f"{document.name}: a value, or a name, has more than 16 MB"
        ) from None
    except SyntaxError as error:
        raise RunFailed(_explain(document, name, error)) from None


def _read_json(
    document: Document, file: IO[bytes], start: int, contexts: Contexts
) -> Graph:
    """Read JSON-LD as a stream; whole, if its keys or its contexts are not fit for that."""
    try:
        return Graph(_quads(document, file, RdfFormat.STREAMING_JSON_LD))
    except SyntaxError as error:
        is_elsewhere = _ELSEWHERE in str(error)
        if not is_elsewhere and not _is_of_order(error):
            raise
    file.seek(start)
    content = file.read(_WHOLE + 1)
    if len(content) > _WHOLE:
        raise RunFailed(
            f"{document.name}: a JSON-LD document of more than {_WHOLE // 1024**2} MB must have "
            "its own @context first, @type before other keys and @graph last, or be cut into pages"
        )
    try:
        text = contexts.inline(content.decode()) if _CONTEXT in content else content
    except MissingContext as error:
        raise RunFailed(
            f"{document.name}: {error}. Nothing is fetched but the catalogue: set DCAT_CONTEXTS "
            "to a folder with a copy, or ask for Turtle or RDF/XML"
        ) from None
    except UnicodeDecodeError:
        text = content
    return Graph(_quads(document, text, RdfFormat.JSON_LD))


def _read_text(document: Document, file: IO[bytes], start: int, name: str) -> Graph:
    """Read Turtle or its kin; anew if there is a language tag that the reader would not keep."""
    try:
        return Graph(_quads(document, WatchedText(file), FORMATS[name]))
    except OddTag:
        file.seek(start)
    text = TaggedText(file, partial(_wrong_document, document))
    return Graph(_quads(document, text, FORMATS[name]))


def _read_xml(document: Document, file: IO[bytes]) -> Graph:
    """Read RDF/XML; written anew, more slowly, if the reader wants it otherwise."""
    try:
        guarded = GuardedXml(file, partial(_wrong_xml, document))
        return Graph(_quads(document, guarded, RdfFormat.RDF_XML))
    except (NeedsMending, SyntaxError):
        file.seek(0)
    mended = MendedXml(file, partial(_wrong_xml, document), document.base)
    try:
        graph = Graph(_quads(document, mended, RdfFormat.RDF_XML))
    except SyntaxError as error:
        raise RunFailed(
            f"{document.name}, near line {mended.line}: not valid rdfxml: {error.msg}"
        ) from None
    for change, count in sorted(mended.changes.items()):
        _log.warning("%s: %d %s", document.name, count, change)
    return graph


def _quads(document: Document, content: Any, syntax: RdfFormat) -> Any:
    # Real catalogues hold IRIs with blanks and other slips: they are passed on as they are.
    return parse(content, format=syntax, base_iri=document.base, lenient=True)


def _is_of_order(error: SyntaxError) -> bool:
    return " must be the " in str(error)


def _guess(document: Document, head: bytes) -> str:
    """Tell a document's format: by what the server says, by its name, by its first character."""
    media_type = (document.media_type or "").partition(";")[0].strip().lower()
    suffix = PurePosixPath(document.name.removesuffix(".gz")).suffix.lower()
    if found := _BY_MEDIA_TYPE.get(media_type) or _BY_SUFFIX.get(suffix):
        return found
    start = head.lstrip()[:1]
    if start in (b"{", b"["):
        return "jsonld"
    is_xml = _XML.match(head.lstrip()) or head.startswith(_UTF_16)
    return "rdfxml" if is_xml else "turtle"


def _explain(document: Document, name: str, error: SyntaxError) -> str:
    where = f", line {error.lineno}" if error.lineno else ""
    where += f", column {error.offset}" if error.offset else ""
    return f"{document.name}{where}: not valid {name}: {error.msg}"
