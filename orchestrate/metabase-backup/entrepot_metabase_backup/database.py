"""Metabase's application database: where it is, and what tells it from others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from pydantic import Field, field_validator

from entrepot_core.backups.settings import PlaceSettings
from entrepot_core.base.redaction import redact
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.urls import password_of
from entrepot_metabase_backup.port_forward import forwarded

LABEL = "metabase"
DATABASE = "Metabase database"  # in messages
# Liquibase's record of what has been done to the schema; its ids begin with Metabase's version.
CHANGES = "databasechangelog"
_VERSION = re.compile(r"v(\d+)\.")


class MetabaseSettings(PlaceSettings):
    """What backup and restore read."""

    url: str = Field(validation_alias="METABASE_DATABASE_URL")
    backups: str | None = Field(None, validation_alias="METABASE_BACKUPS")
    pod: str | None = Field(None, validation_alias="METABASE_KUBE_POD")
    namespace: str | None = Field(None, validation_alias="METABASE_KUBE_NAMESPACE")

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            named = psycopg.conninfo.conninfo_to_dict(value).get("dbname")
        except psycopg.ProgrammingError:  # its text repeats what it could not parse
            raise ValueError(
                "is not a PostgreSQL URL; write it as "
                "postgresql://user:password@host:5432/metabase"
            ) from None
        if not named:
            raise ValueError("names no database; end it with /metabase")
        redact.hide(password_of(value))
        return value

    @property
    def where(self) -> str:
        """Where backups are kept."""
        return self.backups or str(self.work_dir / LABEL)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Reach the database, through Kubernetes if that is where it is.

        Yields:
            The database.
        """
        if self.pod:
            with forwarded(self.url, self.pod, self.namespace) as url:
                yield Database(DATABASE, url, self.network_timeout)
        else:
            yield Database(DATABASE, self.url, self.network_timeout)


def version(ids: list[str]) -> int | None:
    """Find the version of Metabase that has made a database.

    Args:
        ids: Of `databasechangelog`.

    Returns:
        Its major version; None where no id names one.
    """
    found = [int(match.group(1)) for each in ids if (match := _VERSION.match(each))]
    return max(found, default=None)
