"""The invented source: an e-learning service, with every kind of object that real ones have."""

from __future__ import annotations

import argparse
from importlib import resources

import psycopg


def create(connection: psycopg.Connection, answers: int) -> None:
    """Make and fill the source, unless it is there; all of it or nothing.

    Args:
        connection: A session of the role that owns the source's database, in autocommit.
        answers: How many answers; the other tables follow.
    """
    row = connection.execute("SELECT to_regclass('public.answers')").fetchone()
    if row and row[0]:
        return
    with connection.transaction():
        setting = "SELECT set_config('entrepot_lab.answers', %s, true)"
        connection.execute(setting, [str(answers)])
        for script in ("schema.sql", "fill.sql", "after_fill.sql"):
            _run(connection, script)


def next_day(connection: psycopg.Connection) -> None:
    """Change the source as a day of use does: new rows, changed rows, deleted rows.

    Args:
        connection: A session of the source's owner, in autocommit.
    """
    with connection.transaction():
        _run(connection, "next_day.sql")


def _run(connection: psycopg.Connection, script: str) -> None:
    path = resources.files("entrepot_lab.sources").joinpath(f"sql/{script}")
    connection.execute(path.read_text(encoding="utf-8"))


def main() -> None:
    """Run `python -m entrepot_lab.sources.elearning URL [--answers N]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of an empty database, as its owner")
    parser.add_argument("--answers", type=int, default=20_000)
    arguments = parser.parse_args()
    with psycopg.connect(arguments.url, autocommit=True) as connection:
        create(connection, arguments.answers)


if __name__ == "__main__":
    main()
