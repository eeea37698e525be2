"""Scalingo's nightly backup of a PostgreSQL addon.

The token is exchanged for one that lives an hour, that one for a token of the addon: a wait can be
longer than both, so both are renewed when they are refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

import urllib3
from pydantic import Field
from pydantic_settings import BaseSettings

from entrepot_core.base.errors import Refused, TransientFailure
from entrepot_core.base.redaction import redact
from entrepot_core.config import environment
from entrepot_core.config.environment import FROM_ENVIRONMENT
from pg_replica.dump.providers.provider import Backup

_ADDON = "postgresql"
_FINISHED = "done"
_UNKNOWN = (401, 403)  # a token that is over, or that was never good


class Variables(BaseSettings):
    """What must be known to find the backup; `.env.example` says what each is for."""

    model_config = FROM_ENVIRONMENT

    app: str = Field(validation_alias="SCALINGO_APP", pattern=r"^[A-Za-z0-9-]+$")
    token: str = Field(validation_alias="SCALINGO_API_TOKEN", min_length=1)
    region: str = Field(
        "osc-fr1", validation_alias="SCALINGO_REGION", pattern=r"^[a-z0-9-]+$"
    )


def from_environment() -> Scalingo:
    """Make the provider of the environment's variables.

    Returns:
        The provider; the redactor knows its token.

    Raises:
        Refused: With all that is wrong with the variables.
    """
    found, problems = environment.read(Variables)
    if found is None:
        raise Refused(problems)
    return Scalingo(
        found.app,
        found.token,
        found.region,
        auth="https://auth.scalingo.com/v1",
        api=f"https://api.{found.region}.scalingo.com/v1",
        databases=f"https://db-api.{found.region}.scalingo.com/api",
    )


class Scalingo:
    """The backups of one app's database."""

    def __init__(
        self, app: str, token: str, region: str, *, auth: str, api: str, databases: str
    ) -> None:
        """Ask nothing yet.

        Args:
            app: The app's name.
            token: A user's API token.
            region: The app's region, for messages.
            auth: Base URL of the service that exchanges tokens.
            api: Base URL of the region's API.
            databases: Base URL of the region's database API.
        """
        redact.hide(token)
        self._app, self._token, self._region = app, token, region
        self._auth, self._api, self._databases = auth, api, databases
        self._addon: tuple[str, str] | None = None  # its id, and its token
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=30, read=60), retries=False
        )

    @property
    def label(self) -> str:
        """Whose backups."""
        return f"Scalingo app {self._app} ({self._region})"

    def backups(self) -> list[Backup]:
        """List the backups of the addon.

        Returns:
            In the provider's order.

        Raises:
            Refused: If the token, the app or the addon is not known.
            TransientFailure: If Scalingo does not answer as it should.
        """
        listed = self._database("backups")
        try:
            return [
                Backup(
                    key=str(one["id"]),
                    created_at=_time(one["created_at"]),
                    status=str(one["status"]),
                    is_finished=one["status"] == _FINISHED,
                )
                for one in listed["database_backups"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise TransientFailure(
                f"{self.label}: the list of backups is not as expected: {error!r}"
            ) from None

    def link(self, backup: Backup) -> str:
        """Ask for a link.

        Args:
            backup: One of the finished ones.

        Returns:
            A signed URL.

        Raises:
            Refused: If the backup is gone.
            TransientFailure: If Scalingo does not answer as it should.
        """
        answer = self._database(f"backups/{quote(backup.key, safe='')}/archive")
        url = answer.get("download_url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            raise TransientFailure(f"{self.label}: no download_url for backup {backup}")
        redact.hide(url)
        redact.hide(url.partition("?")[2])
        return url

    def _database(self, path: str) -> dict[str, Any]:
        """Ask the database API, with new tokens if the old ones are over."""
        is_fresh = self._addon is None
        addon, token = self._addon = self._addon or self._find_addon()
        url = f"{self._databases}/databases/{quote(addon, safe='')}/{path}"
        status, answer = self._ask("GET", url, bearer=token)
        if status in _UNKNOWN and not is_fresh:
            self._addon = None
            return self._database(path)
        self._expect(status, f"{path.partition('/')[0]} of its database")
        return answer

    def _find_addon(self) -> tuple[str, str]:
        basic = urllib3.make_headers(basic_auth=f":{self._token}")
        status, answer = self._ask(
            "POST", f"{self._auth}/tokens/exchange", headers=basic
        )
        if status in _UNKNOWN:
            problem = (
                f"SCALINGO_API_TOKEN is not accepted by Scalingo (status {status})"
            )
            raise Refused([f"{problem}: make one in your Scalingo profile"])
        self._expect(status, "the exchange of tokens")
        bearer = self._secret(answer, "token")
        addons = f"{self._api}/apps/{quote(self._app, safe='')}/addons"
        status, answer = self._ask("GET", addons, bearer=bearer)
        if status in (*_UNKNOWN, 404):
            problem = f"the token's owner can see no app {self._app!r}"
            where = f"in region {self._region} (status {status})"
            advice = "correct SCALINGO_APP or SCALINGO_REGION"
            raise Refused([f"SCALINGO_APP: {problem} {where}: {advice}"])
        self._expect(status, "the app's addons")
        key = self._postgresql(answer)
        status, answer = self._ask(
            "POST", f"{addons}/{quote(key, safe='')}/token", bearer=bearer
        )
        self._expect(status, "the addon's token")
        return key, self._secret(answer.get("addon"), "token")

    def _postgresql(self, answer: dict[str, Any]) -> str:
        addons = [one for one in answer.get("addons") or [] if isinstance(one, dict)]
        kinds = [(one.get("addon_provider") or {}).get("id") for one in addons]
        found = [
            str(one.get("id"))
            for one, kind in zip(addons, kinds, strict=True)
            if kind == _ADDON
        ]
        if len(found) != 1:
            had = ", ".join(map(str, kinds)) or "none"
            count = "no PostgreSQL addon" if not found else "several PostgreSQL addons"
            raise Refused(
                [f"SCALINGO_APP: app {self._app!r} has {count} (its addons: {had})"]
            )
        return found[0]

    def _secret(self, answer: Any, name: str) -> str:
        secret = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(secret, str) or not secret:
            raise TransientFailure(f"{self.label}: Scalingo answered without a {name}")
        redact.hide(secret)
        return secret

    def _expect(self, status: int, what: str) -> None:
        """Accept success only; say whether waiting may help."""
        if status < 400:
            return
        problem = f"{self.label}: {what}: Scalingo answered {status}"
        if status >= 500 or status == 429:
            raise TransientFailure(problem)
        raise Refused([problem])

    def _ask(
        self,
        method: str,
        url: str,
        *,
        bearer: str = "",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        headers = {**(headers or {}), "Accept": "application/json"}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            answer = self._pool.request(method, url, headers=headers)
            content = answer.json() if answer.status < 400 else {}
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise TransientFailure(
                f"{self.label}: Scalingo does not answer as it should: {type(error).__name__}"
            ) from None
        return answer.status, content if isinstance(content, dict) else {}


def _time(text: str) -> datetime:
    """Read a moment in ISO 8601; Python 3.10 knows neither Z nor nanoseconds."""
    head, dot, tail = text.replace("Z", "+00:00").partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        head += f".{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
    moment = datetime.fromisoformat(head)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
