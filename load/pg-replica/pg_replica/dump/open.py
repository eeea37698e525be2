"""`DUMP_PATH`: brought here, unwrapped, opened, and in the end forgotten.

A dump is never deleted by a failure: what was fetched stays for the next try, and only a run
that has published removes its own copy. Nobody else's file is ever removed.
"""

from __future__ import annotations

import shutil

from entrepot_core.postgres.client_tools import ClientTools
from entrepot_core.storage.disk import Progress
from entrepot_core.warehouse.schemas import Naming
from pg_replica.dump import shapes
from pg_replica.dump.archive import Archive, open_archive
from pg_replica.dump.plain import PlainDump
from pg_replica.settings import Settings

Dump = Archive | PlainDump


def open_dump(
    settings: Settings, candidates: list[ClientTools], progress: Progress
) -> Dump:
    """Bring `DUMP_PATH` here and open it.

    Args:
        settings: With the path, and S3's key where it is needed.
        candidates: The client tools found.
        progress: Told the bytes fetched or unpacked, a part at a time.

    Returns:
        The dump.

    Raises:
        Refused: If it is not a dump that can be read.
        TransientFailure: If it could not be fetched.
    """
    # A night from a live source has no use for what these bring along.
    from pg_replica.dump.fetch import bring
    from pg_replica.dump.unwrap import is_archive, unwrap

    assert settings.dump_path is not None
    folder = settings.work_dir / "dumps"
    path = bring(settings.dump_path, folder, settings, progress)
    path = unwrap(path, folder, progress)
    dump = open_archive(path, candidates) if is_archive(path) else PlainDump(path)
    naming = Naming(settings.replica_schema)
    shapes.check(dump.items, lambda schema: bool(naming.problems([schema])))
    return dump


def forget(settings: Settings) -> None:
    """Remove what was fetched or unpacked, once it is published.

    Args:
        settings: With the work folder.
    """
    shutil.rmtree(settings.work_dir / "dumps", ignore_errors=True)
