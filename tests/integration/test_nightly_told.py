"""What a night tells of itself: notifications, logs, errors."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from entrepot_lab.meltano.nights import Project, sentry, webhooks
from entrepot_lab.postgres.warehouse import PASSWORD


def test_everybody_is_told_whatever_becomes_of_the_others(project: Project) -> None:
    """F40, F52."""
    token = 'Bearer s3cr3t "quoted"'
    with webhooks() as (url, received):
        project.env["NOTIFICATIONS"] = json.dumps(
            [
                {"url": "http://127.0.0.1:9/down"},
                {"url": f"{url}/500/hidden-path"},
                {"url": f"{url}/loop"},
                {"url": f"{url}/big"},
                {"url": f"{url}/ok", "token": token},
            ]
        )
        project.env["NOTIFICATION_TIMEOUT"] = "0.3"
        project.behave("run tap-db target-db", "exit 2")
        status, output = project.ops("nightly")
        assert status == 1, output
        told = [r for r in received if r.path == "/ok"]
        assert [r.authorization for r in told] == [token]
        assert told[0].body["outcome"] == "failure"
        assert told[0].body["failed_steps"] == ["incremental-replication"]
        assert len([r for r in received if r.path.startswith("/500")]) == 3
        assert len([r for r in received if r.path == "/loop"]) == 1
        delivered = project.rows(
            "SELECT is_delivered FROM entrepot_ops.notifications ORDER BY sent_at"
        )
        assert sorted(delivered) == [(False,)] * 3 + [(True,)] * 2
        project.behave("run tap-db target-db", "")
        status, output = project.ops("nightly")
        assert status == 0, "all went well, and that nobody hears of it changes nothing"
        assert "(no. 2, webhook) was not told: status 500: it has failed" in output
        alerts = "SELECT status, alerts FROM entrepot_ops.nights ORDER BY night_id DESC"
        assert project.rows(alerts)[0] == ("succeeded", "not told")
        project.env |= {
            "NOTIFICATIONS": json.dumps([{"url": f"{url}/ok2"}]),
            "HEARTBEAT_URL": f"{url}/beat/hidden-beat",
            "REPORT_URL": "https://reports.example.org/",
        }
        assert project.ops("nightly")[0] == 0
        assert project.rows(alerts)[0] == ("succeeded", "told")
        beats = [r.path for r in received if r.path.startswith("/beat")]
        assert beats == ["/beat/hidden-beat/start", "/beat/hidden-beat"]
        assert project.ops("notify")[0] == 0
    outcomes = [r.body["outcome"] for r in received if r.path.startswith("/ok")]
    assert outcomes == ["failure", "recovery", "success", "success"]
    told_good = next(r.body for r in received if r.path == "/ok2")
    assert told_good["report_url"] == "https://reports.example.org/night-2.html"
    assert told_good["text"].startswith("Night 2 succeeded: every step succeeded\n")
    printed = "".join(project.outputs)
    assert "s3cr3t" not in printed
    assert "hidden-beat" not in printed
    assert "hidden-path" not in printed


def test_what_steps_print_is_kept_without_secrets(project: Project) -> None:
    """F40: in every spelling, also when a password has a line break."""
    secret = "line one of it\nline two of it"
    project.env["PSEUDONYM_SECRET"] = secret
    project.behave(
        "invoke replica:run",
        'echo "$TARGET_DATABASE_URL"; echo "$PSEUDONYM_SECRET"; exit 2',
    )
    project.ops("nightly", "--verbose")
    project.ops("report", "--format", "json")
    project.ops("report", "--format", "html", "-o", str(project.root / "r.html"))
    log = (Path(project.env["WORK_DIR"]) / "logs" / "nightly.log").read_text()
    record = str(
        project.rows(
            "SELECT n::text, s::text FROM entrepot_ops.nights n,"
            " entrepot_ops.night_steps s"
        )
    )
    page = (project.root / "r.html").read_text()
    assert "full-replication" in log
    for text in (log, record, page, *project.outputs):
        assert PASSWORD not in text
        assert "line one of it" not in text
        assert "line two of it" not in text


def test_wrong_variables_are_reported_together(project: Project) -> None:
    """F53."""
    status, output = project.ops(
        "nightly",
        NOTIFICATIONS="[{",
        SCHEDULE="0 2 * *",
        CRON_TZ="Mars/Olympus",
        MAX_RETRY_COUNT="many",
        NIGHT_BUDGET="long",
        TARGET_DATABASE_URL="nonsense://u:hunter2hunter2@h/d",
    )
    assert status == 2
    for name in (
        "NOTIFICATIONS",
        "SCHEDULE",
        "CRON_TZ",
        "MAX_RETRY",
        "NIGHT_B",
        "TARGET",
    ):
        assert name in output
    assert "hunter2hunter2" not in output
    assert "Traceback" not in output


def test_a_warehouse_that_is_away_is_told_too(project: Project) -> None:
    with webhooks() as (url, received):
        status, output = project.ops(
            "nightly",
            TARGET_DATABASE_URL="postgresql://u:p@127.0.0.1:9/w",
            CONNECT_BUDGET="0",
            NOTIFICATIONS=json.dumps([{"url": url + "/ok"}]),
        )
    assert status == 1, output
    assert received[0].body["outcome"] == "failure"
    assert "cannot connect to the warehouse" in received[0].body["message"]


def test_sentry_hears_of_failures_alone_and_no_secret(project: Project) -> None:
    with sentry() as (dsn, envelopes):
        project.env |= {
            "SENTRY_ENABLED": "true",
            "SENTRY_DSN": dsn,
            "SENTRY_ENVIRONMENT": "test",
        }
        assert project.ops("nightly")[0] == 0
        assert envelopes == []
        project.behave("invoke dbt:build", 'echo "error: $TARGET_DATABASE_URL"; exit 2')
        assert project.ops("nightly")[0] == 4
    (text,) = envelopes
    assert "dbt:build failed" in text
    assert '"environment":"test"' in text.replace(": ", ":")
    assert PASSWORD not in text
    assert quote(PASSWORD, safe="") not in text
    status, output = project.ops("nightly")  # Sentry is away
    assert status == 4
    assert "Sentry was not told" in output
    status, output = project.ops("nightly", SENTRY_DSN="")
    assert status == 2
    assert "SENTRY_DSN is missing" in output
