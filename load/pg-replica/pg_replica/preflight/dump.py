"""Whether the dump, or its provider, is there."""

from __future__ import annotations

import shutil
from pathlib import Path

from entrepot_core.base.errors import Refused, TransientFailure
from pg_replica.dump import providers
from pg_replica.dump.providers.provider import Provider, newest
from pg_replica.preflight.report import Report
from pg_replica.settings import Settings


def check_dump_path(settings: Settings, report: Report) -> None:
    """Check that the dump can be found, and note how much disk is free to unpack it.

    Args:
        settings: For the dump's place, its credentials and the work folder.
        report: Takes what is found.
    """
    place = settings.dump_path or ""
    if provider := providers.of(place):
        _check_provider(provider, report)
    elif place.startswith(("http://", "https://", "s3://")):
        report.notes.append("the dump is looked at when it has been fetched")
        if place.startswith("s3://") and not (
            settings.s3_access_key and settings.s3_secret_key
        ):
            report.problems.append(
                "ACCESS_KEY and SECRET_KEY are needed for an s3 DUMP_PATH"
            )
    elif not Path(place).exists():
        report.problems.append(f"DUMP_PATH: {place} does not exist")
    free = shutil.disk_usage(_nearest_folder(settings.work_dir)).free
    report.notes.append(
        f"{settings.work_dir}: {free / 1e9:.1f} GB free for fetching and unpacking"
    )


def _check_provider(provider: Provider, report: Report) -> None:
    """Ask for the list of backups; a provider that is down may be up when the night comes."""
    try:
        report.notes.append(f"{provider.label}: {newest(provider.backups())}")
    except Refused as refusal:
        report.problems += refusal.problems
    except TransientFailure as failure:
        report.warnings.append(str(failure))


def _nearest_folder(path: Path) -> Path:
    return next(folder for folder in [path, *path.resolve().parents] if folder.is_dir())
