"""Records of ISO 19139 as DCAT, after GeoDCAT-AP's mapping; `docs/dcat.md` has the table.

What a record says is written with the words of DCAT, and no value is made up: a
code becomes the IRI that GeoDCAT-AP has for it, free text stays free text.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from entrepot_tap_dcat import iso_codes
from entrepot_tap_dcat.iso_parties import PARTY, Parties
from entrepot_tap_dcat.iso_xml import (
    GMD,
    HREF,
    ONLINE,
    SRV,
    Texts,
    all_of,
    anchor_of,
    code,
    codes,
    first_of,
    is_iri,
    linkage,
    local,
    words,
)
from entrepot_tap_dcat.rdf_writer import ABOUT, RdfWriter
from entrepot_tap_dcat.vocabulary import ADMS, DCAT, DCT, FOAF, OWL, RDF

ROOTS = frozenset(
    {f"{GMD} MD_Metadata", "http://www.isotc211.org/2005/gmi MI_Metadata"}
)
_DATES = {"publication": "issued", "creation": "created", "revision": "modified"}
_ENDS = {"begin": "startDate", "end": "endDate"}
_BOUNDS = (
    "gmd:westBoundLongitude",
    "gmd:eastBoundLongitude",
    "gmd:southBoundLatitude",
    "gmd:northBoundLatitude",
)
_CITATION = "gmd:citation/gmd:CI_Citation/"
_CONSTRAINTS = "gmd:resourceConstraints/*"
_QUALITY = "gmd:dataQualityInfo/gmd:DQ_DataQuality/"
_STANDARD = f"{DCT} Standard"
_LOCATION = f"{DCT} Location"


def write(record: Element, writer: RdfWriter) -> None:
    """Write a record as a dataset, or a data service, with its catalogue record.

    Args:
        record: `gmd:MD_Metadata`, or ISO 19139-2's `gmi:MI_Metadata`.
        writer: Takes the RDF.
    """
    _Record(record, writer).write()


class _Record:
    def __init__(self, record: Element, writer: RdfWriter) -> None:
        self._record = record
        self._writer = writer
        self._texts = Texts(record, writer)
        self._parties = Parties(writer, self._texts)
        found = first_of(record, "gmd:identificationInfo/*")
        self._resource = Element("none") if found is None else found
        self._scope = code(record, "gmd:hierarchyLevel/*") or "dataset"
        self._is_service = self._scope == "service" or self._resource.tag.startswith(
            f"{{{SRV}}}"
        )

    def write(self) -> None:
        writer = self._writer
        kind = f"{DCAT} DataService" if self._is_service else f"{DCAT} Dataset"
        name = next((each for each in self._identifiers() if is_iri(each)), None)
        writer.start(kind, {ABOUT: name} if name else {})
        if self._scope == "series":
            writer.link(f"{RDF} type", f"{DCAT}DatasetSeries")
        self._write_citation()
        self._write_subjects()
        for party in all_of(self._resource, f"gmd:pointOfContact/{PARTY}"):
            self._parties.write(party)
        self._write_rights("license", "LicenseDocument", self._uses())
        self._write_rights("accessRights", "RightsStatement", self._accesses())
        self._write_extents()
        self._write_reference_systems()
        self._write_quality()
        if self._is_service:
            self._write_service()
        else:
            self._write_distributions()
        self._write_catalogue_record()
        writer.close(kind)

    # -- what it is

    def _identifiers(self) -> Iterator[str]:
        for each in all_of(self._resource, "gmd:citation/*/gmd:identifier/*"):
            name = words(first_of(each, "gmd:code"))
            space = words(first_of(each, "gmd:codeSpace"))
            if name and is_iri(space) and not is_iri(name):
                yield f"{space.rstrip('/')}/{name}"
            elif name:
                yield name

    def _write_citation(self) -> None:
        resource, writer = self._resource, self._writer
        self._texts.all(f"{DCT} title", resource, _CITATION + "gmd:title")
        self._texts.all(
            f"{DCT} alternative", resource, _CITATION + "gmd:alternateTitle"
        )
        self._texts.all(f"{DCT} description", resource, "gmd:abstract")
        for each in all_of(resource, _CITATION + "gmd:edition"):
            if text := words(each):
                writer.value(f"{OWL} versionInfo", text)
        for name in dict.fromkeys(self._identifiers()):
            writer.value(f"{DCT} identifier", name)
        for each in all_of(resource, _CITATION + "gmd:date/gmd:CI_Date"):
            known = _DATES.get(code(each, "gmd:dateType/*"))
            day = words(first_of(each, "gmd:date"))
            if known and day:
                writer.value(f"{DCT} {known}", day)
        for language in codes(resource, "gmd:language/*"):
            writer.link(f"{DCT} language", iso_codes.language(language))
        for status in codes(resource, "gmd:status/*"):
            writer.value(f"{ADMS} status", status)
        frequencies = "gmd:resourceMaintenance/*/gmd:maintenanceAndUpdateFrequency/*"
        for frequency in codes(resource, frequencies):
            writer.link(f"{DCT} accrualPeriodicity", iso_codes.frequency(frequency))

    def _write_subjects(self) -> None:
        writer = self._writer
        for each in codes(self._resource, "gmd:topicCategory/*"):
            writer.link(f"{DCT} subject", iso_codes.topic(each))
        for group in all_of(self._resource, "gmd:descriptiveKeywords/gmd:MD_Keywords"):
            is_place = code(group, "gmd:type/*") == "place"
            for keyword in all_of(group, "gmd:keyword"):
                iri = anchor_of(keyword)
                if is_place:
                    self._texts.node(f"{DCT} spatial", _LOCATION, keyword, iri)
                    continue
                self._texts.one(f"{DCAT} keyword", keyword)
                if is_iri(iri):
                    writer.link(f"{DCAT} theme", iri)

    # -- under what conditions, where and when, how good

    def _uses(self) -> list[Element]:
        """Give the conditions of use: limitations, and constraints that are not of access."""
        limits = all_of(self._resource, f"{_CONSTRAINTS}/gmd:useLimitation")
        return limits + [
            other
            for each in all_of(self._resource, _CONSTRAINTS)
            if first_of(each, "gmd:useConstraints") is not None
            and first_of(each, "gmd:accessConstraints") is None
            for other in all_of(each, "gmd:otherConstraints")
        ]

    def _accesses(self) -> list[Element]:
        return [
            other
            for each in all_of(self._resource, _CONSTRAINTS)
            if first_of(each, "gmd:accessConstraints") is not None
            for other in all_of(each, "gmd:otherConstraints")
        ]

    def _write_rights(self, word: str, kind: str, statements: list[Element]) -> None:
        for each in statements:
            text = words(each)
            iri = anchor_of(each) or (text if " " not in text else "")
            self._texts.node(f"{DCT} {word}", f"{DCT} {kind}", each, iri)

    def _write_extents(self) -> None:
        """Write extents; those of services have their name in another namespace."""
        for extent in all_of(self._resource, "*/gmd:EX_Extent"):
            place = "gmd:geographicElement/"
            for box in all_of(extent, place + "gmd:EX_GeographicBoundingBox"):
                self._write_box(box)
            described = place + "gmd:EX_GeographicDescription/*/*/gmd:code"
            for each in all_of(extent, described):
                self._texts.node(f"{DCT} spatial", _LOCATION, each, anchor_of(each))
            for period in all_of(extent, "gmd:temporalElement/*/gmd:extent/*"):
                self._write_period(period)

    def _write_box(self, box: Element) -> None:
        west, east, south, north = (words(first_of(box, each)) for each in _BOUNDS)
        if not (west and east and south and north):
            return
        corners = f"{west} {south},{east} {south},{east} {north},{west} {north},{west} {south}"
        self._writer.start(f"{DCT} spatial", {})
        self._writer.start(_LOCATION, {})
        self._writer.value(f"{DCAT} bbox", f"POLYGON(({corners}))")
        self._writer.close(_LOCATION)
        self._writer.close(f"{DCT} spatial")

    def _write_period(self, period: Element) -> None:
        """Write a period of GML: `beginPosition`, or `begin` around an instant's position."""
        found = {
            word: text
            for end in period.iter()
            for prefix, word in _ENDS.items()
            if local(end).startswith(prefix)
            for position in end.iter()
            if (text := (position.text or "").strip())
        }
        if not found:
            return
        self._writer.start(f"{DCT} temporal", {})
        self._writer.start(f"{DCT} PeriodOfTime", {})
        for word, day in found.items():
            self._writer.value(f"{DCAT} {word}", day)
        self._writer.close(f"{DCT} PeriodOfTime")
        self._writer.close(f"{DCT} temporal")

    def _write_reference_systems(self) -> None:
        identifiers = "gmd:referenceSystemInfo/*/gmd:referenceSystemIdentifier/*"
        for each in all_of(self._record, identifiers):
            name, space = first_of(each, "gmd:code"), first_of(each, "gmd:codeSpace")
            anchor = "" if name is None else anchor_of(name)
            if iri := anchor or iso_codes.crs(words(name), words(space)):
                self._writer.link(f"{DCT} conformsTo", iri)
            else:
                self._texts.node(f"{DCT} conformsTo", _STANDARD, name)

    def _write_quality(self) -> None:
        for each in all_of(self._record, _QUALITY + "gmd:lineage/*/gmd:statement"):
            self._texts.node(f"{DCT} provenance", f"{DCT} ProvenanceStatement", each)
        for result in all_of(self._record, _QUALITY + "gmd:report/*/gmd:result/*"):
            if words(first_of(result, "gmd:pass")) in ("true", "1"):
                title = first_of(result, "gmd:specification/*/gmd:title")
                iri = "" if title is None else anchor_of(title)
                self._texts.node(f"{DCT} conformsTo", _STANDARD, title, iri)

    # -- where it can be had

    def _online(self) -> list[Element]:
        transfers = "gmd:distributionInfo/*/gmd:transferOptions/*/gmd:onLine/"
        return all_of(self._record, transfers + ONLINE)

    def _write_service(self) -> None:
        writer, service = self._writer, self._resource
        operations = "srv:containsOperations/*/srv:connectPoint/"
        points = all_of(service, operations + ONLINE) or self._online()
        for url in dict.fromkeys(map(linkage, points)):
            if url:
                writer.link(f"{DCAT} endpointURL", url)
        for each in all_of(service, "srv:serviceType"):
            if text := words(each):
                writer.value(f"{DCT} type", text)
        for each in all_of(service, "srv:operatesOn"):
            if iri := each.get(HREF) or each.get("uuidref"):
                writer.link(f"{DCAT} servesDataset", iri)

    def _write_distributions(self) -> None:
        for each in self._online():
            url, function = linkage(each), code(each, "gmd:function/*")
            if url and function == "information":
                self._writer.link(f"{FOAF} page", url)
            elif url:
                self._write_distribution(each, url, function)

    def _write_distribution(self, online: Element, url: str, function: str) -> None:
        writer = self._writer
        protocol = first_of(online, "gmd:protocol")
        is_file = words(protocol).upper().startswith("WWW:DOWNLOAD")
        writer.start(f"{DCAT} distribution", {})
        writer.start(f"{DCAT} Distribution", {})
        writer.link(f"{DCAT} accessURL", url)
        if function == "download" or is_file:
            writer.link(f"{DCAT} downloadURL", url)
        self._texts.all(f"{DCT} title", online, "gmd:name")
        self._texts.all(f"{DCT} description", online, "gmd:description")
        self._texts.node(f"{DCT} conformsTo", _STANDARD, protocol)
        formats = "gmd:distributionInfo/*/gmd:distributionFormat/*/gmd:name"
        for each in all_of(self._record, formats):
            self._texts.node(
                f"{DCT} format", f"{DCT} MediaTypeOrExtent", each, anchor_of(each)
            )
        self._write_rights("license", "LicenseDocument", self._uses())
        writer.close(f"{DCAT} Distribution")
        writer.close(f"{DCAT} distribution")

    def _write_catalogue_record(self) -> None:
        writer, record = self._writer, self._record
        writer.start(f"{FOAF} isPrimaryTopicOf", {})
        writer.start(f"{DCAT} CatalogRecord", {})
        parts = (("gmd:fileIdentifier", "identifier"), ("gmd:dateStamp", "modified"))
        for path, word in parts:
            if text := words(first_of(record, path)):
                writer.value(f"{DCT} {word}", text)
        for each in codes(record, "gmd:language/*"):
            writer.link(f"{DCT} language", iso_codes.language(each))
        for party in all_of(record, f"gmd:contact/{PARTY}"):
            self._parties.contact(party)
        writer.close(f"{DCAT} CatalogRecord")
        writer.close(f"{FOAF} isPrimaryTopicOf")
