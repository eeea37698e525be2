"""The target's command: `python -m entrepot_target_postgres`."""

from __future__ import annotations

from entrepot_core.singer import plugin


def main() -> None:
    """Run the command."""
    plugin.run("target-postgres", "entrepot_target_postgres.target:TargetPostgres")


if __name__ == "__main__":
    main()
