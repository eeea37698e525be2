"""What a record of ISO 19139 is read with, and how its texts are written in their languages."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from entrepot_tap_dcat import iso_codes
from entrepot_tap_dcat.rdf_writer import ABOUT, LANGUAGE, RdfWriter
from entrepot_tap_dcat.vocabulary import RDFS

GMD = "http://www.isotc211.org/2005/gmd"
SRV = "http://www.isotc211.org/2005/srv"
ONLINE = "gmd:CI_OnlineResource"
HREF = "{http://www.w3.org/1999/xlink}href"
_NAMES = {
    "gmd": GMD,
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "srv": SRV,
}
_TRANSLATIONS = "gmd:PT_FreeText/gmd:textGroup/gmd:LocalisedCharacterString"


def all_of(around: Element, path: str) -> list[Element]:
    """Find elements.

    Args:
        around: The element to look in.
        path: Of ElementTree, with the prefixes `gmd`, `gco`, `gmx` and `srv`.

    Returns:
        All, in the document's order.
    """
    return around.findall(path, _NAMES)


def first_of(around: Element, path: str) -> Element | None:
    """Find an element.

    Args:
        around: The element to look in.
        path: As for `all_of`.

    Returns:
        The first; None if there is none.
    """
    return around.find(path, _NAMES)


def local(element: Element) -> str:
    """Give an element's name without its namespace.

    Args:
        element: The element.

    Returns:
        The name.
    """
    return element.tag.rpartition("}")[2]


def words(holder: Element | None) -> str:
    """Give the text of a property, be it a CharacterString, an Anchor, a Date, a Decimal or a URL.

    Args:
        holder: The property; None if the record has none.

    Returns:
        Its text without blanks around it; empty if there is none.
    """
    if holder is None:
        return ""
    for each in holder:
        if local(each) != "PT_FreeText" and (text := (each.text or "").strip()):
            return text
    return ""


def anchor_of(holder: Element) -> str:
    """Give the IRI of a property that is an anchor.

    Args:
        holder: The property.

    Returns:
        The IRI; empty without one.
    """
    anchor = first_of(holder, "gmx:Anchor")
    return "" if anchor is None else anchor.get(HREF, "")


def codes(around: Element, path: str) -> Iterator[str]:
    """Give the values of a code list.

    Args:
        around: The element to look in.
        path: Of the elements that hold a code.

    Yields:
        Each code that is not empty.
    """
    for each in all_of(around, path):
        code = each.get("codeListValue") or (each.text or "").strip()
        if code:
            yield code


def code(around: Element, path: str) -> str:
    """Give the first value of a code list.

    Args:
        around: The element to look in.
        path: Of the elements that hold a code.

    Returns:
        The code; empty without one.
    """
    return next(codes(around, path), "")


def linkage(online: Element) -> str:
    """Give the URL of an online resource.

    Args:
        online: A `CI_OnlineResource`.

    Returns:
        The URL; empty without one.
    """
    return words(first_of(online, "gmd:linkage"))


def is_iri(text: str) -> bool:
    """Say whether a text is meant as an IRI.

    Args:
        text: The text.

    Returns:
        Whether it is.
    """
    return text.startswith(("http://", "https://", "urn:"))


class Texts:
    """Writes the texts of a record, each with its language and its translations.

    Args:
        record: The record, which says what its languages are.
        writer: Takes the RDF.
    """

    def __init__(self, record: Element, writer: RdfWriter) -> None:
        self._writer = writer
        self._tag = iso_codes.tag(code(record, "gmd:language/*"))
        self._tags = {
            "#" + each.get("id", ""): iso_codes.tag(code(each, "gmd:languageCode/*"))
            for each in all_of(record, "gmd:locale/gmd:PT_Locale")
        }

    def all(self, name: str, around: Element, path: str) -> None:
        """Write several texts.

        Args:
            name: The RDF property.
            around: The element to look in.
            path: Of the properties that hold a text.
        """
        for each in all_of(around, path):
            self.one(name, each)

    def one(self, name: str, holder: Element) -> None:
        """Write a text.

        Args:
            name: The RDF property.
            holder: The property that holds the text.
        """
        if text := words(holder):
            self._value(name, text, self._tag)
        for each in all_of(holder, _TRANSLATIONS):
            tag = self._tags.get(each.get("locale", ""), "")
            if (text := (each.text or "").strip()) and tag != self._tag:
                self._value(name, text, tag)

    def _value(self, name: str, text: str, tag: str) -> None:
        self._writer.value(name, text, {LANGUAGE: tag} if tag else {})

    def node(self, name: str, kind: str, holder: Element | None, iri: str = "") -> None:
        """Write something that has a label, and perhaps an IRI.

        Args:
            name: The RDF property.
            kind: The class of the value.
            holder: The property that holds the label.
            iri: The value's IRI; one that is none is left out.
        """
        if holder is None or not (words(holder) or is_iri(iri)):
            return
        self._writer.start(name, {})
        self._writer.start(kind, {ABOUT: iri} if is_iri(iri) else {})
        self.one(f"{RDFS} label", holder)
        self._writer.close(kind)
        self._writer.close(name)
