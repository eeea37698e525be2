"""The mapper's command: `python -m entrepot_map_transform`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run(
        "map-transform", "entrepot_map_transform.mapper:MapTransform", between=True
    )


if __name__ == "__main__":
    main()
