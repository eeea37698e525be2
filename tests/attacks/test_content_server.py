"""Whoever answers for the learning content, or for files of JSON.

Actor: the server's owner, or somebody between it and us. Attempts: content beyond reason, redirects
to another host. Expected: one clear sentence, in seconds, and flat memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from entrepot_lab.faults.pages import PageServer, Reply
from entrepot_lab.sources import lcms
from entrepot_lab.sources.hostile import PATH, Outcome, files, moved, run

_MB = 1024**2
_RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    ' xmlns:dct="http://purl.org/dc/terms/" xmlns:dcat="http://www.w3.org/ns/dcat#">'
    '<dcat:Dataset rdf:about="https://d.example.org/1"><dct:title>{}</dct:title>'
    "</dcat:Dataset></rdf:RDF>"
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"m": {"a": "' + b"x" * 40 * _MB + b'"}}', "(setting max_json_bytes)"),
    ],
    ids=["depth", "size"],
)
def test_json_beyond_reason(tmp_path: Path, content: bytes, words: str) -> None:
    """Attempt: depth, or size, of a file that is read whole. Expected: a sentence."""
    path = tmp_path / "a.json"
    path.write_bytes(content)
    entry = {"format": "json-maps", "map": "m", "field_names": ["k", "v"]}
    files(tmp_path, str(path), entry).assert_refused(words)


# -- the learning content


def content_of(folder: Path, url: str, **settings: Any) -> Outcome:
    config = {"retry_wait": 0.01, "tries": 2, **settings}
    return run(
        "lcms", folder, config, LCMS_API_URL=url, LCMS_API_KEY="k3y-of-the-tests"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b'{"areas": [' + b"[" * 3_000_000,
            "stream areas, record number 1: more than 100",
        ),
        (b'{"other": ' + b"[" * 3_000_000, "member 'other': more than 100"),
        (b'{"areas": [{"id": "' + b"x" * 20 * _MB, "more than 16,777,216 bytes"),
        (b'{"areas": [{"id": "' + b"\\n" * 10 * _MB, "more than 16,777,216 bytes"),
        (b'{"areas": [[' + b"1," * 2_000_000, "more than 1,000,000 values"),
    ],
    ids=["record depth", "member depth", "text", "escapes", "record size"],
)
def test_content_beyond_reason(
    server: PageServer, tmp_path: Path, content: bytes, words: str
) -> None:
    """Attempt: depth, a value, a record without end. Expected: a sentence, flat memory."""
    server.replies[PATH] = [Reply(content, media_type="application/json")]
    content_of(tmp_path, server.url).assert_refused(words)


def test_content_that_leads_elsewhere(
    server: PageServer, other: PageServer, tmp_path: Path
) -> None:
    """Attempt: a redirect to another server. Expected: refused, and the key is not sent."""
    whole = json.dumps(lcms.content()).encode()
    server.replies[PATH] = moved(f"{other.url}/secret")
    place = other.url.removeprefix("http://")
    content_of(tmp_path, server.url).assert_refused(
        f"another server, {place}, a private address (127.0.0.1)", "allow_redirects_to"
    )
    assert not other.asked
    server.replies[PATH] = moved("file:///etc/passwd")
    content_of(tmp_path, server.url).assert_refused("leads to file://")
    server.replies[PATH] = moved("/here")
    server.replies["/here"] = [Reply(whole, media_type="application/json")]
    assert content_of(tmp_path, server.url).status == 0
    other.replies["/secret"] = server.replies["/here"]
    server.replies[PATH] = moved(f"{other.url}/secret")
    allowed = content_of(tmp_path, server.url, allow_redirects_to=["127.0.0.1"])
    assert allowed.status == 0
    assert other.logins == [None]
