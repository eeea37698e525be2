"""The tap's command: `python -m entrepot_tap_csv`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("tap-csv", "entrepot_tap_csv.tap:TapCsv")


if __name__ == "__main__":
    main()
