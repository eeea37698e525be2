"""A message in the form that each chat product takes, within its limits, and without mentions.

The forms are the products' own: https://docs.slack.dev/reference/block-kit,
https://developers.mattermost.com/integrate/webhooks/incoming, https://adaptivecards.io,
https://developers.google.com/workspace/chat/create-messages,
https://docs.discord.com/developers/resources/webhook.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from entrepot_ops.notify.message import Message

Body = dict[str, Any]
_COLOURS = {"success": 0x2E7D32, "recovery": 0x2E7D32, "failure": 0xC62828}
_CARD_COLOURS = {"success": "Good", "recovery": "Good", "failure": "Attention"}
_MARKS = {"success": "✅", "recovery": "✅", "failure": "❌"}
_NO_MENTION_OPENS = "\u2039"  # looks like <, with which Google Chat calls people
_NO_MENTION = "\u200b"  # of no width: behind an @ it keeps a name from being called


def slack(message: Message) -> Body:
    """Write for an incoming webhook of Slack's.

    Args:
        message: What is told.

    Returns:
        Blocks, and the text that a phone's notification shows.
    """
    link = f"\n<{_slack_text(message.link)}|Report>" if message.link else ""
    facts = "\n".join(
        f"*{name}:* {_slack_text(value)}" for name, value in message.facts
    )
    blocks: list[Body] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _cut(_marked(message), 150)},
        },
        _section(_slack_text(message.sentence)),
    ]
    if facts or link:
        blocks.append(_section(_cut(facts, 2900 - len(link)) + link))
    return {
        "text": _cut(_slack_text(f"{_marked(message)}: {message.sentence}"), 3000),
        "blocks": blocks,
    }


def _section(text: str) -> Body:
    return {
        "type": "section",
        "text": {"type": "mrkdwn", "text": _cut(text, 3000) or "-"},
    }


def _slack_text(text: str) -> str:
    """Escape what Slack reads as a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def mattermost(message: Message) -> Body:
    """Write for an incoming webhook of Mattermost's.

    Args:
        message: What is told.

    Returns:
        Text in Markdown.
    """
    lines = [f"#### {_marked(message)}", _markdown(message.sentence), ""]
    lines += [f"- **{name}:** {_markdown(value)}" for name, value in message.facts]
    lines += [f"- [Report]({message.link})"] if message.link else []
    return {"text": _cut("\n".join(lines), 16_000)}


def teams(message: Message) -> Body:
    """Write for a workflow of Microsoft Teams ("When a Teams webhook request is received").

    Args:
        message: What is told.

    Returns:
        An envelope with one Adaptive Card.
    """
    body: list[Body] = [
        {
            "type": "TextBlock",
            "text": _markdown(_marked(message)),
            "size": "Large",
            "weight": "Bolder",
            "color": _CARD_COLOURS[message.outcome],
            "wrap": True,
        },
        {"type": "TextBlock", "text": _markdown(message.sentence), "wrap": True},
    ]
    if message.facts:
        facts = [
            {"title": name, "value": _markdown(_cut(value, 1000))}
            for name, value in message.facts
        ]
        body.append({"type": "FactSet", "facts": facts})
    card: Body = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if message.link:
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": "Report", "url": message.link}
        ]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def google_chat(message: Message) -> Body:
    """Write for an incoming webhook of Google Chat's.

    Args:
        message: What is told.

    Returns:
        Text; other keys than the API's own would be refused.
    """
    plain = [
        (name, value.replace("<", _NO_MENTION_OPENS)) for name, value in message.facts
    ]
    lines = [f"*{_marked(message)}*", message.sentence.replace("<", _NO_MENTION_OPENS)]
    lines += [f"{name}: {value}" for name, value in plain]
    lines += [f"<{message.link}|Report>"] if message.link else []
    return {"text": _cut("\n".join(lines), 4000)}


def discord(message: Message) -> Body:
    """Write for a webhook of Discord's.

    Args:
        message: What is told.

    Returns:
        One embed, which may call nobody.
    """
    embed: Body = {
        "title": _cut(_marked(message), 256),
        "description": _cut(message.sentence, 4000),
        "color": _COLOURS[message.outcome],
        "fields": [
            {"name": name, "value": _cut(value, 1000), "inline": len(value) < 30}
            for name, value in message.facts
        ],
    }
    if message.link:
        embed["url"] = message.link
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


FORMATS: dict[str, Callable[[Message], Body]] = {
    "slack": slack,
    "mattermost": mattermost,
    "teams": teams,
    "google-chat": google_chat,
    "discord": discord,
}


def _marked(message: Message) -> str:
    return f"{_MARKS[message.outcome]} {message.title}"


def _markdown(text: str) -> str:
    """Keep names such as `dim_users_*` as they are, and nobody from being called."""
    for character in "\\`*_[]<>#|~":
        text = text.replace(character, f"\\{character}")
    return text.replace("@", f"@{_NO_MENTION}")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
