"""The tap's command: `python -m entrepot_tap_csv`."""

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
    from entrepot_tap_csv.tap import TapCsv
    from pg_replica.copy_spool import ReaderGone

    # It would log whole URLs, whose queries may hold a token.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    try:
        TapCsv.cli()
    except (ReaderGone, OSError) as error:
        _end(error, 1)


def _end(error: Exception, status: int) -> None:
    from pg_replica.connection import one_line

    logging.getLogger("tap-csv").critical(one_line(error))
    sys.exit(status)


if __name__ == "__main__":
    main()
