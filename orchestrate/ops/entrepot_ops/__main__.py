"""`python -m entrepot_ops`, the same as the `ops` command."""

from entrepot_core.base.started import import_quietly


def main() -> None:
    """Run the command."""
    import_quietly("entrepot_ops.cli").main()


if __name__ == "__main__":
    main()
