"""The tap's command: `python -m entrepot_tap_dcat`."""

from __future__ import annotations

import logging
import sys

from pg_replica.connection import one_line
from pg_replica.domains import enabled
from pg_replica.errors import ReplicaError

_DOMAIN = "ecospheres"


def main() -> None:
    """Run the command; a failure that can be explained is one line, without secrets."""
    try:
        if _is_a_sync(sys.argv[1:]) and _DOMAIN not in enabled():
            return
        from entrepot_tap_dcat.tap import TapDcat

        TapDcat.cli()
    except (ReplicaError, OSError) as error:
        logging.getLogger("tap-dcat").critical(one_line(error))
        sys.exit(getattr(error, "exit_code", 1))


def _is_a_sync(arguments: list[str]) -> bool:
    """Say whether data is asked for, rather than what the tap is or gives."""
    return not {"--about", "--discover", "--help", "--version"} & set(arguments)


if __name__ == "__main__":
    main()
