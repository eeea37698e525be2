"""The tap's command: `python -m entrepot_tap_postgres`."""

from __future__ import annotations

import logging
import sys

from pg_replica import domains, logs
from pg_replica.errors import Refused


def main() -> None:
    """Run the command; without a replica here it has nothing to do, and loads nothing for it."""
    try:
        is_on = domains.enabled() & domains.REPLICATED
    except Refused as error:
        logging.getLogger("tap-postgres").critical(str(error))
        sys.exit(error.exit_code)
    if not is_on:
        logs.set_up("plain")
        logs.event("DOMAINS has neither replica nor pix: nothing to do")
        return
    from entrepot_tap_postgres import command

    command.run()


if __name__ == "__main__":
    main()
