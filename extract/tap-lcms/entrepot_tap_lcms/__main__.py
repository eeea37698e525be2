"""The tap's command: `python -m entrepot_tap_lcms`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("tap-lcms", "entrepot_tap_lcms.tap:TapLcms", wanted={"lcms"})


if __name__ == "__main__":
    main()
