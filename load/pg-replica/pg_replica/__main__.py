"""`python -m pg_replica`, the same as the `pg-replica` command."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command."""
    # What modules make stays: to look for garbage among it is an eighth of the start.
    gc.disable()
    from pg_replica.cli import main as command

    gc.freeze()
    gc.enable()
    command()


if __name__ == "__main__":
    main()
