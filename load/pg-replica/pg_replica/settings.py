"""The environment variables, read and validated together before any work starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from entrepot_core.base.errors import Refused
from entrepot_core.config import types
from entrepot_core.config.environment import FROM_ENVIRONMENT
from entrepot_core.config.project import project_root
from entrepot_core.policy.tables import default_file
from entrepot_core.postgres.identifiers import LONGEST_NAME
from entrepot_core.warehouse.locks import Turn
from entrepot_core.warehouse.shrinking import NO_LIMIT

ForeignKeys = Literal["not_valid", "true", "false"]
Replication = Literal["auto", "full"]


class Settings(BaseSettings):
    """Every variable that pg-replica reads; `.env.example` says what each is for."""

    model_config = FROM_ENVIRONMENT

    source_database_url: str | None = Field(
        None, validation_alias="SOURCE_DATABASE_URL"
    )
    target_database_url: str = Field(validation_alias="TARGET_DATABASE_URL")
    dump_path: str | None = Field(None, validation_alias="DUMP_PATH")
    dump_wait: float = Field(10_800, ge=0, validation_alias="DUMP_WAIT")
    cron_tz: str = Field("Europe/Paris", validation_alias="CRON_TZ")
    backup_mode: Annotated[dict[str, str], NoDecode] = Field(
        {}, validation_alias="BACKUP_MODE"
    )
    restore_fk_constraints: ForeignKeys = Field(
        "not_valid", validation_alias="RESTORE_FK_CONSTRAINTS"
    )
    replication: Replication = Field("full", validation_alias="REPLICATION")
    jobs: int = Field(4, ge=1, le=64, validation_alias="PG_RESTORE_JOBS")
    replica_schema: str = Field("pix", min_length=1, validation_alias="REPLICA_SCHEMA")
    keep_previous: int = Field(1, ge=0, validation_alias="KEEP_PREVIOUS")
    turn_wait: float = Field(14_400, ge=0, validation_alias="TURN_WAIT")
    copy_passthrough: bool = Field(True, validation_alias="COPY_PASSTHROUGH")
    pg_bindir: Path | None = Field(None, validation_alias="PG_BINDIR")
    tables_file: Path = Field(
        default_factory=default_file,
        validation_alias="TABLES_FILE",
    )
    internal_reader: str = Field("internal_reader", validation_alias="INTERNAL_READER")
    build_role: str | None = Field(None, validation_alias="BUILD_ROLE")
    build_role_password: str | None = Field(
        None, validation_alias="BUILD_ROLE_PASSWORD"
    )
    replica_role: str | None = Field(None, validation_alias="REPLICA_ROLE")
    replica_role_password: str | None = Field(
        None, validation_alias="REPLICA_ROLE_PASSWORD"
    )
    trust_source_code: bool = Field(False, validation_alias="TRUST_SOURCE_CODE")
    external_database_url: str | None = Field(
        None, validation_alias="EXTERNAL_DATABASE_URL"
    )
    external_reader: str = Field("external_reader", validation_alias="EXTERNAL_READER")
    external_row_security: bool = Field(False, validation_alias="EXTERNAL_ROW_SECURITY")
    pseudonym_secret: str | None = Field(
        None, min_length=16, validation_alias="PSEUDONYM_SECRET"
    )
    work_dir: Path = Field(
        default_factory=lambda: project_root() / ".entrepot",
        validation_alias="WORK_DIR",
    )
    source_lock_timeout: float = Field(10, gt=0, validation_alias="SOURCE_LOCK_TIMEOUT")
    source_lock_budget: float = Field(30, gt=0, validation_alias="SOURCE_LOCK_BUDGET")
    shrink_limit: float = Field(50, ge=0, le=100, validation_alias="SHRINK_LIMIT")
    accept_shrink: bool = Field(False, validation_alias="ACCEPT_SHRINK")
    new_columns: Literal["bring", "hold"] = Field(
        "bring", validation_alias="NEW_COLUMNS"
    )
    snapshot_limit: float = Field(0, ge=0, validation_alias="SNAPSHOT_LIMIT")
    network_timeout: int = Field(120, ge=1, validation_alias="NETWORK_TIMEOUT")
    maintenance_work_mem: str = Field(
        "256MB", pattern=r"^\d+\s?(kB|MB|GB)$", validation_alias="MAINTENANCE_WORK_MEM"
    )
    connect_budget: float = Field(120, ge=0, validation_alias="CONNECT_BUDGET")
    audit_days: int = Field(30, ge=1, validation_alias="AUDIT_DAYS")
    log_format: Literal["plain", "json"] = Field("plain", validation_alias="LOG_FORMAT")
    s3_endpoint_url: str | None = Field(None, validation_alias="S3_ENDPOINT_URL")
    s3_access_key: str | None = Field(None, validation_alias="ACCESS_KEY")
    s3_secret_key: str | None = Field(None, validation_alias="SECRET_KEY")

    @field_validator("cron_tz")
    @classmethod
    def _check_time_zone(cls, value: str) -> str:
        types.time_zone(value)
        return value

    @field_validator("backup_mode", mode="before")
    @classmethod
    def _parse_backup_mode(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            modes = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"is not JSON (line {error.lineno}, column {error.colno}: {error.msg}); "
                'write it as {"answers":"incremental","foo":"none"}'
            ) from None
        if not isinstance(modes, dict) or not all(
            isinstance(m, str) for m in modes.values()
        ):
            raise ValueError(
                'must be a JSON object such as {"answers":"incremental","foo":"none"}'
            )
        return modes

    @field_validator(
        "source_database_url", "target_database_url", "external_database_url"
    )
    @classmethod
    def _parse_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        types.postgres_url(value)
        return value

    @field_validator("replica_schema")
    @classmethod
    def _check_schema(cls, value: str) -> str:
        if value == "public" or value.startswith("pg_"):
            raise ValueError(
                f"cannot be {value!r}: it is taken by the landing or by PostgreSQL"
            )
        if len(f"{value}_previous".encode()) > LONGEST_NAME:
            raise ValueError("is too long: with _previous it must fit 63 bytes")
        return value

    @property
    def may_lose(self) -> float:
        """Percent of its rows that a table may lose in this run."""
        return NO_LIMIT if self.accept_shrink else self.shrink_limit

    @property
    def turn(self) -> Turn:
        """For which replica the warehouse's lock is taken."""
        return Turn(self.replica_schema, self.turn_wait)

    @property
    def time_zone(self) -> ZoneInfo:
        """Where a day begins."""
        try:
            return types.time_zone(self.cron_tz)
        except ValueError as error:
            raise Refused([f"CRON_TZ {error}"]) from None

    @property
    def mode(self) -> Literal["live", "archive"]:
        """Where the data comes from: the source database, or a dump of it."""
        return "archive" if self.dump_path else "live"
