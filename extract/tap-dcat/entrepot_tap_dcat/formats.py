"""The syntaxes of RDF: told apart, and read as a stream."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any, cast

from pyoxigraph import RdfFormat, parse

from entrepot_core.base.errors import RunFailed
from entrepot_core.storage.bounded import Bounded
from entrepot_tap_dcat.documents import Document
from entrepot_tap_dcat.graph import Graph
from entrepot_tap_dcat.xml_guard import GuardedXml

FORMATS = {
    "jsonld": RdfFormat.STREAMING_JSON_LD,
    "turtle": RdfFormat.TURTLE,
    "rdfxml": RdfFormat.RDF_XML,
    "ntriples": RdfFormat.N_TRIPLES,
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
}
SUFFIXES = tuple(_BY_SUFFIX)
LONGEST = 2 * 1024**3  # bytes of a document, unpacked
_HEAD = 1024
_BOM = b"\xef\xbb\xbf"
_HTML = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html)", re.IGNORECASE | re.DOTALL
)
# Read whole, JSON-LD takes about seven times its size.
_WHOLE = 64 * 1024**2
_CONTEXT = re.compile(rb'"@(?:context|import)"\s*:\s*(\[[^\]]*\]|\{[^}]*\}|"[^"]*")')


def read(document: Document, wanted: str | None = None, limit: int = LONGEST) -> Graph:
    """Read a document.

    Args:
        document: Where it is.
        wanted: Its format, a key of `FORMATS`; None to find out.
        limit: Bytes that it may have, unpacked.

    Returns:
        Its graph.

    Raises:
        RunFailed: If it is not what it should be; the message says where.
    """
    with document.open() as raw:
        file = _unzipped(document, raw, limit)
        try:
            return _read(document, file, wanted)
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


def _wrong_xml(document: Document, what: str) -> RunFailed:
    return RunFailed(f"{document.name}, {what}")


def _read(document: Document, file: IO[bytes], wanted: str | None) -> Graph:
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
    content = file
    if name == "rdfxml":
        content = cast("IO[bytes]", GuardedXml(file, partial(_wrong_xml, document)))
    try:
        return Graph(_quads(document, content, FORMATS[name]))
    except MemoryError:  # the reader's own word for a token beyond its buffer
        raise RunFailed(
            f"{document.name}: a value, or a name, has more than 16 MB"
        ) from None
    except SyntaxError as error:
        if name != "jsonld" or not _is_of_order(error):
            raise RunFailed(_explain(document, file, name, error)) from None
    return _read_whole(document, file, start)


def _read_whole(document: Document, file: IO[bytes], start: int) -> Graph:
    """Read JSON-LD whose keys come in an order that cannot be read as a stream."""
    file.seek(start)
    text = file.read(_WHOLE + 1)
    if len(text) > _WHOLE:
        raise RunFailed(
            f"{document.name}: a JSON-LD document of more than {_WHOLE // 1024**2} MB must have "
            "@context first, @type before other keys and @graph last, or be cut into pages"
        )
    try:
        return Graph(_quads(document, text, RdfFormat.JSON_LD))
    except SyntaxError as error:
        raise RunFailed(_explain(document, file, "jsonld", error)) from None


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
    return "rdfxml" if head.lstrip().startswith((b"<?xml", b"<rdf:")) else "turtle"


def _explain(document: Document, file: IO[bytes], name: str, error: SyntaxError) -> str:
    if "LoadDocumentCallback" in str(error):
        file.seek(0)
        found = _CONTEXT.findall(file.read(_WHOLE))
        remote = re.findall(
            rb'"((?:https?:)?//[^"]+|[^":{}]+\.jsonld)"', b" ".join(found)
        )
        listed = ", ".join(
            dict.fromkeys(iri.decode(errors="replace") for iri in remote)
        )
        return (
            f"{document.name}: its @context is elsewhere ({listed or 'see the document'}), and "
            "nothing is fetched but the catalogue: have it written into the document, or ask for "
            "Turtle or RDF/XML"
        )
    where = f", line {error.lineno}" if error.lineno else ""
    where += f", column {error.offset}" if error.offset else ""
    return f"{document.name}{where}: not valid {name}: {error.msg}"
