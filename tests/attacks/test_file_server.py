"""Whoever runs a server from which we read files, catalogues or the learning content.

Actor: the server's owner, or somebody between it and us. They answer what they want, to requests
that we make every night from inside our network. Each attempt must end with one clear sentence, in
seconds, and memory must not grow with what they send."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from entrepot_lab.faults.pages import PageServer, Reply
from entrepot_lab.sources.hostile import FLAT, Outcome, files, moved, run

_MB = 1024**2
_CATALOGUE = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "hydra": "http://www.w3.org/ns/hydra/core#",
}
_RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    ' xmlns:dct="http://purl.org/dc/terms/" xmlns:dcat="http://www.w3.org/ns/dcat#">'
    '<dcat:Dataset rdf:about="https://d.example.org/1"><dct:title>{}</dct:title>'
    "</dcat:Dataset></rdf:RDF>"
)
_TYPE = b"<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_TRIPLE = (
    b"<https://d.example.org/%d> " + _TYPE + b" <http://www.w3.org/ns/dcat#Dataset> .\n"
)


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as server:
        yield server


@pytest.fixture
def other() -> Iterator[PageServer]:
    """Give a server of somebody else, inside our network."""
    with PageServer() as server:
        secret = _RDF.format("INTERNAL").encode()
        server.replies["/secret"] = [Reply(secret, media_type="application/rdf+xml")]
        server.replies["/secret.csv"] = [Reply(b"id\n1\n", media_type="text/csv")]
        yield server


# -- catalogues


def catalogue(folder: Path, source: str, **settings: Any) -> Outcome:
    return run("dcat", folder, {"retry_pause": 0.01, **settings}, DCAT_SOURCE=source)


def rdf(text: str) -> list[Reply]:
    return [Reply(text.encode(), media_type="application/rdf+xml")]


def test_entities_that_grow(server: PageServer, tmp_path: Path) -> None:
    """Attempt: 700 bytes of RDF/XML whose entities ask for gigabytes. Expected: refused unread."""
    entities = '<!ENTITY a0 "aaaaaaaaaa">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)
    )
    server.replies["/bomb"] = rdf(f"<!DOCTYPE x [{entities}]>" + _RDF.format("&a9;"))
    server.replies["/late"] = rdf(_RDF.format("x") + f"<!DOCTYPE x [{entities}]>")
    server.replies["/honest"] = rdf('<?xml version="1.0"?><!-- <!DOCTYPE --> ' + _RDF)
    catalogue(tmp_path, f"{server.url}/bomb").assert_refused("(DOCTYPE)", "line 1")
    catalogue(tmp_path, f"{server.url}/late").assert_refused("/late, line 1")
    assert catalogue(tmp_path, f"{server.url}/honest").status == 0


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (
            _RDF.partition("{}")[0],
            _RDF.partition("{}")[2],
            "a tag or a text has more than",
        ),
        (_RDF.partition("<dcat")[0] + "<a:", " />", "a tag or a text has more than"),
        ('<https://a.b> <https://a.b> "', '" .', "has more than 16 MB"),
        ('{"@id": "https://a.b", "https://a.b": "', '"}', "has more than 16 MB"),
    ],
    ids=["xml text", "xml tag", "triple", "json"],
)
def test_one_endless_value(
    server: PageServer, tmp_path: Path, start: str, end: str, words: str
) -> None:
    """Attempt: a text of 40 MB in a packed document. Expected: refused at 16 MB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(start.encode())
        for _ in range(40):
            file.write(b"x" * _MB)
        file.write(end.encode())
    kind = {"<r": "application/rdf+xml", "<h": "application/n-triples"}
    media_type = kind.get(start[:2], "application/ld+json")
    server.replies["/big"] = [Reply(packed.getvalue(), media_type=media_type)]
    catalogue(tmp_path, f"{server.url}/big").assert_refused(words)


def test_elements_without_end(server: PageServer, tmp_path: Path) -> None:
    """Attempt: a hundred thousand elements inside each other. Expected: refused at a thousand."""
    depth = 100_000
    server.replies["/deep"] = rdf(_RDF.format("<dct:a>" * depth + "</dct:a>" * depth))
    catalogue(tmp_path, f"{server.url}/deep").assert_refused("inside each other")


def test_a_small_packed_document(server: PageServer, tmp_path: Path) -> None:
    """Attempt: gzip that unpacks to more than may be. Expected: unpacked bytes count."""
    content = gzip.compress(_TRIPLE % 1 + b"# nothing\n" * 6_000_000, 1)
    server.replies["/a.nt"] = [Reply(content, media_type="application/n-triples")]
    outcome = catalogue(tmp_path, f"{server.url}/a.nt", max_bytes=50 * _MB)
    outcome.assert_refused(
        "more than 52,428,800 bytes when unpacked (setting max_bytes)"
    )
    assert catalogue(tmp_path, f"{server.url}/a.nt").status == 0


class Pages(PageServer):
    """Pages that always name a next one.

    Attributes:
        stale: Whether each holds the same dataset.
        last: The last page; None for none.
    """

    stale = True
    last: int | None = None

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Make the page that is asked for."""
        number = int(parse_qs(urlsplit(request.path).query).get("page", ["1"])[0])
        page: dict[str, Any] = {
            "@id": f"{self.url}/?page={number}",
            "@type": "hydra:PartialCollectionView",
        }
        if number != self.last:
            page["hydra:next"] = {"@id": f"/?page={number + 1}#next"}
        dataset = {
            "@id": f"https://d.example.org/{1 if self.stale else number}",
            "@type": "dcat:Dataset",
        }
        body = json.dumps({"@context": _CATALOGUE, "@graph": [page, dataset]}).encode()
        self.replies[request.path] = [Reply(body)]
        super().answer(request)


@pytest.mark.parametrize("stale", [True, False])
def test_pages_without_end(tmp_path: Path, *, stale: bool) -> None:
    """Attempt: a next page on every page. Expected: an end, soon where nothing new comes."""
    with Pages() as server:
        server.stale = stale
        source, words = (
            f"{server.url}/?page=1",
            "20 pages in a row have brought no dataset",
        )
        outcome = catalogue(tmp_path, source, max_pages=40)
        outcome.assert_refused(words if stale else "would be page 41")
        assert len(server.asked) == (21 if stale else 40)
        server.last, server.stale = 30, False
        assert (
            len({each["dataset"] for each in catalogue(tmp_path, source).records}) == 30
        )


def test_bytes_of_all_pages(tmp_path: Path) -> None:
    """Attempt: many pages of some size. Expected: they count together."""
    with Pages() as server:
        server.stale = False
        outcome = catalogue(tmp_path, f"{server.url}/?page=1", max_total_bytes=2000)
    outcome.assert_refused("more than 2,000 bytes together (setting max_total_bytes)")


def test_a_catalogue_that_leads_elsewhere(
    server: PageServer, other: PageServer, tmp_path: Path
) -> None:
    """Attempt: a redirect to a server inside our network. Expected: refused, said, not asked."""
    server.replies["/away"] = moved(f"{other.url}/secret")
    server.replies["/file"] = moved("file:///etc/passwd")
    server.replies["/home"] = moved("/here")
    server.replies["/here"] = rdf(_RDF)
    server.replies["/round"] = moved("/round")
    place = other.url.removeprefix("http://")
    catalogue(tmp_path, f"{server.url}/away").assert_refused(
        f"another server, {place}, a private address (127.0.0.1)", "allow_redirects_to"
    )
    assert not other.asked
    catalogue(tmp_path, f"{server.url}/file").assert_refused("leads to file://")
    assert server.asked["/file"] == 1
    catalogue(tmp_path, f"{server.url}/round").assert_refused(
        "one redirect to the next"
    )
    assert catalogue(tmp_path, f"{server.url}/home").status == 0
    allowed = catalogue(tmp_path, f"{server.url}/away", allow_redirects_to=[place])
    assert allowed.status == 0
    assert "a private address" in allowed.said


def test_a_next_page_elsewhere(
    server: PageServer, other: PageServer, tmp_path: Path
) -> None:
    """Attempt: `hydra:next` names a server inside our network. Expected: refused, not asked."""
    page = {
        "@id": server.url,
        "@type": "hydra:PartialCollectionView",
        "hydra:next": {"@id": f"{other.url}/secret"},
    }
    graph = [page, {"@id": "https://d.example.org/1", "@type": "dcat:Dataset"}]
    body = json.dumps({"@context": _CATALOGUE, "@graph": graph}).encode()
    server.replies["/"] = [Reply(body)]
    catalogue(tmp_path, f"{server.url}/").assert_refused(
        "its next page leads to another"
    )
    assert not other.asked


def test_a_file_that_leads_elsewhere(
    server: PageServer, other: PageServer, tmp_path: Path
) -> None:
    """Attempt: a redirect to a server inside our network. Expected: refused, said, not asked."""
    server.replies["/away"] = moved(f"{other.url}/secret.csv")
    server.replies["/file"] = moved("file:///etc/passwd")
    server.replies["/home"] = moved("/here.csv")
    server.replies["/here.csv"] = [Reply(b"id\n7\n", media_type="text/csv")]
    place = other.url.removeprefix("http://")
    files(tmp_path, f"{server.url}/away").assert_refused(
        f"another server, {place}, a private address (127.0.0.1)", "allow_redirects_to"
    )
    assert not other.asked
    files(tmp_path, f"{server.url}/file").assert_refused("leads to file://")
    assert server.asked["/file"] == 1
    assert [each["id"] for each in files(tmp_path, f"{server.url}/home").records] == [
        "7"
    ]
    allowed = files(tmp_path, f"{server.url}/away", allow_redirects_to=["127.0.0.1"])
    assert len(allowed.records) == 1


def test_archives_that_grow(server: PageServer, tmp_path: Path) -> None:
    """Attempt: zip and gzip of a hundred times their size. Expected: unpacked bytes count."""
    lines = b"id\n" + b"1\n" * 100_000
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("a.csv", lines)
    for name, content in (
        ("a.zip", archive.getvalue()),
        ("a.gz", gzip.compress(lines)),
    ):
        server.replies[f"/{name}"] = [Reply(content, media_type="application/zip")]
        outcome = files(tmp_path, f"{server.url}/{name}", max_bytes=100_000)
        assert outcome.status != 0
        assert (
            "more than 100,000 bytes when unpacked (setting max_bytes)" in outcome.said
        )
        assert len(files(tmp_path, f"{server.url}/{name}").records) == 100_000


def test_a_longer_file_than_may_be(server: PageServer, tmp_path: Path) -> None:
    """Attempt: a file longer than the setting. Expected: it is not even kept."""
    server.replies["/a.csv"] = [Reply(b"id\n" + b"1\n" * 90_000, media_type="text/csv")]
    outcome = files(tmp_path, f"{server.url}/a.csv", max_bytes=100_000)
    outcome.assert_refused("more than 100,000 bytes (setting max_bytes)")


@pytest.mark.parametrize("quote", ["", '"'])
def test_one_endless_cell(tmp_path: Path, quote: str) -> None:
    """Attempt: a cell of 40 MB, quoted or not. Expected: refused at 16 MB, by line."""
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write(f"id\n{quote}")
        for _ in range(40):
            file.write("x" * _MB + "\n" * bool(quote))
    files(tmp_path, str(path)).assert_refused(
        "more than 16,777,216 bytes", "a.csv, line 2"
    )


def test_a_big_honest_file(tmp_path: Path) -> None:
    """The innocent twin: 60 MB of rows, some of them long."""
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("id,text\n")
        for number in range(60):
            file.write(f'{number},"{"x" * (_MB - 20)}"\n')
    spool = {"root": f"file://{tmp_path / 'spool'}"}
    batches = {"encoding": {"format": "pgcopy"}, "storage": spool}
    outcome = files(tmp_path, str(path), batch_config=batches)
    assert outcome.status == 0, outcome.said
    assert outcome.peak < FLAT
