"""Telling every receiver at once: none waits for, or hides, another."""

from __future__ import annotations

import json
import smtplib
import threading
import time
from collections import Counter
from dataclasses import dataclass

from entrepot_core.base.redaction import redact
from entrepot_ops.notify import mail, message, others, webhooks
from entrepot_ops.notify.formats import FORMATS
from entrepot_ops.notify.message import Message
from entrepot_ops.receivers import Receiver
from entrepot_ops.report.outcome import Outcome


@dataclass(frozen=True)
class Delivery:
    """What became of a message.

    Attributes:
        receiver: What messages call it: its name or its host; or `Sentry`.
        is_delivered: Whether it was accepted.
        message: The receiver's answer, or why there is none.
    """

    receiver: str
    is_delivered: bool
    message: str


def tell(receivers: list[Receiver], outcome: Outcome, timeout: float) -> list[Delivery]:
    """Tell every receiver that hears of such an outcome.

    Args:
        receivers: Who.
        outcome: What.
        timeout: Seconds for each connection and answer. All attempts together take three times
            that at most, so that no receiver holds up the night.

    Returns:
        One delivery a receiver, in their order.
    """
    owners = tuple(outcome.owners)
    wanted = [each for each in receivers if each.hears(outcome.outcome, owners)]
    names = _names(wanted)
    told = message.of(outcome)
    deliveries: list[Delivery | None] = [None] * len(wanted)

    def deliver(place: int) -> None:
        try:
            is_delivered, answer = _tell(wanted[place], outcome, told, timeout)
        except Exception as error:  # whatever it is, the others matter
            is_delivered, answer = False, f"{type(error).__name__}: {error}"
        deliveries[place] = Delivery(names[place], is_delivered, redact(answer))

    threads = [
        threading.Thread(target=deliver, args=(place,), daemon=True)
        for place in range(len(wanted))
    ]
    for thread in threads:
        thread.start()
    limit = webhooks.ATTEMPTS * timeout + 2 * webhooks.ATTEMPTS * webhooks.PAUSE
    deadline = time.monotonic() + limit
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    late = f"no answer within {limit:g} s"
    return [
        done or Delivery(name, is_delivered=False, message=late)
        for done, name in zip(deliveries, names, strict=True)
    ]


def _names(receivers: list[Receiver]) -> list[str]:
    """Name receivers so that each is told from the others."""
    often = Counter(each.place for each in receivers)
    return [
        each.place
        if often[each.place] == 1
        else f"{each.place} (no. {place}, {each.kind})"
        for place, each in enumerate(receivers, 1)
    ]


def _tell(
    receiver: Receiver, outcome: Outcome, told: Message, timeout: float
) -> tuple[bool, str]:
    if receiver.kind == "mail":
        return _mail(receiver, told, timeout)
    if receiver.kind == "apprise":
        return others.tell(receiver.url, told)
    body = FORMATS[receiver.kind](told) if receiver.kind in FORMATS else None
    body = body or {**outcome.as_dict(), "text": told.text}
    content = redact(json.dumps(body, default=str, ensure_ascii=False)).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if receiver.token:
        headers["Authorization"] = receiver.token
    return webhooks.post(receiver.url, content, headers, timeout)


def _mail(receiver: Receiver, told: Message, timeout: float) -> tuple[bool, str]:
    written = mail.write(told, receiver)
    for attempt in range(1, webhooks.ATTEMPTS + 1):
        try:
            answer = mail.send(written, receiver, timeout)
            return answer == "accepted", answer
        except (OSError, smtplib.SMTPException, ValueError) as error:
            answer = mail.answer(error)
            if attempt == webhooks.ATTEMPTS or not mail.may_mend(error):
                return False, answer
        time.sleep(webhooks.PAUSE * 2 ** (attempt - 1))
    return False, answer
