"""RDF/XML written element by element; a name is a namespace, a blank, and a local name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from entrepot_tap_dcat.languages import wrap
from entrepot_tap_dcat.vocabulary import RDF

XML = "http://www.w3.org/XML/1998/namespace"
ABOUT, RESOURCE = f"{RDF} about", f"{RDF} resource"
LANGUAGE = f"{XML} lang"
_NAME = re.compile(r"[^\W\d][\w.-]*")


class RdfWriter:
    """Writes a document of RDF/XML.

    Args:
        out: Takes the text.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._prefixes: dict[str, str] = {RDF: "rdf", XML: "xml"}

    def begin(self) -> None:
        """Begin the document."""
        self._out.write(f'<rdf:RDF xmlns:rdf="{RDF}">')

    def end(self) -> None:
        """End the document."""
        self._out.write("</rdf:RDF>")

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Begin an element.

        Args:
            name: Its name.
            attributes: Its attributes, by name.
        """
        declared: dict[str, str] = {}
        written = [self._prefixed(name, declared)]
        for key, value in attributes.items():
            text = wrap(value) if key == LANGUAGE and value != value.lower() else value
            written.append(f"{self._prefixed(key, declared)}={quoteattr(text)}")
        # Each element declares its own namespaces: none is known when the document begins.
        written += [f"xmlns:{p}={quoteattr(space)}" for space, p in declared.items()]
        self._out.write(f"<{' '.join(written)}>")

    def _prefixed(self, name: str, declared: dict[str, str]) -> str:
        space, _, local = name.rpartition(" ")
        if not space:
            return local
        prefix = self._prefixes.setdefault(space, f"n{len(self._prefixes)}")
        if space not in (RDF, XML):
            declared[space] = prefix
        return f"{prefix}:{local}"

    def close(self, name: str) -> None:
        """End an element.

        Args:
            name: Its name.
        """
        self._out.write(f"</{self._prefixed(name, {})}>")

    def text(self, text: str) -> None:
        """Write text.

        Args:
            text: As it is meant.
        """
        self._out.write(escape(text))

    def value(
        self, name: str, text: str, attributes: Mapping[str, str] | None = None
    ) -> None:
        """Write a property whose value is a literal.

        Args:
            name: The property.
            text: The value.
            attributes: Such as its language.
        """
        self.start(name, attributes or {})
        self.text(text)
        self.close(name)

    def link(self, name: str, iri: str) -> None:
        """Write a property whose value is an IRI.

        Args:
            name: The property.
            iri: The value.
        """
        self.start(name, {RESOURCE: iri})
        self.close(name)
