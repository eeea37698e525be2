"""What receivers get, by their own rules; what a mail shows; what is said when one refuses."""

from __future__ import annotations

import email
import json
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import ValidationError

from entrepot_core.base.redaction import redact
from entrepot_core.command.secrets import hide_environment
from entrepot_lab.browser import CHROMIUM, Browser
from entrepot_lab.meltano.chats import RULES, chats
from entrepot_lab.postgres.ports import free_port
from entrepot_ops.meltano import dbt_owners
from entrepot_ops.notify import delivery, links, mail, message
from entrepot_ops.receivers import Receiver
from entrepot_ops.report.outcome import Outcome

GOOD = Outcome(
    "success", "succeeded", "every step succeeded", 7, seconds=245.0, row_count=1200
)
BAD = Outcome(
    "failure",
    "failed",
    "dbt:build failed: test unique_a_* of <users/all> & @channel, line 3",
    8,
    host="night-1",
    seconds=61.0,
    failed_steps=["dbt:build"],
    skipped_steps=["pg-replica:publish-external"],
    steps=[
        {"step": "full-replication", "status": "succeeded", "seconds": 60.0,
         "row_count": 12345, "message": None},
        {"step": "dbt:build", "status": "failed", "seconds": 1.0,
         "row_count": None, "message": "test <b>x</b>"},
    ],
    owners=["data-engineering"],
    report_url="https://reports.example.org/night-8.html",
)  # fmt: skip
HUGE = Outcome(
    "failure",
    "failed",
    "<!channel> @everyone @all " + "no such table; " * 5000,
    9,
    failed_steps=[f"tap-csv--source-{n} target-postgres" for n in range(1000)],
    skipped_steps=[f"<@U{n}>" for n in range(1000)],
    owners=["a" * 500],
    report_url="https://reports.example.org/night-9.html",
)


@pytest.mark.parametrize("outcome", [GOOD, BAD, HUGE], ids=["good", "bad", "huge"])
def test_every_product_takes_what_it_gets(outcome: Outcome) -> None:
    with chats() as (url, received):
        told = [
            Receiver.model_validate({"url": f"{url}/{kind}", "kind": kind})
            for kind in RULES
        ]
        told.append(Receiver(url=f"{url}/any"))
        deliveries = delivery.tell(told, outcome, 5)
    assert [d.message for d in deliveries if not d.is_delivered] == []
    bodies = {product: body for product, _, body in received}
    assert set(bodies) == {*RULES, "any"}
    for product, body in bodies.items():
        text = json.dumps(body, ensure_ascii=False)
        assert f"Night {outcome.night_id}" in text, product
        assert (outcome.report_url or "Night") in text, product
    assert bodies["any"]["outcome"] == outcome.outcome
    assert bodies["any"]["text"].startswith(f"Night {outcome.night_id} ")


def test_a_receiver_that_refuses_is_quoted_and_told_from_others() -> None:
    """The generic body, which is none of theirs but for its text."""
    with chats() as (url, _):
        kinds = [
            ("google-chat", "teams"),
            ("teams", "slack"),
            ("discord", "google-chat"),
        ]
        told = [
            Receiver.model_validate(
                {"url": f"{url}/{path}/s3cr3t-{path}", "kind": kind}
            )
            for path, kind in kinds
        ]
        told.append(Receiver(url=f"{url}/slack", kind="discord", name="data team"))
        hide_environment({"NOTIFICATIONS": json.dumps([{"url": r.url} for r in told])})
        deliveries = delivery.tell(told, BAD, 5)
    assert not any(each.is_delivered for each in deliveries)
    assert [each.receiver.partition(" ")[2] for each in deliveries[:3]] == [
        "(no. 1, teams)", "(no. 2, slack)", "(no. 3, google-chat)",
    ]  # fmt: skip
    assert deliveries[3].receiver == "data team"
    assert "Unknown name" in deliveries[0].message
    assert deliveries[1].message.startswith("status 400: Bad payload received")
    assert '{"message": "Cannot send an empty message"' in deliveries[2].message
    assert "s3cr3t" not in str(deliveries)


def test_who_hears_of_what() -> None:
    only_bad = Receiver(url="https://a.example/", on=("failure",))
    theirs = Receiver(url="https://a.example/", owners=("data-engineering",))
    assert [only_bad.hears(o, ()) for o in ("failure", "success", "recovery")] == [
        True,
        False,
        False,
    ]
    assert theirs.hears("failure", ("x", "data-engineering"))
    assert not theirs.hears("failure", ("x",))
    assert theirs.hears("recovery", ())


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://hooks.slack.com/services/T/B/x", "slack"),
        ("https://discord.com/api/webhooks/1/x", "discord"),
        ("https://chat.googleapis.com/v1/spaces/A/messages?key=x", "google-chat"),
        ("https://acme.webhook.office.com/webhookb2/x", "teams"),
        ("https://prod-1.westeurope.logic.azure.com:443/workflows/x", "teams"),
        ("https://hooks.slack.com.evil.example/x", "webhook"),
        ("https://mattermost.example.org/hooks/x", "webhook"),
        ("ntfy://ntfy.example.org/topic", "apprise"),
    ],
)
def test_addresses_tell_whose_they_are(url: str, kind: str) -> None:
    assert Receiver(url=url).kind == kind


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "hooks.example.org/x"},
        {"url": "https://h.example/", "kind": "slak"},
        {"url": "https://h.example/", "on": ["sucess"]},
        {"url": "https://h.example/", "to": ["a@b.fr"]},
        {"url": "smtp://mail.example"},
        {"url": "smtp://mail.example", "to": ["nobody"]},
        {"url": "smtp://mail.example", "to": ["a@b.fr\r\nBcc: c@d.fr"]},
        {"url": "https://h.example/", "colour": "red"},
        {"url": "ntfy://x/y", "kind": "slack"},
    ],
)
def test_wrong_receivers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Receiver(**wrong)


class Mailbox:
    """A mail server that keeps what it gets; it refuses one address."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_RCPT(  # noqa: N802
        self, _s: Any, _e: Any, envelope: Any, address: str, _o: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _s: Any, _e: Any, envelope: Any) -> str:  # noqa: N802
        got = email.message_from_bytes(envelope.content, policy=default)
        self.mails.append(got)
        return "250 OK"


@pytest.fixture
def server() -> Iterator[tuple[str, Mailbox]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}", mailbox
    controller.stop()


def test_a_mail_arrives_and_says_it_in_text_and_in_html(
    server: tuple[str, Mailbox],
) -> None:
    url, mailbox = server
    told = Receiver(
        url=url,
        to=(
            "a@example.org",
            "b@example.org",
        ),
        sender="night@example.org",
    )
    assert told.kind == "mail"
    (done,) = delivery.tell([told], BAD, 5)
    assert done.is_delivered, done
    (got,) = mailbox.mails
    assert got["To"] == "a@example.org, b@example.org"
    assert got["From"] == "night@example.org"
    assert got["Subject"].startswith("[Entrepôt] Night 8 failed: dbt:build failed")
    assert got["Auto-Submitted"] == "auto-generated"
    text = got.get_body(("plain",)).get_content()
    page = got.get_body(("html",)).get_content()
    for part in (text, page):
        assert "Night 8 failed" in part
        assert "https://reports.example.org/night-8.html" in part
        assert "data-engineering" in part
    assert "&lt;b&gt;x" in page
    assert "<style" not in page and "var(" not in page, "mail programs drop both"
    (done,) = delivery.tell([Receiver(url=url, to=("nobody@example.org",))], BAD, 5)
    assert (done.is_delivered, done.message) == (False, "550 5.1.1 no such user here")
    secret = url.replace("//", "//user:s3cr3t-word@")
    (done,) = delivery.tell([Receiver(url=secret, to=("a@example.org",))], BAD, 5)
    assert not done.is_delivered
    assert "STARTTLS" in done.message
    assert len(mailbox.mails) == 1


def test_what_may_mend() -> None:
    assert mail.may_mend(ConnectionRefusedError())
    assert not mail.may_mend(ssl.SSLCertVerificationError())
    assert mail.may_mend(smtplib.SMTPResponseException(421, b"later"))
    assert not mail.may_mend(smtplib.SMTPAuthenticationError(535, b"wrong password"))


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_mail_fits_narrow_and_wide_windows(tmp_path: Path) -> None:
    page = tmp_path / "mail.html"
    page.write_text(mail.html(message.of(HUGE)), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        for width in (390, 1280):
            browser.resize(width, 800)
            browser.open(page.as_uri())
            browser.wait_for("document.readyState == 'complete'")
            assert browser.run("document.documentElement.scrollWidth") <= width
        assert [url for url in browser.requested if not url.startswith("file:")] == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Apprise's own
def test_other_services_are_told_through_apprise() -> None:
    with chats() as (url, received):
        address = url.replace("http://", "json://")
        (done,) = delivery.tell([Receiver(url=f"{address}/any/s3cr3t-path")], BAD, 5)
        assert done.is_delivered, done
        assert done.receiver == "json"
    ((_, _, body),) = received
    assert body["title"] == "Night 8 failed"
    assert body["type"] == "failure"
    (done,) = delivery.tell([Receiver(url="nothing://x/y")], BAD, 5)
    assert "Apprise does not know this address" in done.message


def test_links() -> None:
    assert (
        links.report("https://h/nights/?a=1", 7) == "https://h/nights/night-7.html?a=1"
    )
    assert links.report(None, 7) is None
    assert (
        links.heartbeat("https://h/ping/u?x=1", "fail") == "https://h/ping/u/fail?x=1"
    )
    assert links.heartbeat("https://h/ping/u", "") == "https://h/ping/u"


def test_secrets_of_addresses_are_hidden() -> None:
    hide_environment(
        {
            "HEARTBEAT_URL": "https://hc.example/ping/uuid-1234-5678",
            "NOTIFICATIONS": json.dumps(
                [
                    {"url": "smtp://u:mail-p4ssword@h"},
                    {"url": "tgram://tokentoken12/chat"},
                ]
            ),
        }
    )
    said = redact("POST /ping/uuid-1234-5678: mail-p4ssword, tokentoken12")
    assert "1234" not in said
    assert "p4ssword" not in said
    assert "tokentoken12" not in said


def test_owners_of_what_failed(tmp_path: Path) -> None:
    folder = tmp_path / ".entrepot" / "dbt" / "target"
    folder.mkdir(parents=True)
    manifest: dict[str, Any] = {
        "nodes": {
            "model.p.a": {"config": {"meta": {"owner": "team a"}}},
            "model.p.b": {"group": "g"},
            "model.p.c": {},
            "test.p.t": {"depends_on": {"nodes": ["model.p.a", "model.p.c"]}},
        },
        "groups": {"group.p.g": {"name": "g", "owner": {"email": "g@example.org"}}},
        "child_map": {
            "model.p.c": ["model.p.d"],
            "model.p.d": ["model.p.c", "exposure.p.e"],
        },
        "exposures": {"exposure.p.e": {"owner": {"name": "team e"}}},
    }
    assert dbt_owners.owners(tmp_path, ["model.p.a"]) == []
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = {node: dbt_owners.owners(tmp_path, [node]) for node in manifest["nodes"]}
    assert found == {
        "model.p.a": ["team a"],
        "model.p.b": ["g@example.org"],
        "model.p.c": ["team e"],
        "test.p.t": ["team a", "team e"],
    }
    (folder / "manifest.json").write_text(
        '{"nodes": [1], "child_map": {"model.p.c": 3}}'
    )
    assert dbt_owners.owners(tmp_path, ["model.p.c", "test.p.t"]) == []
