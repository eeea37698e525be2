"""The parties that a record of ISO 19139 names: contacts, agents, and those of any other role."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from entrepot_tap_dcat import iso_codes
from entrepot_tap_dcat.iso_xml import (
    ONLINE,
    Texts,
    all_of,
    code,
    first_of,
    linkage,
    words,
)
from entrepot_tap_dcat.rdf_writer import RdfWriter
from entrepot_tap_dcat.vocabulary import DCAT, DCT, FOAF, PROV, VCARD

PARTY = "gmd:CI_ResponsibleParty"
_AGENTS = {"publisher": "publisher", "author": "creator", "owner": "rightsHolder"}


class Parties:
    """Writes parties.

    Args:
        writer: Takes the RDF.
        texts: Writes their names.
    """

    def __init__(self, writer: RdfWriter, texts: Texts) -> None:
        self._writer = writer
        self._texts = texts

    def write(self, party: Element) -> None:
        """Write a party by its role.

        Args:
            party: A `CI_ResponsibleParty`.
        """
        role = code(party, "gmd:role/*")
        if role == "pointOfContact":
            self.contact(party)
        elif role in _AGENTS:
            name = f"{DCT} {_AGENTS[role]}"
            self._writer.start(name, {})
            self._agent(party)
            self._writer.close(name)
        else:
            self._attribution(party, role)

    def contact(self, party: Element) -> None:
        """Write a party as a contact.

        Args:
            party: A `CI_ResponsibleParty`.
        """
        writer = self._writer
        writer.start(f"{DCAT} contactPoint", {})
        writer.start(f"{VCARD} Kind", {})
        self._texts.all(f"{VCARD} fn", party, "gmd:individualName")
        self._texts.all(f"{VCARD} organization-name", party, "gmd:organisationName")
        for each in _mails(party):
            writer.link(f"{VCARD} hasEmail", f"mailto:{each}")
        for voice in all_of(party, "gmd:contactInfo/*/gmd:phone/*/gmd:voice"):
            if number := "".join(words(voice).split()):
                writer.link(f"{VCARD} hasTelephone", f"tel:{number}")
        for each in _pages(party):
            writer.link(f"{VCARD} hasURL", each)
        writer.close(f"{VCARD} Kind")
        writer.close(f"{DCAT} contactPoint")

    def _attribution(self, party: Element, role: str) -> None:
        writer = self._writer
        writer.start(f"{PROV} qualifiedAttribution", {})
        writer.start(f"{PROV} Attribution", {})
        if role:
            writer.link(f"{DCAT} hadRole", iso_codes.role(role))
        writer.start(f"{PROV} agent", {})
        self._agent(party)
        writer.close(f"{PROV} agent")
        writer.close(f"{PROV} Attribution")
        writer.close(f"{PROV} qualifiedAttribution")

    def _agent(self, party: Element) -> None:
        writer = self._writer
        is_organisation = bool(words(first_of(party, "gmd:organisationName")))
        kind = f"{FOAF} Organization" if is_organisation else f"{FOAF} Person"
        writer.start(kind, {})
        name = "gmd:organisationName" if is_organisation else "gmd:individualName"
        self._texts.all(f"{FOAF} name", party, name)
        for each in _mails(party):
            writer.link(f"{FOAF} mbox", f"mailto:{each}")
        for each in _pages(party):
            writer.link(f"{FOAF} homepage", each)
        writer.close(kind)


def _mails(party: Element) -> list[str]:
    path = "gmd:contactInfo/*/gmd:address/*/gmd:electronicMailAddress"
    return [text for each in all_of(party, path) if (text := words(each))]


def _pages(party: Element) -> list[str]:
    path = f"gmd:contactInfo/*/gmd:onlineResource/{ONLINE}"
    return [text for each in all_of(party, path) if (text := linkage(each))]
