"""`python -m pg_replica`, the same as the `pg-replica` command."""

from entrepot_core.base.started import import_quietly


def main() -> None:
    """Run the command."""
    import_quietly("pg_replica.cli").main()


if __name__ == "__main__":
    main()
