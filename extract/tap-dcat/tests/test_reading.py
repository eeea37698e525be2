"""Documents in, rows out."""

from __future__ import annotations

import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
from pyoxigraph import RdfFormat

from entrepot_core.base.errors import Refused, RunFailed
from entrepot_tap_dcat import graph
from entrepot_tap_dcat.catalogue import Catalogue
from entrepot_tap_dcat.options import Options
from entrepot_tap_dcat.places import place
from entrepot_tap_dcat.streams import STREAMS

SAMPLES = Path(__file__).parents[3] / "contents/ecospheres/samples"
PAGE = SAMPLES / "page_1_2026-01-10.jsonld"
EXAMPLE = "https://data.example.org/"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
}

Rows = dict[str, list[dict[str, Any]]]


def read(source: Path | str, **options: Any) -> Rows:
    catalogue = Catalogue(place(str(source), Options(**options)))
    return {stream: list(catalogue.rows(stream)) for stream in STREAMS}


def write(folder: Path, *nodes: dict[str, Any], **more: Any) -> Path:
    path = folder / "page.jsonld"
    path.write_text(json.dumps({"@context": CONTEXT, "@graph": nodes, **more}))
    return path


def by_key(rows: Rows, stream: str, key: str) -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows[stream]}


@pytest.fixture(scope="module")
def rows() -> Rows:
    return read(SAMPLES)


def test_the_sample_has_these_rows(rows: Rows) -> None:
    counts = {stream: len(found) for stream, found in rows.items()}
    assert counts == {
        "datasets": 5,
        "distributions": 4,
        "data_services": 1,
        "agents": 3,
        "contact_points": 2,
        "catalog_records": 4,
    }
    for stream, (keys, columns) in STREAMS.items():
        for row in rows[stream]:
            assert row.keys() == {*columns, "source_file", "page", "dump_date"}
            assert all(row[key] for key in keys)


def test_words_have_their_languages(rows: Rows) -> None:
    dataset = by_key(rows, "datasets", "dataset")[EXAMPLE + "jeu/a"]
    assert dataset["title"] == [
        {"value": "Noise zones", "language": "en"},
        {"value": "Zones de bruit", "language": "fr"},
    ]
    assert [each["value"] for each in dataset["keyword"]] == [
        "bruit, routes",
        'dit "sonore"',
        "{données}",
    ]
    assert dataset["spatial"][0]["iri"] == "http://id.insee.fr/geo/departement/74"
    assert dataset["spatial"][1]["bbox"] == ["POLYGON((5 45,7 45,7 46,5 46,5 45))"]


def test_both_spellings_of_the_rights_holder(rows: Rows) -> None:
    datasets, agents = (
        by_key(rows, "datasets", "dataset"),
        by_key(rows, "agents", "agent"),
    )
    [ckan] = datasets[EXAMPLE + "jeu/a"]["rights_holder"]
    assert agents[ckan]["name"] == [{"value": "DDT 74", "language": "fr"}]
    [standard] = datasets[EXAMPLE + "jeu/b"]["rights_holder"]
    assert standard == EXAMPLE + "organisation/2a"
    assert agents[standard]["name"] == [{"value": "DDT 2A", "language": "fr"}]


def test_nothing_unknown_or_missing_stops_it(rows: Rows) -> None:
    """F49: an unknown code, a dataset that is a blank node, an agent without a name."""
    [blank] = [row for row in rows["datasets"] if row["dataset"].startswith("_:")]
    assert blank["title"] == []
    assert blank["status"] == [EXAMPLE + "statut/abandonné"]
    [nameless] = blank["rights_holder"]
    assert by_key(rows, "agents", "agent")[nameless]["name"] == []


def test_series_and_provenance(rows: Rows) -> None:
    datasets = by_key(rows, "datasets", "dataset")
    assert [key for key, row in datasets.items() if row["is_series"]] == [
        EXAMPLE + "jeu/d"
    ]
    first, second = datasets[EXAMPLE + "jeu/a"], datasets[EXAMPLE + "jeu/e"]
    # The first is on both pages.
    assert (first["source_file"], first["page"]) == ("page_1_2026-01-10.jsonld", 1)
    assert (second["source_file"], second["page"]) == ("page_2_2026-01-10.jsonld", 2)
    assert {row["dump_date"] for row in rows["datasets"]} == {"2026-01-10"}


@pytest.mark.parametrize(
    ("syntax", "suffix"),
    [
        (RdfFormat.TURTLE, ".ttl"),
        (RdfFormat.RDF_XML, ".rdf"),
        (RdfFormat.N_TRIPLES, ".nt"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_each_syntax_gives_the_same_rows(
    tmp_path: Path, syntax: RdfFormat, suffix: str, *, zipped: bool
) -> None:
    quads = list(
        pyoxigraph.parse(
            path=PAGE, format=RdfFormat.JSON_LD, rename_blank_nodes=True, lenient=True
        )
    )
    random.Random(7).shuffle(quads)
    content = pyoxigraph.serialize(quads, format=syntax)
    path = tmp_path / f"page_1_2026-01-10{suffix}{'.gz' if zipped else ''}"
    path.write_bytes(gzip.compress(content) if zipped else content)

    def bare(found: Rows) -> dict[str, list[str]]:
        return {
            stream: sorted(
                json.dumps({**row, "source_file": ""}, sort_keys=True) for row in listed
            )
            for stream, listed in found.items()
        }

    assert bare(read(path)) == bare(read(PAGE))


def test_a_graph_on_disk_is_the_graph_in_memory(
    monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    monkeypatch.setattr(graph.Graph.__init__, "__defaults__", ((), 7))
    assert read(SAMPLES) == rows


def test_blank_nodes_that_say_the_same_are_two(tmp_path: Path) -> None:
    twin = {"@type": "dcat:Distribution", "dct:title": "file"}
    path = write(
        tmp_path,
        {"@id": "http://a", "@type": "dcat:Dataset", "dcat:distribution": [twin, twin]},
        {"@type": "dcat:Dataset", "dct:title": "same"},
        {"@type": "dcat:Dataset", "dct:title": "same"},
    )
    found = read(path)
    assert len(found["distributions"]) == 2
    assert len({row["dataset"] for row in found["datasets"]}) == 3
    assert read(path) == found


def test_a_blank_dataset_keeps_its_name_while_its_identifier_stays(
    tmp_path: Path,
) -> None:
    names = set()
    for title in ("before", "after"):
        node = {"@type": "dcat:Dataset", "dct:identifier": "x", "dct:title": title}
        [row] = read(write(tmp_path, node))["datasets"]
        names.add(row["dataset"])
    assert len(names) == 1


def test_what_has_no_column_is_kept(tmp_path: Path) -> None:
    period = {"@type": "dct:PeriodOfTime", "dcat:startDate": "2020"}
    node = {
        "@id": "http://a",
        "@type": "dcat:Dataset",
        "dct:temporal": period,
        "http://example.org/odd": {"@value": "x", "@language": "br"},
    }
    [row] = read(write(tmp_path, node))["datasets"]
    assert row["other"] == {
        "http://example.org/odd": [{"value": "x", "language": "br"}],
        "http://purl.org/dc/terms/temporal": [
            {
                "http://www.w3.org/1999/02/22-rdf-syntax-ns#type": [
                    "http://purl.org/dc/terms/PeriodOfTime"
                ],
                "http://www.w3.org/ns/dcat#startDate": ["2020"],
            }
        ],
    }


def test_blank_nodes_in_a_circle_and_lists(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "@id": "http://a",
            "@type": "dcat:Dataset",
            "dct:creator": {"@id": "_:x"},
            "dcat:keyword": {"@list": ["one", "two"]},
        },
        {"@id": "_:x", "foaf:name": "X", "foaf:knows": {"@id": "_:y"}},
        {"@id": "_:y", "foaf:name": "Y", "foaf:knows": {"@id": "_:x"}},
    )
    found = read(path)
    assert [each["value"] for each in found["datasets"][0]["keyword"]] == ["one", "two"]
    assert found["agents"][0]["name"] == [{"value": "X", "language": None}]


def test_what_two_pages_say_is_joined(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, title in ((1, "one"), (2, "two")):
        node = {"@id": "http://a", "@type": "dcat:Dataset", "dct:title": title}
        write(tmp_path, node).rename(tmp_path / f"{number}.jsonld")
    [row] = read(tmp_path)["datasets"]
    assert [each["value"] for each in row["title"]] == ["one", "two"]
    assert row["source_file"] == "1.jsonld"
    assert "1 datasets are described differently" in caplog.text


def test_keys_in_an_order_that_cannot_be_streamed(tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    node = {"dct:title": "x", "@type": "dcat:Dataset", "@id": "http://a"}
    path.write_text(json.dumps({"@graph": [node], "@context": CONTEXT}))
    assert read(path)["datasets"][0]["title"] == [{"value": "x", "language": None}]


def test_a_byte_order_mark_and_no_suffix(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(b"\xef\xbb\xbf" + PAGE.read_bytes())
    assert len(read(path)["datasets"]) == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.json", b"", ["the document is empty"]),
        ("p.json", b"<!DOCTYPE html><p>down", ["an HTML page"]),
        (
            "p.json",
            b'{"@id": "http://a",\n "x": ',
            ["p.json, line 2", "not valid jsonld"],
        ),
        ("p.ttl", b"<http://a> a\n <http://b> ; ", ["p.ttl, line", "not valid turtle"]),
        ("p.rdf", b"<rdf:RDF", ["p.rdf", "not valid rdfxml"]),
        ("p.json", b'{"error": "no"}', ["no dataset"]),
        (
            "p.ttl.gz",
            gzip.compress(b"<http://a> a <http://b>.", mtime=0)[:-9],
            ["cut off"],
        ),
        (
            "p.json",
            b'{"@context": ["https://example.org/c.jsonld"], "@id": "http://a"}',
            ["its @context is elsewhere", "https://example.org/c.jsonld"],
        ),
    ],
)
def test_what_is_no_catalogue_is_named(
    tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RunFailed) as failure:
        read(tmp_path / name)
    for word in [name, *words]:
        assert word in str(failure.value)


# -- dumps and pages


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    for path in SAMPLES.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_all_dumps(dump: Path) -> None:
    days = [row["dump_date"] for row in read(dump, all_dumps=True)["datasets"]]
    assert sorted(days) == ["2026-01-09", *["2026-01-10"] * 5]


def test_a_missing_page_is_named(dump: Path) -> None:
    """F49."""
    (dump / "page_1_2026-01-10.jsonld").unlink()
    with pytest.raises(
        RunFailed, match=r"2026-01-10.*1 of 2 pages were read, missing: 1"
    ):
        read(dump)
    found = Catalogue(place(str(dump), Options()), may_be_partial=True)
    assert len(list(found.rows("datasets"))) == 3


def test_a_page_that_is_there_twice(dump: Path) -> None:
    (dump / "copy_2026-01-10.jsonld").write_bytes(PAGE.read_bytes())
    with pytest.raises(RunFailed, match=r"is page 1, and so is"):
        read(dump)


def test_one_document_may_be_any_page(caplog: pytest.LogCaptureFixture) -> None:
    assert len(read(PAGE)["datasets"]) == 3
    assert "1 of 2 pages were read" in caplog.text


def test_another_total_is_a_warning(
    dump: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """F49."""
    for path in dump.glob("*2026-01-10*"):
        path.write_text(path.read_text().replace('totalItems": 5', 'totalItems": 2437'))
    assert len(read(dump)["datasets"]) == 5
    assert "5 datasets and 1 data services were read, 2437 are announced" in caplog.text


def test_a_pattern_matches_whole_names(dump: Path) -> None:
    (dump / "page_1_2026-02-01.jsonld.bak").write_text("not read")
    assert len(read(dump, pattern=r"page_\d_2026-01-09\.jsonld")["datasets"]) == 1
    with pytest.raises(Refused, match="none of the 4 files"):
        read(dump, pattern="page")


def test_files_without_a_day_are_one_dump(dump: Path) -> None:
    for number in (1, 2):
        path = dump / f"page_{number}_2026-01-10.jsonld"
        os.utime(path, (86400.0 * number, 86400.0 * number))
        path.rename(dump / f"page{number}.jsonld")
    (dump / "page_1_2026-01-09.jsonld").unlink()
    assert {row["dump_date"] for row in read(dump)["datasets"]} == {"1970-01-03"}


@pytest.mark.parametrize(
    "source", ["/nowhere", "ftp://example.org/x", "file:///nowhere"]
)
def test_no_such_place(source: str) -> None:
    with pytest.raises(Refused, match="DCAT_SOURCE"):
        read(source)
