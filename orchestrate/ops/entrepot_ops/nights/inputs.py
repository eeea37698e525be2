"""What a step depends on beside the data: when it changes, a step that succeeded is done again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from entrepot_ops.meltano.plan import Step

_VARIABLES = (
    "BACKUP_MODE",
    "BAROMETRE_FILES",
    "CPF_CATALOGUE_URL",
    "DCAT_DUMPS",
    "DCAT_FORMAT",
    "DCAT_PARTIAL",
    "DCAT_PATTERN",
    "DCAT_SOURCE",
    "DOMAINS",
    "DUMP_PATH",
    "EXTERNAL_DATABASE_URL",
    "EXTERNAL_READER",
    "EXTERNAL_ROW_SECURITY",
    "EXTERNAL_THRESHOLD",
    "INTERNAL_READER",
    "LCMS_API_URL",
    "MELTANO_ENVIRONMENT",
    "REPLICA_SCHEMA",
    "SHRINK_LIMIT",
    "RESTORE_FK_CONSTRAINTS",
    "SOURCE_DATABASE_URL",
    "TARGET_DATABASE_URL",
)
_FILES = ("meltano.yml", "*/*.meltano.yml")
_MODEL_SUFFIXES = {".sql", ".yml", ".csv", ".md"}


def digest(step: Step, root: Path) -> str:
    """Sum up what a step depends on.

    Args:
        step: The step.
        root: The project's folder.

    Returns:
        A digest; no secret goes into it.
    """
    summed = hashlib.sha256(step.task.encode())
    for name in _VARIABLES:
        summed.update(_bytes(f"\n{name}={_public(os.environ.get(name, ''))}"))
    for path in _files(step, root):
        summed.update(_bytes(f"\n{path}\n"))
        with suppress(OSError):  # the step itself will say that it cannot be read
            summed.update(path.read_bytes())
    return summed.hexdigest()


def _bytes(text: str) -> bytes:
    """Give what the system gave us, which need not be UTF-8."""
    return text.encode(errors="surrogateescape")


def _files(step: Step, root: Path) -> Iterator[Path]:
    for pattern in _FILES:
        yield from sorted(root.glob(pattern))
    tables = os.environ.get("TABLES_FILE") or root / "extract" / "tables.yml"
    if Path(tables).is_file():
        yield Path(tables)
    if step.builds:
        for path in sorted((root / "transform").rglob("*")):
            if path.suffix in _MODEL_SUFFIXES and path.is_file():
                yield path


def _public(value: str) -> str:
    """Leave the login out of a URL: a password that is changed is no other data."""
    if value.startswith(("postgres://", "postgresql://")):
        try:
            parts = conninfo_to_dict(value)
        except psycopg.ProgrammingError:
            return ""
        return f"{parts.get('host')}:{parts.get('port')}/{parts.get('dbname')}"
    if "://" in value:
        url = urlsplit(value)
        return f"{url.scheme}://{url.hostname}{url.path}"
    return value
