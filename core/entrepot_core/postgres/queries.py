"""Long queries, which stand in files of their own: psql can run them, and sqlfluff lints them."""

from __future__ import annotations

from importlib import resources


def read(package: str, name: str) -> str:
    """Read a query of a package.

    Args:
        package: The package whose folder `sql` holds it.
        name: The file's name without `.sql`.

    Returns:
        The query; its parameters are psycopg's, such as `%(schemas)s`.
    """
    file = resources.files(package).joinpath(f"sql/{name}.sql")
    return file.read_text(encoding="utf-8")
