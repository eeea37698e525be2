"""`python -m entrepot_ops`, the same as the `ops` command."""

from entrepot_ops.cli import main

if __name__ == "__main__":
    main()
