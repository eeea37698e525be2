"""`python -m entrepot_cli`, the same as the `entrepot` command."""

from entrepot_core.base.started import import_quietly


def main() -> None:
    """Run the command."""
    import_quietly("entrepot_cli.cli").main()


if __name__ == "__main__":
    main()
