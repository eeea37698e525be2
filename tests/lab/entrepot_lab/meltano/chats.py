"""Chat products' webhooks: each applies the product's own rules, and answers as it does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from entrepot_lab.background import Answers, Silent

Answer = tuple[int, str]
_OK_CARD = {"TextBlock", "FactSet", "Container", "ColumnSet", "Image", "ActionSet"}


def _slack(body: dict[str, Any]) -> Answer:
    blocks = body.get("blocks", [])
    texts = [block.get("text", {}) for block in blocks]
    if not isinstance(body.get("text"), str) and not blocks:
        return 400, "no_text"
    sizes = [
        0 < len(text.get("text", "")) <= (150 if block["type"] == "header" else 3000)
        for block, text in zip(blocks, texts, strict=True)
    ]
    kinds = {block["type"] for block in blocks} <= {
        "header",
        "section",
        "context",
        "divider",
    }
    if not kinds or not all(sizes) or len(blocks) > 50:
        return 400, "invalid_blocks"
    if re.search(r"<[!@#]", json.dumps(body)):
        return 400, "it calls people"
    return 200, "ok"


def _mattermost(body: dict[str, Any]) -> Answer:
    text = str(body.get("text") or "")
    if not text and not body.get("attachments"):
        return 400, json.dumps(
            {
                "id": "web.incoming_webhook.text.app_error",
                "message": "No text specified",
            }
        )
    if len(text) > 16_383:
        return 400, json.dumps({"message": "text too long"})
    if re.search(r"@(all|channel|here)\b", text):
        return 400, "it calls people"
    return 200, "ok"


def _teams(body: dict[str, Any]) -> Answer:
    try:
        (card,) = body["attachments"]
        content = card["content"]
        is_good = (
            body["type"] == "message"
            and card["contentType"] == "application/vnd.microsoft.card.adaptive"
            and content["type"] == "AdaptiveCard"
            and float(content["version"]) <= 1.5
            and {each["type"] for each in content["body"]} <= _OK_CARD
            and all(
                f["title"] and f["value"]
                for e in content["body"]
                for f in e.get("facts", [])
            )
            and all(a["url"].startswith("http") for a in content.get("actions", []))
        )
    except (KeyError, ValueError, TypeError):
        is_good = False
    if not is_good:
        return 400, "Bad payload received by generic incoming webhook."
    return (202, "") if len(json.dumps(body).encode()) <= 28_000 else (413, "too large")


def _google_chat(body: dict[str, Any]) -> Answer:
    unknown = set(body) - {"text", "cardsV2", "thread", "fallbackText"}
    if unknown:
        said = f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.'
        return 400, json.dumps({"error": {"code": 400, "message": said}})
    if not body.get("text") or len(body["text"]) > 4096 or "<users/" in body["text"]:
        return 400, json.dumps(
            {"error": {"code": 400, "message": "Message cannot be empty."}}
        )
    return 200, json.dumps({"name": "spaces/A/messages/B"})


def _discord(body: dict[str, Any]) -> Answer:
    embeds = body.get("embeds", [])
    if not body.get("content") and not embeds:
        return 400, json.dumps(
            {"message": "Cannot send an empty message", "code": 50006}
        )
    for embed in embeds:
        fields = embed.get("fields", [])
        total = sum(map(len, (embed["title"], embed["description"])))
        total += sum(len(f["name"]) + len(f["value"]) for f in fields)
        if (
            not 0 < len(embed["title"]) <= 256
            or len(embed["description"]) > 4096
            or len(fields) > 25
            or not all(0 < len(f["value"]) <= 1024 and f["name"] for f in fields)
            or total > 6000
        ):
            return 400, json.dumps({"embeds": ["0"]})
    if body.get("allowed_mentions") != {"parse": []}:
        return 400, "it may call people"
    return 204, ""


RULES: dict[str, Callable[[dict[str, Any]], Answer]] = {
    "slack": _slack,
    "mattermost": _mattermost,
    "teams": _teams,
    "google-chat": _google_chat,
    "discord": _discord,
}


@contextmanager
def chats() -> Iterator[tuple[str, list[tuple[str, int, dict[str, Any]]]]]:
    """Serve a webhook of each product below its name; any other path takes all JSON.

    Yields:
        The server's URL; and of each request its product, the answer's status and the body.
    """
    received: list[tuple[str, int, dict[str, Any]]] = []

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            product = self.path.strip("/").partition("/")[0]
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = self.headers.get("Content-Type", "").startswith(
                "application/json"
            )
            body = json.loads(content) if is_json else {"text": content.decode()}
            status, said = RULES[product](body) if product in RULES else (200, "")
            received.append((product, status, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(said.encode())))
            self.end_headers()
            self.wfile.write(said.encode())

    with Answers(Handler) as server:
        yield server.url, received
