"""How the tap shows an API who asks: a header, a parameter, a password, a token that is fetched."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

import requests
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from entrepot_core.base.redaction import redact
from entrepot_tap_rest.errors import BadAnswer, WrongDefinition

_EARLY = 30.0  # seconds before its end in which a token is fetched anew


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoLogin(_Strict):
    """Anybody may ask."""

    type: Literal["none"] = "none"


class Header(_Strict):
    """A header, such as `x-api-key`."""

    type: Literal["header"]
    name: str
    value: str


class Parameter(_Strict):
    """A parameter of the URL."""

    type: Literal["query"]
    name: str
    value: str


class Bearer(_Strict):
    """A token that does not end."""

    type: Literal["bearer"]
    token: str


class Basic(_Strict):
    """A user and a password."""

    type: Literal["basic"]
    user: str
    password: str


class ClientCredentials(_Strict):
    """A token that is fetched with a client's secret (RFC 6749, section 4.4)."""

    type: Literal["oauth2"]
    token_url: str
    client_id: str
    client_secret: str
    scope: str = ""


Login = Annotated[
    NoLogin | Header | Parameter | Bearer | Basic | ClientCredentials,
    Field(discriminator="type"),
]
_adapter: TypeAdapter[Any] = TypeAdapter(Login)
_SECRETS = ("value", "token", "password", "client_secret")

# Asks for a token: URL and form; gives the answer's JSON.
Ask = Callable[[str, dict[str, str]], Any]


def read(given: Any) -> Any:
    """Read the setting `auth`, and hide its secrets.

    Args:
        given: As the configuration has it, variables replaced.

    Returns:
        The login.

    Raises:
        WrongDefinition: If it is none; nothing of it is repeated.
    """
    try:
        login = _adapter.validate_python(given or {"type": "none"})
    except ValidationError as error:
        raise WrongDefinition(
            [
                f"auth: {'.'.join(map(str, each['loc'])) or 'it'}: {each['msg']}"
                for each in error.errors(include_input=False, include_url=False)
            ]
        ) from None
    for name in _SECRETS:
        redact.hide(getattr(login, name, None))
    return login


class Authorization:
    """Adds the login to each request of the API, and fetches a new token where one has ended."""

    def __init__(self, login: Any, ask: Ask) -> None:
        """Take the login; nothing is asked yet.

        Args:
            login: As `read` gives it.
            ask: Asks for a token.
        """
        self._login = login
        self._ask = ask
        self._token = ""
        self._ends = 0.0

    def add(self, request: requests.Request) -> None:
        """Add the login to a request.

        Args:
            request: Changed in place.
        """
        login = self._login
        if isinstance(login, Header):
            request.headers[login.name] = login.value
        elif isinstance(login, Parameter):
            request.params = {**request.params, login.name: login.value}
        elif isinstance(login, Basic):
            request.auth = (login.user, login.password)
        elif isinstance(login, Bearer):
            request.headers["Authorization"] = f"Bearer {login.token}"
        elif isinstance(login, ClientCredentials):
            request.headers["Authorization"] = f"Bearer {self._fresh(login)}"

    def has_ended(self) -> bool:
        """Forget a token that the API has refused; say whether another can be had."""
        had, self._token = bool(self._token), ""
        return had and isinstance(self._login, ClientCredentials)

    def _fresh(self, login: ClientCredentials) -> str:
        if self._token and time.monotonic() < self._ends - _EARLY:
            return self._token
        form = {
            "grant_type": "client_credentials",
            "client_id": login.client_id,
            "client_secret": login.client_secret,
            **({"scope": login.scope} if login.scope else {}),
        }
        answer = self._ask(login.token_url, form)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise BadAnswer("auth: token_url answered without an access_token")
        redact.hide(token)
        lasts = answer.get("expires_in")
        self._token = token
        self._ends = time.monotonic() + (
            float(lasts) if isinstance(lasts, (int, float)) else 10 * _EARLY
        )
        return token
