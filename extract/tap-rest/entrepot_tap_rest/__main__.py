"""The tap's command: `python -m entrepot_tap_rest`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("tap-rest", "entrepot_tap_rest.tap:TapRest")


if __name__ == "__main__":
    main()
