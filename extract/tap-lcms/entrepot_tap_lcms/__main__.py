"""The tap's command: `python -m entrepot_tap_lcms`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("tap-lcms", _plugin, wanted={"lcms"})


def _plugin() -> type:
    from entrepot_tap_lcms.tap import TapLcms

    return TapLcms


if __name__ == "__main__":
    main()
