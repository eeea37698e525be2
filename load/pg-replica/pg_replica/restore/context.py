"""What all tasks of a restore share."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot_core.postgres.copy.libpq import Patience
from entrepot_core.warehouse.runs import Record
from pg_replica.restore.builder import Builder
from pg_replica.restore.progress import Display
from pg_replica.restore.scheduler import Crew
from pg_replica.restore.search_path import SearchPath
from pg_replica.warehouse.sessions import Sessions


@dataclass(frozen=True)
class RestoreContext:
    """What all tasks of a restore share.

    Attributes:
        sessions: The workers' sessions on the warehouse, in autocommit.
        builder: Makes items.
        record: Where items' seconds go.
        display: Where progress goes.
        patience: When to stop waiting.
        crew: Who does the tasks.
        memory: What an index build may use, as PostgreSQL writes sizes.
        path: The search path of the source's functions.
    """

    sessions: Sessions
    builder: Builder
    record: Record
    display: Display
    patience: Patience
    crew: Crew
    memory: str
    path: SearchPath
