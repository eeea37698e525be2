"""RDF/XML looked at before it is read: no entities, no endless tag or text, no endless depth.

The reader of RDF/XML expands the entities of a document without a limit: 700 bytes can ask for
gigabytes. A catalogue needs none, so a document type declaration, which alone can declare them, is
refused. What is given on has been looked at. A document that the reader would refuse or change for
its encoding, its root or its language tags is to be rewritten (`xml_mending`).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, NoReturn
from xml.parsers import expat

_LONGEST = 16 * 1024**2  # bytes between two tags, or of one tag
_DEEPEST = 1000  # elements inside each other
_BLOCK = 1024**2  # bytes
_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class NeedsMending(Exception):
    """A document is XML, and not as the reader of RDF/XML wants it."""


class GuardedXml(io.RawIOBase):
    """A document of XML that is checked as it is read."""

    def __init__(self, file: IO[bytes], refuse: Callable[[str], Exception]) -> None:
        """Prepare.

        Args:
            file: The document, at its beginning.
            refuse: Makes the error, from what is wrong.
        """
        super().__init__()
        self._file = file
        self._refuse = refuse
        self._block, self._at = b"", 0
        self._depth = self._last = self._fed = 0
        self._parser = parser = self._new_parser()
        parser.StartDoctypeDeclHandler = self._on_document_type
        parser.XmlDeclHandler = self._on_declaration
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end

    def _new_parser(self) -> expat.XMLParserType:
        return expat.ParserCreate()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read and check.

        Args:
            size: Bytes, at most; a block by default.

        Returns:
            Bytes that are as they may be; none at the end.

        Raises:
            Exception: What `refuse` makes, if the document is not.
        """
        if self._at == len(self._block):
            self._block, self._at = self._next_block(), 0
        start = self._at
        self._at = len(self._block) if size < 0 else min(start + size, len(self._block))
        return self._block[start : self._at]

    def _next_block(self) -> bytes:
        """Read and check; a big block, as each begins an unfinished tag anew."""
        block = self._file.read(_BLOCK)
        self._fed += len(block)
        try:
            self._parser.Parse(block, not block)
        except expat.ExpatError as error:
            raise self._refuse(
                f"line {error.lineno}, column {error.offset + 1}: not valid rdfxml: "
                f"{expat.ErrorString(error.code)}"
            ) from None
        if self._fed - self._last > _LONGEST:
            self._stop(f"a tag or a text has more than {_LONGEST:,} bytes")
        return block

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # typeshed: any buffer
        """Read into a buffer.

        Args:
            buffer: Filled from its beginning.

        Returns:
            How many bytes were read.
        """
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _stop(self, wrong: str) -> NoReturn:
        raise self._refuse(f"line {self._parser.CurrentLineNumber}: {wrong}")

    def _on_document_type(self, *_: object) -> None:
        self._stop(
            "a document type declaration (DOCTYPE), which may declare entities that grow without "
            "a limit: have the catalogue written without one"
        )

    def _on_declaration(self, _: str, encoding: str | None, __: int) -> None:
        if encoding and encoding.lower() not in _UTF_8:
            raise NeedsMending

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        """Look at an element, and at the only thing in it that the reader would change."""
        self._enter()
        tag = attributes.get("xml:lang", "")
        is_root_of_another_kind = self._depth == 1 and name.rpartition(":")[2] != "RDF"
        if is_root_of_another_kind or tag != tag.lower():
            raise NeedsMending

    def _on_end(self, _: str) -> None:
        self._leave()

    def _enter(self) -> None:
        self._last = self._parser.CurrentByteIndex
        self._depth += 1
        if self._depth > _DEEPEST:
            self._stop(f"more than {_DEEPEST} elements inside each other")

    def _leave(self) -> None:
        self._last = self._parser.CurrentByteIndex
        self._depth -= 1
