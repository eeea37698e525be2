"""`python -m pg_replica`, the same as the `pg-replica` command."""

from __future__ import annotations

from collections.abc import Callable

from entrepot_core.base.loading import loaded


def _command() -> Callable[[], None]:
    from pg_replica import cli

    return cli.main


def main() -> None:
    """Run the command."""
    loaded(_command)()


if __name__ == "__main__":
    main()
