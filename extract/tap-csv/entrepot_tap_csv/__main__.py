"""The tap's command: `python -m entrepot_tap_csv`."""

from __future__ import annotations

import sys

from entrepot_core.singer import plugin

_INSPECT = "inspect"


def main() -> None:
    """Run the command, or its verb `inspect`."""
    if sys.argv[1:2] == [_INSPECT]:
        from entrepot_tap_csv.inspection import command

        command.run(sys.argv[2:])
        return
    plugin.run("tap-csv", "entrepot_tap_csv.tap:TapCsv")


if __name__ == "__main__":
    main()
