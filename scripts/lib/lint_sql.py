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


def main() -> int:
    """Lint all models.

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
            return subprocess.run(command, env=settings, check=False).returncode
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    sys.exit(main())
