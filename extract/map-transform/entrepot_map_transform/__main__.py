"""The mapper's command: `python -m entrepot_map_transform`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("map-transform", _plugin, between=True)


def _plugin() -> type:
    from entrepot_map_transform.mapper import MapTransform

    return MapTransform


if __name__ == "__main__":
    main()
