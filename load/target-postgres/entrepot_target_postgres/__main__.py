"""The target's command: `python -m entrepot_target_postgres`."""

from __future__ import annotations

import logging
import sys

import psycopg
from singer_sdk import exceptions

from entrepot_target_postgres.target import TargetPostgres
from pg_replica.connection import one_line
from pg_replica.errors import ReplicaError
from pg_replica.transport import CopyError

_EXPLAINED = (
    CopyError,
    OSError,
    ReplicaError,
    psycopg.Error,
    exceptions.InvalidInputLine,
    exceptions.InvalidJSONSchema,
    exceptions.InvalidRecord,
    exceptions.MissingKeyPropertiesError,
    exceptions.RecordsWithoutSchemaException,
)


def main() -> None:
    """Run the command; a failure that can be explained is one line, without secrets."""
    try:
        TargetPostgres.cli()
    except _EXPLAINED as error:
        logging.getLogger("target-postgres").critical(one_line(error))
        sys.exit(getattr(error, "exit_code", 1))


if __name__ == "__main__":
    main()
