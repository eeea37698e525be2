"""The tap against a server on this machine: what it sends, and what it makes of every fault."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.testing import get_tap_test_class

from entrepot_lab.processes import prepared
from entrepot_lab.sources import lcms
from entrepot_lab.sources.lcms import KEY, Lcms
from entrepot_tap_lcms import payload
from entrepot_tap_lcms.client import Answer
from entrepot_tap_lcms.content import CONTENTS
from entrepot_tap_lcms.errors import BadContent
from entrepot_tap_lcms.reading import Reading
from entrepot_tap_lcms.surrogates import WithoutHalves
from entrepot_tap_lcms.tap import TapLcms

STREAMS = {content.name for content in CONTENTS}
QUICK = {"retry_wait": 0.01, "deadline": 20, "tries": 3}
Messages = list[dict[str, Any]]


class Runner:
    """The tap as a command, and the server."""

    def __init__(self, server: Lcms, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.output = ""
        self.lines: list[str] = []

    def env(self, **variables: str) -> dict[str, str]:
        own = {"PATH": os.environ["PATH"], "DOMAINS": "pix,lcms"}
        folder = str(self.folder)
        given = self.server.variables()
        return {**own, "HOME": folder, "TMPDIR": folder, **given, **variables}

    def run(self, variables: dict[str, str] | None = None, **settings: Any) -> int:
        config = self.folder / "tap.json"
        config.write_text(json.dumps({**QUICK, **settings}))
        done = prepared.run(
            [sys.executable, "-m", "entrepot_tap_lcms", "--config", str(config)],
            env=self.env(**(variables or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        status, self.output, sent = done.returncode, done.stderr, done.stdout
        self.lines = sent.splitlines()
        assert "Traceback" not in self.output, self.output
        for text in (sent, self.output):
            for spelling in (KEY, base64.b64encode(KEY.encode()).decode()):
                assert spelling not in text
        assert [each for each in self.folder.iterdir() if each.is_dir()] == []
        return status

    def messages(self, **settings: Any) -> Messages:
        assert self.run(**settings) == 0, self.output
        return [json.loads(line) for line in self.lines]

    def refuse(self, *words: str, status: int = 1, **settings: Any) -> None:
        """Run it; nothing may be sent."""
        assert self.run(**settings) == status, self.output
        for word in words:
            assert word in self.output, self.output
        assert self.lines == []

    def record(self, stream: str, **settings: Any) -> dict[str, Any]:
        """Give the only record of a stream."""
        (found,) = (
            m["record"]
            for m in self.messages(**settings)
            if m["type"] == "RECORD" and m["stream"] == stream
        )
        return found


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    with Lcms() as server:
        yield Runner(server, tmp_path)


def small(**changed: Any) -> dict[str, list[dict[str, Any]]]:
    """Content of one record by stream, changed: a list for a stream, or its record's fields."""
    given = {name: lcms.content()[name][:1] for name in STREAMS}
    for name, fields in changed.items():
        given[name] = (
            fields if not isinstance(fields, dict) else [{**given[name][0], **fields}]
        )
    return given


def answer(body: bytes) -> Answer:
    return Answer(io.BytesIO(body), "application/json", "GET http://lcms")


def read(given: Any, max_bad_values: int = 0) -> Reading:
    """Read content without a server."""
    reading = Reading(CONTENTS, max_bad_values)
    reading.fill(payload.records(answer(json.dumps(given).encode()), STREAMS))
    return reading


def without(record: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != field}


# -- what is sent


def test_streams_are_described_first_and_said_to_be_whole_last(runner: Runner) -> None:
    messages = runner.messages()
    kinds = [each["type"] for each in messages if each["type"] != "STATE"]
    first, last = kinds.index("RECORD"), kinds[::-1].index("RECORD")
    assert {m["stream"] for m in messages[:first]} == STREAMS
    assert kinds[-last:] == ["ACTIVATE_VERSION"] * len(STREAMS)
    counts = dict.fromkeys(STREAMS, 0)
    for message in messages:
        if message["type"] == "RECORD":
            counts[message["stream"]] += 1
    given = lcms.content()
    assert counts == {name: len(given[name]) for name in STREAMS}
    assert runner.server.requests == [(lcms.PATH, "entrepot")]
    assert "none of its" not in runner.output.replace("columns", "")


def test_path_and_client_are_settings(runner: Runner) -> None:
    runner.refuse("404", "path", path="/elsewhere", client="me", status=2)
    assert runner.server.requests == [("/elsewhere", "me")]


NASTY = ["a,b", 'q"', "{x}", "\\", "", "NULL", None, " é\n\t", "'", "\\N"]


def test_every_derivation(runner: Runner) -> None:
    runner.server.give(
        small(
            competences={"name_i18n": {"fr": "Maths", "en": "x"}, "index": "1.1"},
            tubes={"practicalTitle_i18n": {"en": "x"}},
            skills={"tutorialIds": NASTY, "learningMoreTutorialIds": None},
            challenges={
                "skillId": "recS",
                "locales": NASTY,
                "embedUrl": "https://x",
                "alternativeInstruction": "",
                "focusable": None,
                "shuffled": 1,
                "solutionToDisplay": "42",
                "area": ["France", "Suisse"],
                "pedagogy": [],
                "delta": 0.1,
                "createdAt": "2024-02-29T12:00:00.123Z",
                "extra": {"not": "listed"},
            },
        )
    )
    competence = runner.record("competences")
    assert (competence["name"], competence["title"]) == ("Maths", "Maths")
    assert competence["code"] == "1.1"
    assert runner.record("tubes")["practicalTitle"] is None
    skill = runner.record("skills")
    assert skill["tutorialIds"] == NASTY
    assert skill["learningMoreTutorialIds"] is None
    challenge = runner.record("challenges")
    assert challenge["skillIds"] == ["recS"]
    assert challenge["firstSkillId"] == challenge["skillId"] == "recS"
    assert challenge["skillCount"] == 1
    assert challenge["secondSkillId"] is challenge["thirdSkillId"] is None
    assert challenge["languages"] == NASTY
    flags = ("hasEmbedUrl", "hasAlternativeInstruction", "focus", "shuffled")
    assert [challenge[name] for name in flags] == [True, False, False, True]
    assert challenge["explicativeResponse"] == "42"
    assert (challenge["area"], challenge["pedagogy"]) == ("France", None)
    assert challenge["delta"] == 0.1
    assert "extra" not in challenge


def test_a_field_that_no_record_has_is_warned_of(runner: Runner) -> None:
    challenge = without(small()["challenges"][0], "skillId")
    runner.server.give(small(challenges=[challenge], courses=[]))
    sent = runner.record("challenges")
    assert (sent["skillId"], sent["skillIds"]) == (None, [])
    assert "stream challenges: none of its 1 records has skillId:" in runner.output


# -- values that do not fit


@pytest.mark.parametrize(
    ("stream", "field", "value"),
    [
        ("areas", "name", {"fr": "x"}),
        ("areas", "name", True),
        ("areas", "name", "nul \0"),
        ("attachments", "size", "big"),
        ("competences", "name_i18n", None),
        ("tubes", "practicalTitle_i18n", "text"),
        ("skills", "level", 40000),
        ("skills", "level", 1.5),
        ("skills", "pixValue", 10),
        ("skills", "pixValue", 9.999996),
        ("skills", "tutorialIds", "recU1"),
        ("skills", "tutorialIds", [{"a": 1}]),
        ("challenges", "autoReply", None),
        ("challenges", "toRephrase", "false"),
        ("challenges", "createdAt", ""),
        ("challenges", "createdAt", "2023-02-29T00:00:00Z"),
    ],
)
def test_a_value_that_does_not_fit(stream: str, field: str, value: Any) -> None:
    given = small(**{stream: {field: value}})
    key = given[stream][0]["id"]
    place = f"stream {stream}, record {key}, field {field}: {json.dumps(value)}"
    with pytest.raises(BadContent) as refusal:
        read(given)
    assert str(refusal.value).startswith(place)
    read(given, 1)


@pytest.mark.parametrize(
    ("stream", "field"),
    [("skills", "hint_i18n"), ("challenges", "isAwarenessChallenge")],
)
def test_what_must_be_there_is_missed(stream: str, field: str) -> None:
    record = without(small()[stream][0], field)
    with pytest.raises(BadContent) as refusal:
        read(small(**{stream: [record]}))
    assert f"record {record['id']}, field {field}: missing" in str(refusal.value)


def test_beyond_the_threshold_the_run_ends(runner: Runner) -> None:
    bad = [{"id": f"rec{n}", "name": False} for n in range(3)]
    runner.server.give(small(areas=bad))
    runner.refuse("record rec2", "max_bad_values: 2", max_bad_values=2)
    assert runner.run(max_bad_values=3) == 0
    assert "3 values do not fit and become NULL" in runner.output


def test_numbers_keep_their_digits(runner: Runner) -> None:
    runner.server.give(small(attachments={"size": 2**80}, skills={"pixValue": 3}))
    body = runner.server.body
    runner.server.body = body.replace(
        b'"pixValue": 3', b'"pixValue": 1.2345678901234567891'
    )
    assert runner.record("attachments")["size"] == str(2**80)
    assert runner.record("skills")["pixValue"] == "1.2345678901234567891"


HALVES = [r"a \ud83d b", r"\uDE00", r"\ud83d\u0041", r"\ud83d\ud83d\ude00", r"\\\udbff"]
WHOLE = {r"\ud83d\ude00": "😀", r"\\ud83d": r"\ud83d", r"\u00e9\\\\": "é\\\\"}


def with_name(written: str) -> bytes:
    """Content whose only area has a name, given as JSON writes it."""
    return (
        json.dumps(small(areas={"name": 0}))
        .replace('"name": 0', f'"name": "{written}"')
        .encode()
    )


@pytest.mark.parametrize("written", HALVES)
def test_half_of_a_surrogate_pair_is_no_text(written: str) -> None:
    reading = Reading(CONTENTS, 0)
    with pytest.raises(BadContent, match=r"stream areas, record .*half of a surrogate"):
        reading.fill(payload.records(answer(with_name(written)), STREAMS))


@pytest.mark.parametrize("written", WHOLE)
def test_what_only_looks_like_a_half_arrives(written: str) -> None:
    reading = Reading(CONTENTS, 0)
    reading.fill(payload.records(answer(with_name(written)), STREAMS))
    assert [row["name"] for row in reading.rows("areas")] == [WHOLE[written]]


@pytest.mark.parametrize("size", range(1, 40))
def test_halves_are_found_wherever_a_chunk_ends(size: int) -> None:
    written = "".join(f"{each}, " for each in [*HALVES, *WHOLE, "é", r"\u12"]).encode()
    source = WithoutHalves(io.BytesIO(written))
    read = b"".join(iter(lambda: source.read(size), b""))
    assert read == WithoutHalves(io.BytesIO(written)).read()
    assert read.count(rb"\u0000") == len(HALVES)
    assert len(read) == len(written)


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


def test_memory_does_not_grow_with_the_answer(runner: Runner) -> None:
    megabytes = int(os.environ.get("ENTREPOT_TEST_LCMS_MB", "40"))
    challenge = {**small()["challenges"][0], "instruction": "é" * 5000}
    one = json.dumps(challenge).encode()
    count = megabytes * 10**6 // len(one)
    rest = json.dumps({**small(challenges=[]), "challenges": 0}).encode()
    records = b",".join(
        one.replace(challenge["id"].encode(), b"rec%d" % n) for n in range(count)
    )
    runner.server.body = rest.replace(
        b'"challenges": 0', b'"challenges": [' + records + b"]"
    )
    # Not ru_maxrss, in which a child's begins with its parent's.
    script = (
        "import atexit, pathlib; from entrepot_tap_lcms.__main__ import main;"
        "status = pathlib.Path('/proc/self/status');"
        "peak = lambda: status.read_text().split('VmHWM:')[1].split()[0];"
        "import sys; atexit.register(lambda: print(peak(), file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **runner.server.variables(), "DOMAINS": "lcms"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert int(done.stderr.split()[-1]) < 200_000  # kB


# -- the SDK's own suite


@pytest.fixture(scope="module", autouse=True)
def served() -> Any:
    """Give the suite's tap a server, and let its variables be."""
    with Lcms(port=PORT), pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOMAINS", "lcms")
        yield


def _free_port() -> int:
    from entrepot_lab.postgres.cluster import free_port

    return free_port()


PORT = _free_port()
TestSinger = get_tap_test_class(
    TapLcms, config={"api_url": f"http://127.0.0.1:{PORT}", "api_key": KEY}
)
