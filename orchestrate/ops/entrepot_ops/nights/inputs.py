"""What a step depends on beside the data: when it changes, a step that succeeded is done again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from entrepot_core.config import domains, second_source
from entrepot_core.config.variables import all_variables
from entrepot_ops.meltano.plan import Step

_MELTANO = ("MELTANO_ENVIRONMENT",)
# Many, so that a secret cannot be guessed by its share of a digest.
_ROUNDS = 100_000
_FILES = (
    "meltano.yml",
    "*/*.meltano.yml",
    "contents/*/*.meltano.yml",
    "contents/*/tables.yml",
    "local/tables.yml",
    "local/*/tables.yml",
    "local/*/*.meltano.yml",
)
_MODEL_SUFFIXES = {".sql", ".yml", ".csv", ".md"}


def digest(step: Step, root: Path) -> str:
    """Sum up what a step depends on.

    Args:
        step: The step.
        root: The project's folder.

    Returns:
        A digest, from which no secret can be told.
    """
    summed = hashlib.sha256(step.task.encode())
    for name in _MELTANO:
        summed.update(_bytes(f"\n{name}={os.environ.get(name, '')}"))
    for variable in all_variables():
        if variable.redo:
            value = os.environ.get(variable.name, "")
            shown = _sealed(value) if variable.secret == "value" else _public(value)
            summed.update(_bytes(f"\n{variable.name}={shown}"))
    for name in _of_own_domains():
        value = os.environ.get(name, "")
        shown = _public(value) if "://" in value else _sealed(value)
        summed.update(_bytes(f"\n{name}={shown}"))
    for path in _files(step, root):
        summed.update(_bytes(f"\n{path}\n"))
        with suppress(OSError):  # the step itself will say that it cannot be read
            summed.update(path.read_bytes())
    return summed.hexdigest()


def _of_own_domains() -> list[str]:
    """List the variables of the owner's own domains, of which another value is other data."""
    redone = [variable.name for variable in all_variables() if variable.redo]
    names: list[str] = []
    for name, domain in domains.everything().items():
        if domain.folder:
            names += domain.variables
        if domain.is_database:
            names += [second_source.prefixed(name, each) for each in redone]
    return sorted({*names} & os.environ.keys())


def _bytes(text: str) -> bytes:
    """Give what the system gave us, which need not be UTF-8."""
    return text.encode(errors="surrogateescape")


@cache
def _sealed(value: str) -> str:
    """Give what stands for a secret: another one for another secret."""
    if not value:
        return ""
    return hashlib.pbkdf2_hmac(
        "sha256", _bytes(value), b"entrepot input", _ROUNDS
    ).hex()


def _files(step: Step, root: Path) -> Iterator[Path]:
    for pattern in _FILES:
        yield from sorted(root.glob(pattern))
    tables = os.environ.get("TABLES_FILE") or root / "extract" / "tables.yml"
    if Path(tables).is_file():
        yield Path(tables)
    if step.builds:
        for folder in (root / "transform", root / "local"):
            for path in sorted(folder.rglob("*")):
                if path.suffix in _MODEL_SUFFIXES and path.is_file():
                    yield path


def _public(value: str) -> str:
    """Leave the login out of a URL: another password is still the same database."""
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
