"""The variables of backups."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from entrepot_core.command.settings import VerbSettings
from entrepot_core.config.project import project_root


class BackupSettings(VerbSettings):
    """What every verb of this package reads."""

    network_timeout: int = Field(120, ge=1, validation_alias="NETWORK_TIMEOUT")
    pg_bindir: Path | None = Field(None, validation_alias="PG_BINDIR")
    work_dir: Path = Field(
        default_factory=lambda: project_root() / ".entrepot",
        validation_alias="WORK_DIR",
    )


class PlaceSettings(BackupSettings):
    """Where backups go, and how many stay."""

    backup_keep: int = Field(14, ge=1, validation_alias="BACKUP_KEEP")
    bucket_name: str | None = Field(None, validation_alias="BUCKET_NAME")
    s3_endpoint_url: str | None = Field(None, validation_alias="S3_ENDPOINT_URL")
    access_key: str | None = Field(None, validation_alias="ACCESS_KEY")
    secret_key: str | None = Field(None, validation_alias="SECRET_KEY")
