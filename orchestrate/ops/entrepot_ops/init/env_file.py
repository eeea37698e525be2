"""The project's `.env`: read, and completed without a change to what stands in it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict

_PLAIN = re.compile(r"[A-Za-z0-9_.:/@%?&=~+,-]*")
_HEADING = (
    "# Written by `ops init`: what was decided here stays when it is run again. Every variable is\n"
    "# explained in .env.example.\n"
)
_MODE = 0o600  # it holds passwords


class EnvFile:
    """A `.env`.

    Attributes:
        path: Where it is, or will be.
        values: What it says, by variable; empty values are left out.
    """

    def __init__(self, path: Path) -> None:
        """Read the file, if it is there."""
        self.path = path
        self._text = path.read_text(encoding="utf-8") if path.exists() else ""
        self.values = _values(self._text)

    def waiting(self) -> dict[str, str]:
        """Give what stands in it as a comment, `#NAME=value`, until it can be used."""
        lines = re.findall(r"^#([A-Z][A-Z0-9_]*=\S+)$", self._text, re.MULTILINE)
        return _values("\n".join(lines))

    def complete(
        self, wanted: Mapping[str, str], waiting: Mapping[str, str], why_waiting: str
    ) -> list[str]:
        """Write what the file does not say yet.

        Args:
            wanted: Values by variable; of one that has a value in the file nothing changes.
            waiting: Values that cannot be used yet: written as comments.
            why_waiting: One line of comment above them.

        Returns:
            The variables that were written; none where the file stayed as it was.
        """
        text = self._text or _HEADING
        written = []
        for name, value in wanted.items():
            if name in self.values:
                continue
            line = f"{name}={value}"
            is_there = re.compile(
                rf"^#?{name}=[^\S\n]*(?:{re.escape(value)})?$", re.MULTILINE
            )
            found = is_there.search(text)
            if found and found.group(0) == line:
                continue
            if found:
                text = f"{text[: found.start()]}{line}{text[found.end() :]}"
            else:
                text = f"{text.rstrip()}\n{line}\n"
            written.append(name)
        kept = self.waiting()
        late = {name: value for name, value in waiting.items() if name not in kept}
        if late:
            lines = "".join(f"#{name}={value}\n" for name, value in late.items())
            text = f"{text.rstrip()}\n# {why_waiting}\n{lines}"
            written += late
        if written:
            self._write(text)
        return written

    def _write(self, text: str) -> None:
        """Replace the file at once: a night that begins meanwhile reads one or the other."""
        unfinished = self.path.with_name(f"{self.path.name}.unfinished")
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        unfinished.replace(self.path)
        self._text, self.values = text, _values(text)


def _values(text: str) -> dict[str, str]:
    read = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in read.items() if value}


def as_url(value: str) -> str:
    """Write a database's address so that nobody reads anything else into it.

    In a `.env` a `$` would begin a variable and a `#` or quote would end or change the value.

    Args:
        value: A URL or connection string, as libpq takes it.

    Returns:
        The same if it is a URL of plain characters; else a URL, escaped.
    """
    is_url = value.startswith(("postgresql://", "postgres://"))
    if is_url and _PLAIN.fullmatch(value):
        return value
    parts = {name: str(part) for name, part in conninfo_to_dict(value).items()}
    user, password = parts.pop("user", ""), parts.pop("password", "")
    hosts = parts.pop("host", "").split(",")
    ports = parts.pop("port", "").split(",")
    if any(host.startswith("/") for host in hosts):  # a socket's folder
        parts["host"] = ",".join(hosts)
        hosts = [""]
        if ports != [""]:
            parts["port"] = ",".join(ports)
            ports = [""]
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = [
        f"{f'[{host}]' if ':' in host else quote(host, safe='')}{f':{port}' if port else ''}"
        for host, port in zip(hosts, ports, strict=False)
    ]
    who = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    database = quote(parts.pop("dbname", ""), safe="")
    more = "&".join(f"{name}={quote(part, safe='/')}" for name, part in parts.items())
    at = f"{who}@" if who else ""
    return f"postgresql://{at}{','.join(places)}/{database}{f'?{more}' if more else ''}"


def as_other(url: str, user: str, password: str) -> str:
    """Write a database's address for another role.

    Args:
        url: The address.
        user: The role.
        password: Its password.

    Returns:
        A URL.
    """
    parts = {**conninfo_to_dict(url), "user": user, "password": password}
    from psycopg.conninfo import make_conninfo

    return as_url(make_conninfo(**{name: str(part) for name, part in parts.items()}))
