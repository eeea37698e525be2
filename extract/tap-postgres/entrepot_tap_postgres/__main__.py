"""The tap's command: `python -m entrepot_tap_postgres`."""

from __future__ import annotations

from entrepot_core.config import domains
from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run(
        "tap-postgres",
        "entrepot_tap_postgres.tap:TapPostgres",
        wanted=domains.replicated,
    )


if __name__ == "__main__":
    main()
