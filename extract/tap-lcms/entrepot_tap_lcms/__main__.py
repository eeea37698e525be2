"""The tap's command: `python -m entrepot_tap_lcms`."""

from __future__ import annotations

import logging
import sys

from pg_replica import domains
from pg_replica.errors import ReplicaError
from pg_replica.redaction import redact

_DOMAIN = "lcms"
_NO_SYNC = {"--about", "--discover", "--help", "--version"}
_NAME = "tap-lcms"


def main() -> None:
    """Run the command; a failure that can be explained is one line, without secrets."""
    try:
        if _NO_SYNC.isdisjoint(sys.argv) and _DOMAIN not in domains.enabled():
            print(
                f"{_NAME}: {_DOMAIN} is not in DOMAINS: nothing to do", file=sys.stderr
            )
            return
        # Only now, as a domain that is off costs nothing.
        from entrepot_tap_lcms.tap import TapLcms

        TapLcms.cli()
    except (ReplicaError, OSError) as error:
        logging.basicConfig()
        words = redact(" ".join(str(error).split()))
        logging.getLogger(_NAME).critical(words)
        sys.exit(getattr(error, "exit_code", 1))


if __name__ == "__main__":
    main()
