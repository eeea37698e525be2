"""A month in the record feeds the rules; its page fits, asks for nothing and is accessible."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import psycopg
import pytest

from entrepot_lab.browser import CHROMIUM, Browser
from entrepot_lab.meltano.months import month, shrinks, slows
from entrepot_lab.meltano.nights import Project


@pytest.fixture
def page(project: Project, tmp_path: Path) -> Path:
    """Give the page of the last night of a month, in which a table shrank and a step was slow."""
    assert project.ops("nightly")[0] == 0
    project.rows("TRUNCATE entrepot_ops.nights CASCADE")
    planted = shrinks("app.events_1", 29), slows("full-replication", 29)
    with psycopg.connect(project.env["TARGET_DATABASE_URL"]) as record:
        for number, morning in enumerate(month(5, *planted), start=101):
            record.execute(
                "INSERT INTO entrepot_ops.nights (night_id, status, host, pid, started_at,"
                " ended_at) OVERRIDING SYSTEM VALUE VALUES (%s, 'succeeded', 'h', 1,"
                " %s::date + time '02:00',"
                " %s::date + time '04:00')",
                [number, morning.day, morning.day],
            )
            for place, (step, (seconds, rows)) in enumerate(morning.steps.items(), 1):
                record.execute(
                    "INSERT INTO entrepot_ops.night_steps (night_id, step, attempt, place, task,"
                    " status, started_at, ended_at, seconds, row_count)"
                    " VALUES (%s, %s, 1, %s, %s, 'succeeded', %s::date + time '02:00',"
                    " %s::date + time '03:00', %s, %s)",
                    [
                        *(number, step, place, step, morning.day, morning.day),
                        *(seconds, rows),
                    ],
                )
            for table, size in morning.tables.items():
                record.execute(
                    "INSERT INTO entrepot_ops.table_sizes VALUES (%s, %s, %s, %s, %s)",
                    [number, *table.split("."), *size],
                )
    path = tmp_path / "month.html"
    assert project.ops("report", "-o", str(path))[0] == 0
    data = json.loads(project.ops("report", "--format", "json")[1])
    said = {(one["kind"], one["subject"]) for one in data["since"]["anomalies"]}
    assert said == {("lost_rows", "app.events_1"), ("slow_step", "full-replication")}
    return path


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_the_page_of_a_month(page: Path, tmp_path: Path) -> None:
    assert "<svg" in page.read_text()
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()
    with Browser(tmp_path / "profile") as browser:
        for width in (1280, 390):
            browser.resize(width, 1600)
            browser.open(page.as_uri())
            browser.wait_for("!!document.querySelector('figure svg')")
            root = "document.documentElement"
            scrolled = browser.run(f"{root}.scrollWidth")
            browser.screenshot(tmp_path / f"month-{width}.png")
            assert scrolled <= width
        browser.run(axe)
        browser.run("axe.run().then(found => { window.found = found.violations })")
        faults = browser.wait_for(
            "window.found && JSON.stringify(window.found.map(f => [f.impact, f.id,"
            " f.nodes.slice(0, 2).map(n => n.html.slice(0, 200))]))"
        )
        asked = set(browser.requested)
    serious = [f for f in json.loads(faults) if f[0] in ("serious", "critical")]
    assert serious == []
    assert asked == {page.as_uri()}
