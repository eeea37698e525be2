"""The tap's command line, and how it fails."""

from __future__ import annotations

import logging
import sys

import psycopg

from entrepot_tap_postgres.errors import CannotContinue, Refused
from entrepot_tap_postgres.tap import TapPostgres
from pg_replica.connection import one_line
from pg_replica.copy_spool import ReaderGone
from pg_replica.errors import ReplicaError
from pg_replica.transport import CopyError

_EXPLAINED = (
    CannotContinue,
    Refused,
    ReaderGone,
    CopyError,
    OSError,
    ReplicaError,
    psycopg.Error,
)


def run() -> None:
    """Run the command; a failure that can be explained is one line, without secrets."""
    try:
        TapPostgres.cli()
    except _EXPLAINED as error:
        logging.getLogger("tap-postgres").critical(one_line(error))
        sys.exit(1)
