"""Services whose rules we do not know ourselves: Apprise's addresses, such as `ntfy://…`."""

from __future__ import annotations

import logging

from entrepot_ops.notify.message import Message

_TYPES = {"success": "success", "recovery": "success", "failure": "failure"}


def tell(url: str, message: Message) -> tuple[bool, str]:
    """Tell one service.

    Args:
        url: The address, as https://appriseit.com describes it.
        message: What is told.

    Returns:
        Whether it was accepted, and why not.
    """
    import apprise

    service = apprise.Apprise()
    if not service.add(url):
        return False, "Apprise does not know this address: see https://appriseit.com"
    said = _Said()
    logger = logging.getLogger("apprise")
    logger.addHandler(said)
    try:
        body = message.text.partition(": ")[2]
        is_told = service.notify(
            body=body,
            title=message.title,
            notify_type=apprise.NotifyType(_TYPES[message.outcome]),
        )
    finally:
        logger.removeHandler(said)
    return bool(is_told), "accepted" if is_told else said.last or "it was not accepted"


class _Said(logging.Handler):
    """Keeps what Apprise says of a failure: it gives no other reason."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line.

        Args:
            record: What Apprise says.
        """
        self.last = " ".join(record.getMessage().split())
