"""What the tap makes of every fault of the server, of its content and of its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot_lab.meltano.lcms_tap import STREAMS, Runner, answer, read, small
from entrepot_lab.sources import lcms
from entrepot_lab.sources.lcms import Lcms
from entrepot_tap_lcms import payload
from entrepot_tap_lcms.errors import BadContent


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    with Lcms() as server:
        yield Runner(server, tmp_path)


# -- content that is not what it should be

AREA = {"id": "recA", "name": "x"}


@pytest.mark.parametrize(
    ("areas", "words"),
    [
        ([AREA, AREA], "stream areas, record recA: its id is there twice"),
        ([AREA, {"name": "x"}], "stream areas, record number 2: it has no id"),
        ([{"id": None}], "stream areas, record number 1: it has no id"),
        ([{"id": ""}], "record number 1: it has no id"),
        ([None], "stream areas, record number 1: it is no object"),
        ([["id"]], "stream areas, record number 1: it is no object"),
        ("recA", "stream areas is no list"),
        (None, "stream areas is no list"),
    ],
)
def test_a_stream_that_cannot_be(areas: Any, words: str) -> None:
    with pytest.raises(BadContent, match=words):
        read(small(areas=areas), 100)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "the answer has no .*areas"),
        (b"", "the answer is empty"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"areas": [], "areas": []}', "areas is there twice"),
        (b'{"areas": [{"id": "a', "cut off or damaged"),
        (b'{"areas": [\xff]}', "cut off or damaged"),
        (b'{"other": [1]} trailing', "cut off or damaged"),
    ],
)
def test_a_body_that_is_no_content(body: bytes, words: str) -> None:
    with pytest.raises(BadContent, match=words):
        list(payload.records(answer(body), STREAMS))


def test_a_stream_is_missing(runner: Runner) -> None:
    given = small()
    del given["tutorials"]
    runner.server.give(given)
    runner.refuse("the answer has no tutorials")


# -- faults on the way


def test_a_server_that_fails_twice_is_asked_again(runner: Runner) -> None:
    runner.server.faults = [lcms.status(500), lcms.lost]
    assert runner.run() == 0, runner.output
    assert len(runner.server.requests) == 3
    assert "answered 500; again in" in runner.output


def test_a_server_that_goes_on_failing(runner: Runner) -> None:
    runner.server.faults = [lcms.status(502)] * 9
    runner.refuse("answered 502; tried 3 times")
    assert len(runner.server.requests) == 3


def test_retry_after_is_honoured(runner: Runner) -> None:
    runner.server.faults = [lcms.status(429, Retry_After="1")]
    assert runner.run() == 0
    first, second = runner.server.times
    assert second - first >= 1
    runner.server.faults = [lcms.status(429, Retry_After="3600")] * 2
    runner.refuse("wait for 3600 seconds", "retry_limit")
    assert len(runner.server.faults) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_not_tried_again(runner: Runner, status: int) -> None:
    """F50: 401 and 403 cannot become better."""
    if status == 401:
        runner.refuse("LCMS_API_KEY", variables={"LCMS_API_KEY": "wrong"}, status=2)
        assert "wrong" not in runner.output
    else:
        runner.server.faults = [lcms.status(403)]
        runner.refuse("403", "LCMS_API_KEY", status=2)
    assert len(runner.server.times) == 1


@pytest.mark.parametrize("fault", [lcms.stall, lcms.drip])
def test_the_deadline_is_of_the_whole_request(
    runner: Runner, fault: lcms.Fault
) -> None:
    runner.server.faults = [fault]
    assert runner.run(deadline=2) == 0, runner.output
    assert "no whole answer within 2 seconds" in runner.output


def test_a_page_instead_of_content(runner: Runner) -> None:
    runner.server.faults = [lcms.page]
    runner.refuse("no JSON (text/html)", "log in")
    assert len(runner.server.requests) == 1


def test_a_body_that_ends_in_the_middle(runner: Runner) -> None:
    runner.server.faults = [lcms.cut]
    runner.refuse("cut off or damaged")
    assert len(runner.server.requests) == 1


def test_a_body_that_is_too_long(runner: Runner) -> None:
    runner.refuse("longer than 1000 bytes", "max_bytes", max_bytes=1000)
    assert len(runner.server.requests) == 1


def test_nobody_listens(runner: Runner) -> None:
    variables = {"LCMS_API_URL": "http://127.0.0.1:9"}
    runner.refuse("Connection refused", "tried 3 times", variables=variables)


# -- settings


def test_all_problems_are_said_together(runner: Runner) -> None:
    wrong = {"LCMS_API_URL": "lcms.example.org", "LCMS_API_KEY": "s3cret-line\nbreak"}
    runner.refuse(
        "LCMS_API_URL is no address",
        "LCMS_API_KEY holds",
        variables=wrong,
        status=2,
    )
    assert "s3cret-line" not in runner.output
    empty = {"LCMS_API_URL": "", "LCMS_API_KEY": ""}
    runner.refuse(
        "LCMS_API_URL is missing", "LCMS_API_KEY is missing", variables=empty, status=2
    )


def test_a_domain_that_is_off_costs_nothing(runner: Runner) -> None:
    off = {"DOMAINS": "pix", "LCMS_API_URL": "", "LCMS_API_KEY": ""}
    runner.refuse("DOMAINS has no lcms: nothing to do", variables=off, status=0)
    assert runner.server.times == []
    runner.refuse("Did you mean 'lcms'?", variables={"DOMAINS": "lmcs"}, status=2)
