"""Become dbt, with the environment that `transform/profiles/profiles.yml` reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg2
from psycopg2.extensions import parse_dsn

from entrepot_core.config import domains
from entrepot_core.postgres.transit import with_encryption
from entrepot_dbt import messages, withdrawal

_SESSION = {
    # dbt swaps relations under locks that block readers: it must not wait for one for long.
    "lock_timeout": "500ms",
    "TimeZone": "UTC",
    # A view that Citus has once sent to its workers could not be made again on a local table.
    "citus.enable_ddl_propagation": "off",
}
_BUILDS = {"build", "run", "retry"}  # commands that make tables
_SMALLEST_THRESHOLD = 2  # a group of one is a person
# dbt_project.yml's kinds of folders, by what they are called in transform/ and in local/<domain>/.
_FOLDERS = {"MODEL": "models", "TEST": "tests", "MACRO": "macros", "SEED": "seeds"}
# What the profile does not name reaches libpq, under psycopg2, through its own variables.
_LIBPQ_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "passfile": "PGPASSFILE",
}


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Build dbt's environment.

    Args:
        given: The environment that we were given.

    Returns:
        The same with what the profile, libpq and dbt read.

    Raises:
        ValueError: If `TARGET_DATABASE_URL` is missing or malformed; its text is not repeated,
            because it holds a password. If `EXTERNAL_THRESHOLD` is no number that protects, or
            `DOMAINS` or a folder of `local/` makes no sense.
    """
    threshold = given.get("EXTERNAL_THRESHOLD") or "11"
    if not threshold.isdecimal() or int(threshold) < _SMALLEST_THRESHOLD:
        raise ValueError(
            f"EXTERNAL_THRESHOLD is {threshold!r}: it must be a whole number of people, "
            f"{_SMALLEST_THRESHOLD} or more"
        )
    url = given.get("TARGET_DATABASE_URL")
    if not url:
        raise ValueError("TARGET_DATABASE_URL is missing: see .env.example")
    try:
        parts = with_encryption(parse_dsn(url))
    except psycopg2.ProgrammingError:
        raise ValueError(
            "TARGET_DATABASE_URL is not a PostgreSQL URL; write it as "
            "postgresql://user:password@host:5432/database"
        ) from None
    root = Path(given.get("MELTANO_PROJECT_ROOT") or ".").resolve()
    options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    return {
        **given,
        "DBT_PROJECT_DIR": str(root / "transform"),
        "DBT_PROFILES_DIR": str(root / "transform" / "profiles"),
        "DBT_TARGET_PATH": str(root / ".entrepot" / "dbt" / "target"),
        "DBT_LOG_PATH": str(root / ".entrepot" / "dbt" / "logs"),
        # Each statement is in the folder `run` of the target path, too.
        "DBT_LOG_LEVEL_FILE": given.get("DBT_LOG_LEVEL_FILE", "info"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_VERSION_CHECK": "false",  # it would ask the package index
        "DBT_USE_COLORS": given.get("DBT_USE_COLORS", str(sys.stdout.isatty()).lower()),
        "ENTREPOT_DBT_HOST": parts.get("host") or given.get("PGHOST", ""),
        "ENTREPOT_DBT_PORT": str(parts.get("port") or given.get("PGPORT", "5432")),
        "ENTREPOT_DBT_USER": parts.get("user") or given.get("PGUSER", ""),
        "DBT_ENV_SECRET_PASSWORD": parts.get("password") or given.get("PGPASSWORD", ""),
        "ENTREPOT_DBT_DATABASE": parts.get("dbname") or given.get("PGDATABASE", ""),
        # The models read it with split(','), where a blank would be a part of a name.
        "DOMAINS": "".join((given.get("DOMAINS") or domains.DEFAULT).split()),
        "REPLICA_SCHEMA": given.get("REPLICA_SCHEMA") or "pix",
        "INTERNAL_READER": given.get("INTERNAL_READER") or "internal_reader",
        "EXTERNAL_THRESHOLD": threshold,
        **_paths(root, given),
        "PGOPTIONS": f"{options} {given.get('PGOPTIONS', '')}".strip(),
        **{
            variable: str(parts[keyword])
            for keyword, variable in _LIBPQ_VARIABLES.items()
            if parts.get(keyword)
        },
    }


def _paths(root: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Say where dbt finds models: in our folders, and in those of own domains that are on."""
    from entrepot_core.base.errors import Refused

    try:
        known, on = domains.everything(), domains.enabled(given)
    except Refused as refusal:
        raise ValueError("\n".join(refusal.problems)) from None
    own = [known[name].folder for name in sorted(on) if known[name].folder]
    return {
        f"ENTREPOT_DBT_{kind}_PATHS": json.dumps(
            [
                folder,
                *(
                    f"../{each}/{folder}"
                    for each in own
                    if (root / each / folder).is_dir()
                ),
            ]
        )
        for kind, folder in _FOLDERS.items()
    }


def settings() -> dict[str, str]:
    """Build dbt's environment from this process's own; say what is wrong with it, and exit."""
    try:
        return environment(os.environ)
    except ValueError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def dbt_command() -> list[str]:
    """Give the command of the dbt that is installed beside us."""
    return [str(Path(sys.executable).parent / "dbt")]


def make_tables(url: str) -> None:
    """Make or upgrade the tables of `entrepot_ops`, which models use; or say why not, and exit.

    Args:
        url: The warehouse's.
    """
    from entrepot_core.base.errors import Refused, ReplicaError
    from entrepot_core.base.part import part
    from entrepot_core.base.redaction import redact
    from entrepot_core.postgres.connection import Database, explained
    from entrepot_core.warehouse import migrate

    part.name = "dbt"
    redact.hide(parse_dsn(url).get("password"))
    try:
        with (
            explained("warehouse"),
            Database("warehouse", url).connect(purpose="tables") as session,
        ):
            migrate.upgrade(session)
    except ReplicaError as error:
        problems = error.problems if isinstance(error, Refused) else [str(error)]
        for problem in problems:
            print(redact(problem), file=sys.stderr)
        sys.exit(error.exit_code)


def main() -> None:
    """Be dbt, in this process."""
    os.environ.update(settings())
    os.umask(0o077)  # what dbt writes may hold what its models read
    if _BUILDS & set(sys.argv[1:]):
        make_tables(os.environ["TARGET_DATABASE_URL"])
    from dbt.cli.main import cli  # it reads the environment when it is imported

    messages.install()
    try:
        cli(prog_name="dbt")
    except SystemExit as end:
        if not end.code and sys.argv[1:2] == ["build"]:
            withdrawal.withdraw(os.environ, sys.argv[2:])
        raise
