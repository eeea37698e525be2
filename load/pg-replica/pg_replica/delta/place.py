"""Where a delta night works."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from entrepot_core.postgres.connection import Database
from entrepot_core.warehouse.runs import Record
from pg_replica.restore.progress import Display
from pg_replica.settings import Settings


@dataclass(frozen=True)
class Place:
    """Where a delta night works.

    Attributes:
        settings: The variables.
        source: The source.
        warehouse: The warehouse.
        record: Where the run is recorded.
        main: A session of the warehouse's owner, in autocommit.
        display: Where progress goes.
    """

    settings: Settings
    source: Database
    warehouse: Database
    record: Record
    main: psycopg.Connection
    display: Display
