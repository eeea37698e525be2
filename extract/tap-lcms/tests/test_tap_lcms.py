"""The tap against a server on this machine: what it sends, and what it reads in values."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.testing import get_tap_test_class

from entrepot_lab.meltano.lcms_tap import STREAMS, Runner, answer, read, small
from entrepot_lab.postgres.ports import free_port
from entrepot_lab.sources import lcms
from entrepot_lab.sources.lcms import KEY, Lcms
from entrepot_tap_lcms import payload
from entrepot_tap_lcms.content import CONTENTS
from entrepot_tap_lcms.errors import BadContent
from entrepot_tap_lcms.reading import Reading
from entrepot_tap_lcms.surrogates import WithoutHalves
from entrepot_tap_lcms.tap import TapLcms


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    with Lcms() as server:
        yield Runner(server, tmp_path)


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


PORT = free_port()
TestSinger = get_tap_test_class(
    TapLcms, config={"api_url": f"http://127.0.0.1:{PORT}", "api_key": KEY}
)
