"""The heartbeat: whoever waits for it notices a night that never began, or never ended.

The signals are those of healthchecks: a POST to `URL/start`, then to `URL`, or to `URL/fail`.
"""

from __future__ import annotations

import logging
import threading

from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_ops.notify import links, webhooks
from entrepot_ops.notify.links import Signal
from entrepot_ops.settings import NotifySettings

_HEADERS = {"Content-Type": "text/plain; charset=utf-8"}


def begin(settings: NotifySettings) -> None:
    """Say that a night begins; it does not wait for the answer.

    Args:
        settings: HEARTBEAT_URL.
    """
    if settings.heartbeat_url:
        threading.Thread(
            target=_send, args=(settings, "start", "the night begins"), daemon=True
        ).start()


def end(settings: NotifySettings, *, is_good: bool, message: str) -> bool:
    """Say how the night ended.

    Args:
        settings: HEARTBEAT_URL.
        is_good: Whether it succeeded.
        message: Why not.

    Returns:
        Whether it could be said, or there is nobody to say it to.
    """
    if not settings.heartbeat_url:
        return True
    return _send(settings, "" if is_good else "fail", message)


def _send(settings: NotifySettings, signal: Signal, message: str) -> bool:
    address = links.heartbeat(settings.heartbeat_url or "", signal)
    content = redact(message).encode()
    is_heard, answer = webhooks.post(
        address, content, _HEADERS, settings.notification_timeout
    )
    if not is_heard:
        name = f"the heartbeat's signal {signal}" if signal else "the heartbeat"
        event(f"{name} was not heard: {answer}", logging.WARNING)
    return is_heard
