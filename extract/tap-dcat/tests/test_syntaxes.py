"""What harvesters meet: slips of every syntax, envelopes, contexts that are elsewhere."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from entrepot_core.base.errors import RunFailed
from entrepot_lab.faults.pages import PageServer, Reply
from entrepot_tap_dcat import xml_mending
from entrepot_tap_dcat.catalogue import Catalogue
from entrepot_tap_dcat.languages import unwrap, wrap
from entrepot_tap_dcat.options import Options
from entrepot_tap_dcat.places import place
from entrepot_tap_dcat.streams import STREAMS

Rows = dict[str, list[dict[str, Any]]]

_NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:dct="http://purl.org/dc/terms/" '
    'xmlns:foaf="http://xmlns.com/foaf/0.1/" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"'
)
_PREFIXES = (
    "@prefix dcat: <http://www.w3.org/ns/dcat#> .\n"
    "@prefix dct: <http://purl.org/dc/terms/> .\n"
)
TAGS = ("fr", "fr-BE", "français", "fr_FR", "zh-Hant-TW", "123", "i-default", "en--x")


def read(source: Path | str, contexts: Path | None = None) -> Rows:
    catalogue = Catalogue(place(str(source), Options()), contexts=contexts)
    return {stream: list(catalogue.rows(stream)) for stream in STREAMS}


def rdf(folder: Path, content: str, *, encoding: str = "utf-8", root: str = "") -> Path:
    path = folder / "catalogue.rdf"
    path.write_bytes(
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f"<rdf:RDF {_NAMESPACES} {root}>{content}</rdf:RDF>".encode(encoding)
    )
    return path


def titles(rows: Rows) -> set[tuple[str, str | None]]:
    return {
        (each["value"], each["language"])
        for row in rows["datasets"]
        for each in row["title"]
    }


@pytest.mark.parametrize("tag", [*TAGS, "", "é" * 30, "a b"])
def test_a_wrapped_tag_is_a_tag_and_comes_back(tag: str) -> None:
    assert unwrap(wrap(tag).lower()) == tag


def test_words_and_tags_are_the_same_in_every_syntax(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    subject = "https://example.org/é avec blancs?q={a}|b"
    words = {(f'say "{tag}" \'#@{number}', tag) for number, tag in enumerate(TAGS)}

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    listed = ", ".join(f"{quoted(value)}@{tag}" for value, tag in sorted(words))
    turtle = f'{_PREFIXES}# it\'s "no" text@FR\n<{subject}> a dcat:Dataset ; dct:title {listed} .'
    triples = "".join(
        f"<{subject}> <http://purl.org/dc/terms/title> {quoted(value)}@{tag} .\n"
        for value, tag in sorted(words)
    )
    kind = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/dcat#Dataset>"
    triples = f"<{subject}> {kind} .\n{triples}"
    found = "".join(
        f'<dct:title xml:lang="{tag}">{value}</dct:title>' for value, tag in words
    )
    node = {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
        },
        "@id": subject,
        "@type": "dcat:Dataset",
        "dct:title": [
            {"@value": value, "@language": tag} for value, tag in sorted(words)
        ],
    }
    sources = {
        "a.ttl": turtle,
        "a.n3": turtle,
        "a.trig": f"{_PREFIXES}<https://example.org/g> {{{turtle.removeprefix(_PREFIXES)}}}",
        "a.nt": triples,
        "a.nq": triples.replace(" .\n", " <https://example.org/g> .\n"),
        "a.jsonld": json.dumps(node),
        "a.rdf": f'<rdf:RDF {_NAMESPACES}><dcat:Dataset rdf:about="{subject}">{found}'
        "</dcat:Dataset></rdf:RDF>",
    }
    for name, content in sources.items():
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        rows = read(path)
        assert titles(rows) == words, name
        assert [row["dataset"] for row in rows["datasets"]] == [subject], name
    assert caplog.text.count("'123', 'en--x', 'fr_FR', 'français'") == len(sources)


def test_odd_tags_across_the_borders_of_blocks(tmp_path: Path) -> None:
    path = tmp_path / "long.ttl"
    lines = (
        f"<https://example.org/{n}> a dcat:Dataset ; "
        f'dct:title """\'{"x" * (n % 97)}"@FR"""@fr_{n} .'
        for n in range(12_000)
    )
    path.write_text(_PREFIXES + "\n".join(lines))
    assert path.stat().st_size > 1024**2
    found = titles(read(path))
    assert found == {(f"'{'x' * (n % 97)}\"@FR", f"fr_{n}") for n in range(12_000)}


def test_a_text_beside_a_resource_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theme = '<dcat:theme rdf:resource="https://example.org/theme">Noise</dcat:theme>'
    content = (
        f'<dcat:Dataset rdf:about="https://example.org/a">stray{theme}'
        "<dct:title>A</dct:title>"
        "<dcat:distribution>beside<dcat:Distribution><dct:title>1</dct:title></dcat:Distribution>"
        "<dcat:Distribution><dct:title>2</dct:title></dcat:Distribution></dcat:distribution>"
        "<bare/></dcat:Dataset>"
    )
    rows = read(rdf(tmp_path, content))
    [dataset] = rows["datasets"]
    assert dataset["theme"] == ["https://example.org/theme"]
    assert {row["title"][0]["value"] for row in rows["distributions"]} == {"1", "2"}
    for change in (
        "2 texts beside a resource or a node",
        "1 texts where RDF/XML has none",
        "1 properties with several values",
        "1 elements without a namespace",
    ):
        assert change in caplog.text


def test_what_is_good_is_read_the_same_when_it_is_written_anew(tmp_path: Path) -> None:
    content = (
        '<dcat:Dataset rdf:about="a" xml:lang="en"><dct:title>T &amp; &lt;U&gt;</dct:title>'
        '<dct:spatial rdf:parseType="Resource"><rdfs:label>Here</rdfs:label></dct:spatial>'
        '<dcat:contactPoint rdf:nodeID="_k.1"/>'
        '<dct:license rdf:resource="l" rdfs:label="L"/>'
        '<dct:description rdf:parseType="Literal"><b xmlns="http://h">x</b></dct:description>'
        '<dct:creator rdf:parseType="Collection"><foaf:Agent foaf:name="N"/></dct:creator>'
        '</dcat:Dataset><rdf:Description rdf:nodeID="_k.1"><rdfs:label>K</rdfs:label>'
        '</rdf:Description><dcat:Dataset rdf:ID="b"/>'
    )
    root = 'xml:base="https://example.org/x/" xml:lang="fr"'
    plain, mended = (
        {
            stream: sorted(json.dumps(row, sort_keys=True) for row in listed)
            for stream, listed in read(rdf(tmp_path, content + more, root=root)).items()
        }
        for more in ("", '<dcat:Catalog xml:lang="FR"/>')
    )
    words = [row for row in plain["datasets"] if "<b xmlns" in row]
    assert len(words) == 1
    for rows in (
        plain,
        mended,
    ):  # an XML literal declares what its reader wants declared
        rows["datasets"] = [
            row for row in rows["datasets"] if row not in words and "/b" in row
        ]
    assert mended["datasets"] == plain["datasets"]
    assert mended["agents"] == plain["agents"] != []
    assert mended["contact_points"] == plain["contact_points"] != []


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "windows-1252"])
def test_other_encodings_of_xml(tmp_path: Path, encoding: str) -> None:
    content = '<dcat:Dataset rdf:about="https://example.org/é"><dct:title>É</dct:title></dcat:Dataset>'
    assert titles(read(rdf(tmp_path, content, encoding=encoding))) == {("É", None)}


_CSW = (
    '<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" {namespaces}>'
    '<csw:SearchResults numberOfRecordsMatched="{total}" nextRecord="{following}">'
    "{records}</csw:SearchResults></csw:GetRecordsResponse>"
)


def _answer(records: str, total: int = 2, following: int = 0) -> str:
    return _CSW.format(
        namespaces=_NAMESPACES, total=total, following=following, records=records
    )


def _dataset(name: str) -> str:
    return (
        f'<rdf:RDF xml:lang="fr"><dcat:Dataset rdf:about="https://example.org/{name}">'
        f"<dct:title>{name}</dct:title></dcat:Dataset></rdf:RDF>"
    )


def test_the_answer_of_a_catalogue_service(tmp_path: Path) -> None:
    path = tmp_path / "csw.xml"
    path.write_text(_answer(_dataset("a") + _dataset("b").replace("rdf:RDF", "other")))
    assert titles(read(path)) == {("a", "fr"), ("b", "fr")}


def test_the_pages_of_a_catalogue_service(caplog: pytest.LogCaptureFixture) -> None:
    with PageServer() as server:
        first = "/csw?request=GetRecords&startPosition=1"
        second = "/csw?request=GetRecords&startPosition=2"
        xml = "application/xml"
        server.replies[first] = [
            Reply(_answer(_dataset("a"), 2, 2).encode(), media_type=xml)
        ]
        server.replies[second] = [
            Reply(_answer(_dataset("b"), 2, 0).encode(), media_type=xml)
        ]
        assert titles(read(server.url + first)) == {("a", "fr"), ("b", "fr")}
    assert "announced" not in caplog.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "<ows:ExceptionReport xmlns:ows='http://www.opengis.net/ows'/>",
            "exception report",
        ),
        (
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry/></feed>",
            "neither RDF nor records",
        ),
        (_answer("", 0), "no dataset and no data service"),
        (f"<rdf:RDF {_NAMESPACES}><dcat:Dataset></rdf:RDF>", "mismatched tag"),
        (f"<rdf:RDF {_NAMESPACES}>\n<x:Dataset/></rdf:RDF>", "line 2"),
    ],
)
def test_xml_that_is_no_catalogue(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(RunFailed, match=words):
        read(path)


def test_contexts_are_taken_from_copies_and_never_fetched(tmp_path: Path) -> None:
    iri = "https://example.org/ns/dcat-ap.jsonld"
    folder = tmp_path / "contexts"
    folder.mkdir()
    path = tmp_path / "a.jsonld"
    node = {
        "@context": [iri, {"name": "http://purl.org/dc/terms/title"}],
        "@id": "https://example.org/a",
        "@type": "Dataset",
        "name": 'the "@context": of a text',
    }
    path.write_text(json.dumps(node))
    with pytest.raises(RunFailed, match=f"elsewhere.*{iri}.*DCAT_CONTEXTS"):
        read(path)
    with pytest.raises(
        RunFailed, match=r"has no copy of it: save one as .*example\.org/ns/dcat-ap"
    ):
        read(path, folder)
    (folder / "dcat-ap.jsonld").write_text("{}")
    with pytest.raises(RunFailed, match="is not JSON with an @context"):
        read(path, folder)
    (folder / "base").write_text(
        '{"@context": {"Dataset": "http://www.w3.org/ns/dcat#Dataset"}}'
    )
    (folder / "dcat-ap.jsonld").write_text('{"@context": ["https://example.org/base"]}')
    assert titles(read(path, folder)) == {('the "@context": of a text', None)}
    (folder / "base").write_text('{"@context": "https://example.org/base"}')
    with pytest.raises(RunFailed, match="name each other without an end"):
        read(path, folder)


def test_data_services_have_rows(tmp_path: Path) -> None:
    content = (
        '<dcat:DataService rdf:about="https://example.org/s"><dct:title>S</dct:title>'
        '<dcat:endpointURL rdf:resource="https://example.org/wms"/>'
        '<dcat:servesDataset rdf:resource="https://example.org/a"/>'
        '<hvd:hvdCategory xmlns:hvd="http://data.europa.eu/r5r/" rdf:resource="https://example.org/c"/>'
        "</dcat:DataService>"
    )
    rows = read(rdf(tmp_path, content))  # a catalogue of services alone
    [service] = rows["data_services"]
    assert service["serves_dataset"] == ["https://example.org/a"]
    assert service["endpoint_url"] == ["https://example.org/wms"]
    assert service["hvd_category"] == ["https://example.org/c"]
    assert rows["datasets"] == []


def test_blank_datasets_of_one_identifier_are_told_apart(tmp_path: Path) -> None:
    nodes = [
        f"<dcat:Dataset><dct:identifier>x</dct:identifier><dct:title>{n}</dct:title></dcat:Dataset>"
        for n in (1, 2, 2)
    ]
    names = {
        tuple(row["dataset"] for row in read(rdf(tmp_path, "".join(order)))["datasets"])
        for order in itertools.permutations(nodes)
    }
    assert len(names) == 1
    assert len(set(names.pop())) == 3


RECORD = Path(__file__).parent / "data" / "iso19139.xml"


def test_a_record_of_iso_19139_is_a_dataset() -> None:
    rows = read(RECORD)
    [dataset] = rows["datasets"]
    assert dataset["dataset"] == "https://data.example.org/jeu/bruit"
    assert dataset["title"] == [
        {"value": "Road noise", "language": "en"},
        {"value": "Bruit routier", "language": "fr"},
    ]
    assert [each["value"] for each in dataset["keyword"]] == ["bruit", "transport"]
    assert dataset["theme"] == ["http://inspire.ec.europa.eu/theme/hh"]
    assert (dataset["issued"], dataset["modified"]) == (["2020-01-31"], ["2024-05-06"])
    frequency = "http://publications.europa.eu/resource/authority/frequency/ANNUAL"
    assert dataset["accrual_periodicity"] == [frequency]
    [language] = dataset["language"]
    assert language.endswith("/language/FRA")
    assert {"http://www.opengis.net/def/crs/EPSG/0/2154"} < {
        each["iri"] or each["label"][0]["value"] for each in dataset["conforms_to"]
    }
    [box] = [each["bbox"] for each in dataset["spatial"] if "bbox" in each]
    assert box == ["POLYGON((5 45,7 45,7 46,5 46,5 45))"]
    [access] = dataset["access_rights"]
    assert access["iri"].endswith("/noLimitations")
    assert dataset["provenance"][0]["label"][0]["value"] == "Calculé."
    period = dataset["other"]["http://purl.org/dc/terms/temporal"][0]
    assert period["http://www.w3.org/ns/dcat#startDate"] == ["2019-01-01"]
    [holder] = [
        row for row in rows["agents"] if row["agent"] in dataset["rights_holder"]
    ]
    assert holder["name"] == [{"value": "DDT 74", "language": "fr"}]
    [contact] = [
        r
        for r in rows["contact_points"]
        if r["contact_point"] in dataset["contact_point"]
    ]
    assert contact["email"] == ["mailto:sig@example.org"]


def test_the_distributions_and_the_record_of_iso_19139() -> None:
    rows = read(RECORD)
    by_url = {row["access_url"][0]: row for row in rows["distributions"]}
    assert set(by_url) == {"https://example.org/bruit.zip", "https://example.org/wms?"}
    file = by_url["https://example.org/bruit.zip"]
    assert file["download_url"] == ["https://example.org/bruit.zip"]
    assert file["format"][0]["label"][0]["value"] == "ESRI Shapefile"
    assert file["license"][0]["iri"] == "https://www.etalab.gouv.fr/licence-ouverte"
    assert by_url["https://example.org/wms?"]["download_url"] == []
    [record] = rows["catalog_records"]
    assert (record["identifier"], record["modified"]) == (
        ["fr-bruit-74"],
        ["2024-05-07"],
    )
    assert record["dataset"] == "https://data.example.org/jeu/bruit"


def test_a_record_without_an_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_mending, "_LARGEST_RECORD", 100_000)
    path = tmp_path / "record.xml"
    head, end = RECORD.read_text().split("<!-- operations -->")
    path.write_text(head + "<gmd:a/>" * 500 + end)
    with pytest.raises(
        RunFailed, match="a record of ISO 19139 takes more than 100,000 bytes"
    ):
        read(path)


def test_a_service_of_iso_19139_is_a_data_service(tmp_path: Path) -> None:
    text = RECORD.read_text()
    path = tmp_path / "service.xml"
    path.write_text(
        text.replace("gmd:MD_DataIdentification", "srv:SV_ServiceIdentification")
        .replace('codeListValue="dataset"', 'codeListValue="service"')
        .replace(
            "<!-- operations -->",
            '<srv:operatesOn xlink:href="https://example.org/d"/>',
        )
    )
    rows = read(path)
    [service] = rows["data_services"]
    assert rows["datasets"] == []
    assert service["serves_dataset"] == ["https://example.org/d"]
    assert "https://example.org/wms?" in service["endpoint_url"]
