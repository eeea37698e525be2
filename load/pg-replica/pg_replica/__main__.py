"""`python -m pg_replica`, the same as the `pg-replica` command."""

from pg_replica.cli import main

if __name__ == "__main__":
    main()
