"""A message as an e-mail: plain text, and HTML of the kind that mail programs show."""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_ops.notify.message import Message
from entrepot_ops.receivers import Receiver
from entrepot_ops.report.status import duration

_PORTS = {"smtp": 587, "smtps": 465}
_FOR_GOOD = 500  # of SMTP's answers
_SUBJECT = 150  # characters
_WORDS = {"succeeded": "done", "failed": "FAILED", "partial": "in part"}


def write(message: Message, receiver: Receiver) -> EmailMessage:
    """Write the mail.

    Args:
        message: What is told.
        receiver: From whom and to whom.

    Returns:
        The mail.
    """
    mail = EmailMessage()
    subject = f"[Entrepôt] {message.title}: {message.sentence}"
    mail["Subject"] = visible(subject)[:_SUBJECT]
    mail["From"] = receiver.sender or f"entrepot@{_host()}"
    mail["To"] = ", ".join(receiver.to)
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = make_msgid(domain=_host())
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office note answers it
    mail.set_content(message.text)
    mail.add_alternative(html(message), subtype="html")
    return mail


def html(message: Message) -> str:
    """Write the mail's body: tables and styles of each element, as mail programs want them.

    Args:
        message: What is told.

    Returns:
        HTML without anything to be fetched.
    """
    environment = Environment(
        loader=PackageLoader("entrepot_ops.notify"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        duration=duration, clean=lambda text: visible(redact(text or ""))
    )
    return environment.get_template("mail.html.j2").render(
        message=message, words=_WORDS
    )


def send(mail: EmailMessage, receiver: Receiver, timeout: float) -> str:
    """Hand a mail to the server.

    Args:
        mail: The mail.
        receiver: Whose server.
        timeout: Seconds for each answer.

    Returns:
        What became of it.

    Raises:
        SMTPException: If the server cannot be reached, or refuses; an OSError as others are.
    """
    parts = urlsplit(receiver.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=timeout)
    with server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
        elif parts.scheme == "smtp" and parts.password:
            raise smtplib.SMTPException(
                "it offers no STARTTLS, and a password does not travel in the clear"
            )
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        refused = server.send_message(mail)
    return f"refused for {', '.join(refused)}" if refused else "accepted"


def answer(error: Exception) -> str:
    """Say what a server complained of.

    Args:
        error: As `send` raised it.

    Returns:
        The server's own words, in one line.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        error = smtplib.SMTPResponseException(*next(iter(error.recipients.values())))
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {' '.join(text.split())}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split()) or type(error).__name__


def may_mend(error: Exception) -> bool:
    """Say whether another attempt may end otherwise.

    Args:
        error: As `send` raised it.

    Returns:
        False for what the server has refused for good, and for a wrong certificate.
    """
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < _FOR_GOOD
    lasting = (
        smtplib.SMTPRecipientsRefused,
        smtplib.SMTPNotSupportedError,
        ssl.SSLError,
    )
    lost = (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError)
    return isinstance(error, lost) or (
        isinstance(error, OSError)
        and not isinstance(error, (*lasting, smtplib.SMTPException))
    )


def _host() -> str:
    with suppress(OSError):
        return socket.getfqdn() or "localhost"
    return "localhost"
