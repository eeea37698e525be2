"""Lint the models as dbt compiles them.

sqlfluff's dbt templater opens a connection, though compiling reads nothing through it: an empty
server that lives as long as the lint will do.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from entrepot_core.config import domains
from entrepot_dbt.runner import environment
from entrepot_lab.postgres.cluster import (
    FAST_BUT_FORGETFUL,
    SUPERUSER,
    Cluster,
    embedded_binaries,
)

_QUERIES = "**/[a-z]*/sql/*.sql"


def main() -> int:
    """Lint all models, and the packages' own queries.

    Returns:
        sqlfluff's exit status.
    """
    cache = Path(".cache").resolve()
    sqlfluff = Path(sys.executable).with_name("sqlfluff")
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        server = Cluster(Path(folder), embedded_binaries())
        server.create(FAST_BUT_FORGETFUL).start()
        try:
            url = server.url("postgres", SUPERUSER, server.password)
            settings = {
                **environment({**os.environ, "TARGET_DATABASE_URL": url}),
                "DOMAINS": ",".join(domains.KNOWN),
                "DBT_TARGET_PATH": str(cache / "sqlfluff" / "target"),
                "DBT_LOG_PATH": str(cache / "sqlfluff" / "logs"),
            }
            command = [str(sqlfluff), "lint", "transform", *sys.argv[1:]]
            models = subprocess.run(command, env=settings, check=False).returncode
        finally:
            server.stop("immediate")
    return models or _lint_queries(sqlfluff)


def _lint_queries(sqlfluff: Path) -> int:
    """Lint the queries that the packages keep in files."""
    config = "--config=scripts/lib/queries.sqlfluff"
    files = sorted(
        map(str, [*Path("core").glob(_QUERIES), *Path("load").glob(_QUERIES)])
    )
    command = [str(sqlfluff), "lint", config, "--ignore-local-config", *files]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
