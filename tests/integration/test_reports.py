"""The report, the status and old logs, on nights of tiny steps; and a week of nights."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from entrepot_lab.browser import CHROMIUM, Browser
from entrepot_lab.meltano.nights import STEPS, Project, webhooks

_OLD_LOG = """\
2022-10-01 03:10:11.100000000 +0200 CEST [worker-1] pg_restore: connecting to database
2022-10-01 03:10:12.000000000 +0200 CEST [worker-1] pg_restore: launching item 11 TABLE DATA users
2022-10-01 03:10:12.500000000 +0200 CEST [worker-1] pg_restore: launching item 12 TABLE DATA b
2022-10-01 03:10:14.000000000 +0200 CEST [worker-1] pg_restore: finished item 12 TABLE DATA b
2022-10-01 03:12:12.000000000 +0200 CEST [worker-1] pg_restore: finished item 11 TABLE DATA users
2022-10-01 03:12:13.000000000 +0200 CEST [worker-1] pg_restore: launching item 13 FK CONSTRAINT b f
2022-10-01 03:12:14.000000000 +0200 CEST [worker-1] a line of something else
2022-10-02 03:12:14.000000000 +0200 CEST [worker-1] pg_restore: launching item 14 INDEX i
"""


def test_a_week_of_nights(project: Project) -> None:
    """Each night something else happens; record, report and notifications say exactly what."""
    nobody = "http://127.0.0.1:9/x"
    test = "test.entrepot.unique_users_id.abc"
    with webhooks() as (url, received):
        project.env["NOTIFICATIONS"] = json.dumps([{"url": f"{url}/ok"}])
        project.env["NOTIFICATION_TIMEOUT"] = "0.3"
        assert project.ops("nightly")[0] == 0  # Monday: all is well
        project.fail_first("invoke replica:run", 2, text="too many clients already")
        assert project.ops("nightly")[0] == 0  # Tuesday: the source is down for a while
        project.behave(
            "run tap-lcms target-db", "echo 'error: LCMS answers 500'; exit 1"
        )
        assert project.ops("nightly")[0] == 1  # Wednesday
        project.behave("run tap-lcms target-db", "")
        project.dbt_says((test, "fail", "Got 3 results, configured to fail if != 0"))
        assert project.ops("nightly", "--fresh")[0] == 4  # Thursday: a test fails
        project.behave("invoke dbt:build", "")
        both = json.dumps([{"url": nobody}, {"url": f"{url}/ok"}])
        # Friday: a webhook is down, which makes no good night a bad one
        assert project.ops("nightly", "--fresh", NOTIFICATIONS=both)[0] == 0
        project.behave("run tap-db target-db", "echo here >here; sleep 300")
        process = project.start("nightly")  # Saturday: the machine is killed
        project.wait_until((project.root / "here").exists)
        project.kill(process)
        project.behave("run tap-db target-db", "")
        project.calls()
        assert project.ops("nightly")[0] == 0  # and continued in the morning
        assert project.calls() == list(STEPS[1:])
        assert project.ops("nightly")[0] == 0  # Sunday
    outcomes = [(r.body["night_id"], r.body["outcome"]) for r in received]
    assert outcomes == [
        (1, "success"),
        (2, "success"),
        (3, "failure"),
        (4, "failure"),
        (5, "recovery"),
        (6, "recovery"),
        (7, "success"),
    ]
    week = json.loads(project.ops("report", "--format", "json")[1])["trend"]
    assert [night["status"] for night in week] == [
        *("succeeded", "succeeded", "failed", "failed"),
        *("succeeded", "succeeded", "succeeded"),
    ]
    for night, words in {
        2: ["too many clients already", "succeeded"],
        3: ["learning-content-replication", "LCMS answers 500"],
        4: ["unique_users_id", "Got 3 results"],
        5: ["127.0.0.1:9", "Connection refused"],
        6: ["interrupted", "succeeded"],
    }.items():
        status, text = project.ops("report", "--night", str(night), "--format", "text")
        assert status == 0, text
        for word in words:
            assert word in text, (night, text)


def test_an_old_log_becomes_a_night(project: Project) -> None:
    log = project.root / "old.log"
    log.write_text(_OLD_LOG)
    status, output = project.ops("import-log", str(log), "--day", "2022-10-01")
    assert status == 0, output
    assert "never finished: FK CONSTRAINT b f" in output
    data = json.loads(project.ops("report", "--night", "1", "--format", "json")[1])
    slowest = [(i["kind"], i["name"], i["seconds"]) for i in data["slowest_items"]]
    assert slowest == [("TABLE DATA", "users", 120.0), ("TABLE DATA", "b", 1.5)]
    assert data["night"]["status"] == "imported"
    log.write_text("nothing of interest\n")
    status, output = project.ops("import-log", str(log))
    assert status == 1
    assert "no finished item" in output
    assert project.ops("nightly")[0] == 0, "an imported night is nobody's last night"
    assert project.last_night() == (2, "succeeded")


def test_status_before_and_after_nights(project: Project) -> None:
    status, output = project.ops("status")
    assert status == 0, output
    assert "No night yet" in output
    status, output = project.ops("report")
    assert status == 1
    assert "there is no night yet" in output
    project.behave("invoke replica:run", "echo 'error: [bold]away[/bold]'; exit 2")
    project.ops("nightly")
    state = json.loads(project.ops("status", "--json", SCHEDULE="30 4 * * *")[1])
    assert state["nights"][0]["status"] == "failed"
    assert "T04:30:00" in state["next_run"]
    assert "[bold]away[/bold]" in project.ops("status")[1]


@pytest.fixture
def page(project: Project, tmp_path: Path) -> Path:
    """Give the page of a night with a failure, awkward names and a hostile message."""
    project.behave(
        "invoke replica:run",
        f"echo 'error: <script>alert(1)</script> {'x' * 300}'; exit 2",
    )
    project.dbt_says(("test.entrepot.unique_users_id.abc", "fail", "Got 3 results"))
    project.rows(f'CREATE TABLE "{"long_" * 12}" (a int)')
    assert project.ops("nightly")[0] == 1
    path = tmp_path / "night.html"
    assert project.ops("report", "-o", str(path))[0] == 0
    return path


def test_the_page_asks_for_nothing_and_begins_with_the_failure(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"(src|href)=[\"'](?!data:)", text)
    assert "@import" not in text
    assert "url(" not in text
    assert "<script" not in text
    body = text[text.index("<main>") :]
    assert body.index("full-replication") < body.index("began (")
    assert body.index("unique_users_id") < body.index("began (")


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_in_a_window(page: Path, width: int, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.resize(width, 800)
        browser.open(page.as_uri())
        browser.wait_for("!!document.querySelector('.problem')")
        root = "document.documentElement"
        scrolled = browser.run(f"{root}.scrollWidth")
        inner = browser.run(f"{root}.clientWidth")
        top = browser.run(
            "document.querySelector('.problem').getBoundingClientRect().top"
        )
    assert scrolled <= inner <= width
    assert top < 200, "the failure is the first thing seen"
    assert set(browser.requested) == {page.as_uri()}
