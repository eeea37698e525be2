"""The tap's command: `python -m entrepot_tap_dcat`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("tap-dcat", "entrepot_tap_dcat.tap:TapDcat", wanted={"ecospheres"})


if __name__ == "__main__":
    main()
