"""The target's command: `python -m entrepot_target_postgres`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("target-postgres", _plugin)


def _plugin() -> type:
    from entrepot_target_postgres.target import TargetPostgres

    return TargetPostgres


if __name__ == "__main__":
    main()
