"""The mapper's command: `python -m entrepot_map_transform`."""

from __future__ import annotations

import logging
import sys

from pg_replica import plugin_config
from pg_replica.errors import ReplicaError


def main() -> None:
    """Run the command; a failure that can be explained is one line, without secrets."""
    try:
        if not plugin_config.is_off(sys.argv):
            _run()
    except ReplicaError as error:
        _end(error, error.exit_code)


def _run() -> None:
    from singer_sdk.exceptions import InvalidInputLine, MapExpressionError

    from entrepot_map_transform.mapper import MapTransform

    try:
        MapTransform.cli()
    except (InvalidInputLine, MapExpressionError, NotImplementedError) as error:
        _end(error, 1)


def _end(error: Exception, status: int) -> None:
    from pg_replica.connection import one_line

    logging.getLogger("map-transform").critical(one_line(error))
    sys.exit(status)


if __name__ == "__main__":
    main()
