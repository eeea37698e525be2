"""The environment variables of `ops`, read and validated together before any work starts."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from entrepot_core.command.settings import VerbSettings
from entrepot_core.config import types
from entrepot_core.config.project import project_root
from entrepot_core.postgres.connection import Database
from entrepot_ops.receivers import Receiver


class WarehouseSettings(VerbSettings):
    """Where the record is, and where files go."""

    target_database_url: str = Field(validation_alias="TARGET_DATABASE_URL")
    network_timeout: int = Field(120, ge=1, validation_alias="NETWORK_TIMEOUT")
    connect_budget: float = Field(120, ge=0, validation_alias="CONNECT_BUDGET")
    work_dir: Path = Field(
        default_factory=lambda: project_root() / ".entrepot",
        validation_alias="WORK_DIR",
    )

    @field_validator("target_database_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        types.postgres_url(value)
        return value

    @property
    def warehouse(self) -> Database:
        """The warehouse."""
        return Database("warehouse", self.target_database_url, self.network_timeout)


class NotifySettings(VerbSettings):
    """Who hears how a night ended."""

    notifications: Annotated[list[Receiver], NoDecode] = Field(
        [], validation_alias="NOTIFICATIONS"
    )
    notification_timeout: float = Field(
        10, gt=0, validation_alias="NOTIFICATION_TIMEOUT"
    )
    report_url: str | None = Field(None, validation_alias="REPORT_URL")
    heartbeat_url: str | None = Field(None, validation_alias="HEARTBEAT_URL")
    sentry_enabled: bool = Field(default=False, validation_alias="SENTRY_ENABLED")
    sentry_dsn: str | None = Field(None, validation_alias="SENTRY_DSN")
    sentry_environment: str = Field(
        "development", validation_alias="SENTRY_ENVIRONMENT"
    )
    sentry_debug: bool = Field(default=False, validation_alias="SENTRY_DEBUG")
    sentry_max_breadcrumbs: int = Field(
        100, ge=0, validation_alias="SENTRY_MAX_BREADCRUMBS"
    )
    sentry_max_value_length: int = Field(
        1000, ge=1, validation_alias="SENTRY_MAX_VALUE_LENGTH"
    )

    @field_validator("notifications", mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            receivers = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg}); "
                'write it as [{"url":"https://…","token":"…"}]'
            ) from None
        if not isinstance(receivers, list) or not all(
            isinstance(one, dict) for one in receivers
        ):
            raise ValueError(
                'must be a JSON list of objects such as [{"url":"https://…","token":"…"}]'
            )
        return receivers

    @field_validator("report_url", "heartbeat_url")
    @classmethod
    def _check_web(cls, value: str | None) -> str | None:
        try:
            parts = urlsplit(value or "https://nothing")
            parts.port  # noqa: B018 (reading it checks it)
        except ValueError:
            raise ValueError("is not a URL") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("should be an http(s) URL")
        return value or None

    @model_validator(mode="after")
    def _check_sentry(self) -> NotifySettings:
        if self.sentry_enabled and not self.sentry_dsn:
            raise ValueError(
                "SENTRY_DSN is missing, which SENTRY_ENABLED makes necessary"
            )
        return self

    @field_validator("sentry_dsn")
    @classmethod
    def _check_dsn(cls, value: str | None) -> str | None:
        if value:
            from sentry_sdk.utils import BadDsn, Dsn

            try:
                Dsn(value)
            except (BadDsn, ValueError):
                raise ValueError("is not a Sentry DSN") from None
        return value


class ScheduleSettings(VerbSettings):
    """When nights begin."""

    schedule: str | None = Field(None, validation_alias="SCHEDULE")
    cron_tz: str = Field("Europe/Paris", validation_alias="CRON_TZ")

    @field_validator("schedule")
    @classmethod
    def _check_schedule(cls, value: str | None) -> str | None:
        if value is None:
            return None
        check_expression(value)
        return value

    @field_validator("cron_tz")
    @classmethod
    def _check_zone(cls, value: str) -> str:
        types.time_zone(value)
        return value


class NightSettings(WarehouseSettings, NotifySettings, ScheduleSettings):
    """Everything that a night reads."""

    max_retry_count: int = Field(10, ge=1, validation_alias="MAX_RETRY_COUNT")
    exponential_retry_delay: int = Field(
        1000, ge=0, validation_alias="EXPONENTIAL_RETRY_DELAY"
    )
    night_budget: str | None = Field(None, validation_alias="NIGHT_BUDGET")

    @field_validator("night_budget")
    @classmethod
    def _check_budget(cls, value: str | None) -> str | None:
        if value is not None:
            types.seconds_of(value)
        return value


def check_expression(expression: str) -> None:
    """Make sure of a cron expression.

    Args:
        expression: Five fields.

    Raises:
        ValueError: If it is none, with what is wrong.
    """  # noqa: DOC501 -- CronSimError is caught here
    try:
        if len(expression.split()) != 5:
            raise CronSimError("it has not five fields")
        next(CronSim(expression, datetime.now(timezone.utc)))
    except (CronSimError, StopIteration) as error:
        reason = str(error) or "it never comes"
        raise ValueError(
            f"is not a cron expression: {expression!r} ({reason}); write it as 0 2 * * *"
        ) from None
