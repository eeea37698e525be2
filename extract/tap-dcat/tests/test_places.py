"""Where catalogues come from: a server with its faults, S3, and the project's variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.testing import get_tap_test_class

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.storage.redirects import Redirects
from entrepot_lab.faults.pages import PageServer, Reply
from entrepot_lab.processes import prepared
from entrepot_lab.sources.s3 import S3Server
from entrepot_tap_dcat.catalogue import Catalogue
from entrepot_tap_dcat.options import Options
from entrepot_tap_dcat.places import place
from entrepot_tap_dcat.streams import STREAMS
from entrepot_tap_dcat.tap import TapDcat

SAMPLES = Path(__file__).parents[3] / "contents/ecospheres/samples"
PAGES = [
    (SAMPLES / f"page_{number}_2026-01-10.jsonld").read_bytes() for number in (1, 2)
]
FIRST, SECOND = "/catalog?page=1", "/catalog?page=2"

TestTapDcat = get_tap_test_class(TapDcat, config={"source": str(SAMPLES)})


def datasets(source: str, **options: Any) -> list[dict[str, Any]]:
    catalogue = Catalogue(place(source, Options(pause=0.01, **options)))
    return list(catalogue.rows("datasets"))


@pytest.fixture
def server() -> Iterator[PageServer]:
    with PageServer() as server:
        here = server.url.encode()
        for path, page in zip((FIRST, SECOND), PAGES, strict=True):
            body = page.replace(b"https://data.example.org/catalog", here + b"/catalog")
            server.replies[path] = [Reply(body)]
        yield server


def test_pages_name_the_next(server: PageServer) -> None:
    found = datasets(server.url + FIRST)
    assert len(found) == 5
    assert {row["page"] for row in found} == {1, 2}
    assert found[-1]["source_file"] == server.url + SECOND
    assert server.asked == {FIRST: 1, SECOND: 1}


def test_it_tries_again(server: PageServer) -> None:
    good = server.replies[SECOND][0]
    server.replies[SECOND] = [
        Reply(status=500),
        Reply(status=429, headers={"Retry-After": "0"}),
        Reply(good.body, cut=200),
        good,
    ]
    assert len(datasets(server.url + FIRST)) == 5
    assert server.asked[SECOND] == 4


@pytest.mark.parametrize(
    ("replies", "kind", "words", "asked"),
    [
        ([Reply(status=503)], TransientFailure, "in 5 tries: status 503", 5),
        ([Reply(b"x", 404)], Refused, "answered 404", 1),
        ([Reply(b"x", 401)], Refused, "answered 401: it wants a login", 1),
        ([Reply(b"x" * 99, cut=9)], TransientFailure, "the connection was cut", 5),
        ([Reply(b"x", stall=9)], TransientFailure, "silent for too long", 5),
        ([Reply(b"<html>down</html>")], RunFailed, "an HTML page", 1),
        ([Reply(PAGES[1][:900])], RunFailed, "not valid jsonld", 1),
        ([Reply(b'{"error": "no"}')], RunFailed, "no dataset", 1),
    ],
)
def test_what_fails_is_named(
    server: PageServer,
    replies: list[Reply],
    kind: type[Exception],
    words: str,
    asked: int,
) -> None:
    server.replies[SECOND] = replies
    with pytest.raises(kind) as failure:
        datasets(server.url + FIRST, timeout=0.3)
    assert words in str(failure.value)
    assert SECOND in str(failure.value)
    assert server.asked[SECOND] == asked


def test_a_slow_drip_ends(server: PageServer) -> None:
    server.replies[SECOND] = [Reply(PAGES[1], drip=0.05)]
    with pytest.raises(TransientFailure, match=r"was not complete after 0.5 s"):
        datasets(server.url + FIRST, deadline=0.5)


def test_an_answer_that_is_too_long(server: PageServer) -> None:
    with pytest.raises(RunFailed, match="longer than 1000 bytes"):
        datasets(server.url + FIRST, limit=1000)


def test_pages_in_a_circle(server: PageServer) -> None:
    """F49."""
    [reply] = server.replies[SECOND]
    circle = json.loads(reply.body)
    circle["@graph"][0]["hydra:nextPage"] = server.url + FIRST
    server.replies[SECOND] = [Reply(json.dumps(circle).encode())]
    with pytest.raises(RunFailed, match="go round in a circle"):
        datasets(server.url + FIRST)


def test_pages_that_end_too_early(server: PageServer) -> None:
    [reply] = server.replies[FIRST]
    server.replies[FIRST] = [Reply(reply.body.replace(b"nextPage", b"noPage"))]
    with pytest.raises(RunFailed, match="1 of 2 pages were read, missing: 2"):
        datasets(server.url + FIRST)


def test_a_next_page_elsewhere_gets_no_login(server: PageServer) -> None:
    with PageServer() as other:
        [reply] = server.replies[FIRST]
        body = reply.body.replace(
            f"{server.url}/catalog?page=2".encode(), f"{other.url}{SECOND}".encode()
        )
        server.replies[FIRST] = [Reply(body)]
        other.replies[SECOND] = server.replies[SECOND]
        source = server.url.replace("//", "//me:s3cret-w0rd@") + FIRST
        with pytest.raises(
            Refused, match=r"another server, 127\.0\.0\.1:\d+, a private"
        ):
            datasets(source)
        assert not other.logins
        server.logins.clear()
        allowed = Redirects(frozenset({other.url.removeprefix("http://")}))
        datasets(source, redirects=allowed)
        assert server.logins == ["Basic bWU6czNjcmV0LXcwcmQ="]
        assert other.logins == [None]


def test_a_next_page_that_is_a_file(server: PageServer) -> None:
    [reply] = server.replies[FIRST]
    body = reply.body.replace(
        f"{server.url}/catalog?page=2".encode(), b"file:///etc/passwd"
    )
    server.replies[FIRST] = [Reply(body)]
    with pytest.raises(Refused, match="file://: only http:// and https://"):
        datasets(server.url + FIRST)


# -- S3


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("s3")
    many = folder / "many" / "dumps"
    many.mkdir(parents=True)
    for number in range(1, 1102):
        (many / f"{number}_2026-01-01.txt").touch()
    for number, page in enumerate(PAGES, 1):
        (many / f"z{number}_2026-01-01.json").write_bytes(page)
    with S3Server(folder) as server:
        client = server.client()
        for path in SAMPLES.iterdir():
            client.upload_file(str(path), "backups", f"dcat/dumps/{path.name}")
            client.upload_file(
                str(path), "backups", f"dcat/dumps-old/{path.name}.x.json"
            )
        yield server


@pytest.fixture
def variables(bucket: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.variables().items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("variables")
def test_a_prefix_and_an_object() -> None:
    def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "source_file": ""} for row in rows]

    expected = bare(datasets(str(SAMPLES)))
    assert bare(datasets("s3://backups/dcat/dumps")) == expected
    assert bare(datasets("s3://backups/dcat/dumps/")) == expected
    assert len(datasets("s3://backups/dcat/dumps", all_dumps=True)) == 6
    assert len(datasets("s3://backups/dcat/dumps/page_2_2026-01-10.jsonld")) == 3


@pytest.mark.usefixtures("variables")
def test_more_objects_than_one_listing_holds() -> None:
    assert len(datasets("s3://many/dumps")) == 5


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize(
    ("source", "key", "words"),
    [
        ("s3://backups/dcat/nothing", "", "none of the 0 files"),
        ("s3://no-bucket/x", "", "could not be read"),
        ("s3://backups/dcat", "another-key-1", "could not be read"),
    ],
)
def test_s3_that_refuses(
    monkeypatch: pytest.MonkeyPatch, source: str, key: str, words: str
) -> None:
    if key:
        monkeypatch.setenv("SECRET_KEY", key)
    with pytest.raises((Refused, TransientFailure), match=words) as failure:
        datasets(source)
    assert not key or key not in str(failure.value)


# -- the command


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return prepared.run(
        [sys.executable, "-m", "entrepot_tap_dcat", *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_domain_that_is_off_costs_nothing() -> None:
    done = run(DOMAINS="pix")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "tap-dcat: DOMAINS has no ecospheres: nothing to do\n"


def test_the_command_says_all_that_is_wrong_at_once() -> None:
    wrong = {"DCAT_DUMPS": "newest", "DCAT_FORMAT": "csv", "DCAT_PARTIAL": "perhaps"}
    done = run(DOMAINS="ecospheres", DCAT_PATTERN="(", **wrong)
    assert (done.returncode, done.stdout) == (2, "")
    for name in ("DCAT_SOURCE", "DCAT_PATTERN", *wrong):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_no_secret_is_shown(server: PageServer) -> None:
    server.replies[FIRST] = [Reply(status=404)]
    source = server.url.replace("//", "//me:s3cret-w0rd@") + FIRST + "&key=h1dden"
    server.replies[FIRST + "&key=h1dden"] = [Reply(status=404)]
    done = run(DOMAINS="ecospheres", DCAT_SOURCE=source)
    assert done.returncode == 2
    assert "answered 404" in done.stderr
    for secret in ("s3cret-w0rd", "h1dden"):
        assert secret not in done.stdout + done.stderr


def test_every_stream_is_described_before_the_first_record() -> None:
    done = run(DOMAINS="ecospheres", DCAT_SOURCE=str(SAMPLES))
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["type"] for each in messages[: len(STREAMS)]] == ["SCHEMA"] * len(
        STREAMS
    )
    ended = [each["stream"] for each in messages if each["type"] == "ACTIVATE_VERSION"]
    assert len(ended) == len(STREAMS)
    [theme] = {
        json.dumps(each["schema"]["properties"]["theme"])
        for each in messages
        if each["type"] == "SCHEMA" and each["stream"] == "datasets"
    }
    assert "text[]" in theme


def test_a_catalogue_that_has_not_changed_is_not_sent_again(
    server: PageServer, tmp_path: Path
) -> None:
    for path in (FIRST, SECOND):
        server.replies[path][0].headers["ETag"] = f'"{path}"'
    state = tmp_path / "state.json"

    def night(**more: str) -> tuple[int, int, str]:
        """Give how many messages there were, how many pages were asked for, and the log."""
        before = server.asked.total()
        url = server.url.replace("://", "://someone:s3cr3t@") + FIRST
        given = ["--state", str(state)] if state.exists() else []
        done = run(*given, DOMAINS="ecospheres", DCAT_SOURCE=url, **more)
        assert done.returncode == 0, done.stderr
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        states = [each["value"] for each in messages if each["type"] == "STATE"]
        if states:
            assert messages[-1]["type"] == "STATE"
            state.write_text(json.dumps(states[-1]))
            assert "s3cr3t" not in state.read_text()
        return len(messages), server.asked.total() - before, done.stderr

    whole, *_ = night()
    sent, asked, log = night()
    assert (sent, asked) == (0, 2)
    assert "has not changed" in log
    # Another warehouse, another setting, another state of one page: all is sent.
    elsewhere = "postgresql://o@h/other"
    assert night(TARGET_DATABASE_URL=elsewhere)[0] == whole
    assert night()[0] == whole
    assert night(DCAT_PARTIAL="true")[0] == whole
    assert night()[0] == whole
    server.replies[SECOND][0].headers["ETag"] = '"other"'
    assert night()[:2] == (whole, 4)
    # A page that the server cannot tell the state of: nothing is kept.
    del server.replies[SECOND][0].headers["ETag"]
    assert night()[0] == whole
    assert night()[:2] == (whole, 2)
