"""Who is told how a night ended: one entry of NOTIFICATIONS."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Kind = Literal[
    "webhook",
    "slack",
    "mattermost",
    "teams",
    "google-chat",
    "discord",
    "mail",
    "apprise",
]
Occasion = Literal["success", "failure", "recovery"]
_WEB = ("http", "https")
_MAIL = ("smtp", "smtps")
# Whose address tells what they are.
_HOSTS: tuple[tuple[str, Kind], ...] = (
    (r"hooks\.slack(-gov)?\.com", "slack"),
    (r"(\w+\.)?discord(app)?\.com", "discord"),
    (r"chat\.googleapis\.com", "google-chat"),
    (r".+\.webhook\.office\.com|.+\.logic\.azure\.(com|us|cn)", "teams"),
    (r".+\.api\.powerplatform\.com", "teams"),
)
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")


class Receiver(BaseModel):
    """Who is told how a night ended.

    Attributes:
        url: Where to: `https://…` of a webhook, `smtp://user:password@host:587` of a mail server
            (`smtps://` for TLS from the first byte), or an address of Apprise's.
        token: The `Authorization` header, as it is; None for none.
        kind: Whose rules the message follows; by the address when nothing is said, else `webhook`.
        name: What messages call it; None for its host.
        on: The outcomes that it hears of; all when empty.
        owners: Hears of a failure only where a failed model or test is one of theirs; all when
            empty.
        to: Of mail, the addresses.
        sender: Of mail, the address that it comes from.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: str
    token: str | None = None
    kind: Kind = "webhook"
    name: Annotated[str, Field(max_length=100)] | None = None
    on: tuple[Occasion, ...] = ()
    owners: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    sender: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _guess_kind(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("kind"):
            return given
        try:
            parts = urlsplit(str(given.get("url")))
            host = parts.hostname or ""
        except ValueError:
            return given
        if parts.scheme in _MAIL:
            return {**given, "kind": "mail"}
        if parts.scheme not in _WEB and parts.scheme:
            return {**given, "kind": "apprise"}
        kinds = [kind for rule, kind in _HOSTS if re.fullmatch(rule, host)]
        return {**given, "kind": kinds[0]} if kinds else given

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            parts.port  # noqa: B018 (reading it checks it)
        except ValueError:
            raise ValueError("is not a URL") from None
        if not parts.scheme or not parts.netloc:
            raise ValueError("should be an http(s) or smtp(s) URL, or one of Apprise's")
        return value

    @field_validator("token")
    @classmethod
    def _check_token(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[\t\x20-\x7e\xa0-\xff]+", value):
            raise ValueError("holds characters that no HTTP header can")
        return value or None

    @field_validator("to", "on", "owners", mode="before")
    @classmethod
    def _one_is_a_list_too(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("to", "sender")
    @classmethod
    def _check_addresses(cls, value: Any) -> Any:
        addresses = value if isinstance(value, tuple) else [value]
        if any(one and not _ADDRESS.fullmatch(one) for one in addresses):
            raise ValueError("should be an address such as data@example.org")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Receiver:
        scheme = urlsplit(self.url).scheme
        if self.kind == "mail":
            if scheme not in _MAIL:
                raise ValueError("of the kind mail should have an smtp(s) URL")
            if not self.to:
                raise ValueError('of the kind mail needs "to", a list of addresses')
        elif self.to or self.sender:
            raise ValueError('only the kind mail takes "to" and "sender"')
        elif self.kind != "apprise" and (
            scheme not in _WEB or not urlsplit(self.url).hostname
        ):
            raise ValueError("should be an http(s) URL")
        return self

    @property
    def place(self) -> str:
        """What messages call it: the rest of a webhook's URL is often a secret."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        # Of Apprise's addresses even the host may be a token.
        place = parts.scheme if self.kind == "apprise" else f"{parts.hostname}{port}"
        return self.name or place

    def hears(self, outcome: str, owners: tuple[str, ...]) -> bool:
        """Say whether it is told of a night.

        Args:
            outcome: `success`, `failure` or `recovery`.
            owners: Whose models and tests failed.

        Returns:
            Whether.
        """
        if self.on and outcome not in self.on:
            return False
        concerned = not self.owners or set(self.owners).intersection(owners)
        return outcome != "failure" or bool(concerned)
