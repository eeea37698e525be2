"""The demo's servers: `python -m entrepot_lab.demo up|exec|show|status|down`.

Everything is in the folder `.demo`: two databases, an LCMS, an open-data platform, and `env`, the
settings for the night.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg

from entrepot_lab.postgres.cluster import FAST_BUT_FORGETFUL, Cluster, embedded_binaries
from entrepot_lab.sources import elearning, lcms, open_data
from entrepot_lab.sources.service import Service

SOURCE_OWNER, OWNER = "app", "entrepot"
READERS = ("internal_reader", "external_reader")
# So that a table's name is enough.
_SEARCH_PATHS = {
    "internal_reader": "enrichment, pix, pix_incremental, entrepot_info",
    "external_reader": "external, entrepot_info",
}
# One builds the replica, the other owns it: see README.md.
REPLICA_ROLES = ("entrepot_build", "entrepot_replica")
DEFAULT_SIZE = 20_000
_SETTINGS = {**FAST_BUT_FORGETFUL, "shared_buffers": "64MB"}
# What the caller's shell may hold for a real night, and what must not reach this one.
_NOT_HERE = (
    "DUMP_PATH",
    "EXTERNAL_DATABASE_URL",
    "NOTIFICATIONS",
    "TABLES_FILE",
)
_DOMAINS = "pix,lcms,cpf,barometre,ecospheres"
# Relative to the project's folder, where the demo runs.
_CATALOGUE = Path("contents") / "ecospheres" / "samples"
# The big tables that only grow.
_APPEND = (
    '{"answers":"incremental","knowledge-elements":"incremental",'
    '"knowledge-element-snapshots":"incremental"}'
)


@dataclass(frozen=True)
class Demo:
    """The servers and their settings.

    Attributes:
        folder: Holds all of it.
    """

    folder: Path

    @property
    def source(self) -> Cluster:
        """The server of the invented product."""
        return Cluster(self.folder / "source", embedded_binaries())

    @property
    def warehouse(self) -> Cluster:
        """The warehouse's server."""
        return Cluster(self.folder / "warehouse", embedded_binaries())

    @property
    def lcms(self) -> Service:
        """The server of the learning content."""
        return Service(self.folder / "lcms", lcms.__name__)

    @property
    def open_data(self) -> Service:
        """The open-data platform."""
        return Service(self.folder / "open-data", open_data.__name__)

    @property
    def env_file(self) -> Path:
        """The settings, one `KEY=value` a line, as a `.env` has them."""
        return self.folder / "env"

    def up(self, size: int | None = None) -> None:
        """Start the servers; make and fill what is not there yet.

        Args:
            size: Answers in the source; another size than before makes the source anew.
        """
        self.folder.mkdir(exist_ok=True)
        for server in (self.source, self.warehouse):
            server.create(_SETTINGS).start()
        self.lcms.start()
        self.open_data.start()
        passwords = self._passwords()
        self.source.create_role(SOURCE_OWNER, passwords[SOURCE_OWNER])
        for role in (OWNER, *READERS, *REPLICA_ROLES):
            self.warehouse.create_role(role, passwords[role])
        with self.warehouse.admin() as admin:
            for role in REPLICA_ROLES:
                admin.execute(f"GRANT {role} TO {OWNER}")
        self.warehouse.create_database("warehouse", OWNER, (*READERS, *REPLICA_ROLES))
        with self.warehouse.admin() as admin:
            for role, path in _SEARCH_PATHS.items():
                admin.execute(
                    f"ALTER ROLE {role} IN DATABASE warehouse SET search_path = {path}"
                )
        self._fill(size, passwords)
        self._write_settings(passwords)

    def down(self) -> None:
        """Stop the servers."""
        for server in (self.source, self.warehouse):
            server.stop()
        self.lcms.stop()
        self.open_data.stop()

    def clean(self) -> None:
        """Stop the servers and remove everything."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """Give the settings of a night in the demo.

        Returns:
            Variables; empty where the caller's own would lead elsewhere.

        Raises:
            SystemExit: If there is no demo.
        """
        if not self.env_file.exists():
            raise SystemExit(f"there is no demo in {self.folder}: run scripts/demo")
        lines = self.env_file.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def _passwords(self) -> dict[str, str]:
        """Give each role's password; made once."""
        passwords = {}
        for role in (SOURCE_OWNER, OWNER, *READERS, *REPLICA_ROLES, "pseudonyms"):
            path = self.folder / f"password.{role}"
            if not path.exists():
                _write_secret(path, secrets.token_urlsafe(18))
            passwords[role] = path.read_text()
        return passwords

    def _fill(self, size: int | None, passwords: dict[str, str]) -> None:
        """Fill the source, again if another size is wanted."""
        note = self.folder / "size"
        made = int(note.read_text()) if note.exists() else None
        if size is not None and made not in (None, size):
            self.source.drop_database("app")
            made = None
        self.source.create_database("app", SOURCE_OWNER)
        url = self.source.url("app", SOURCE_OWNER, passwords[SOURCE_OWNER])
        with psycopg.connect(url, autocommit=True) as connection:
            elearning.create(connection, size or made or DEFAULT_SIZE)
        note.write_text(str(size or made or DEFAULT_SIZE))

    def _write_settings(self, passwords: dict[str, str]) -> None:
        owner = self.source.url("app", SOURCE_OWNER, passwords[SOURCE_OWNER])
        urls = {
            role: self.warehouse.url("warehouse", role, passwords[role])
            for role in (OWNER, *READERS)
        }
        settings = {
            "SOURCE_DATABASE_URL": owner,
            "TARGET_DATABASE_URL": urls[OWNER],
            "REPLICA_SCHEMA": "pix",
            "BUILD_ROLE": REPLICA_ROLES[0],
            "BUILD_ROLE_PASSWORD": passwords[REPLICA_ROLES[0]],
            "REPLICA_ROLE": REPLICA_ROLES[1],
            "REPLICA_ROLE_PASSWORD": passwords[REPLICA_ROLES[1]],
            "DOMAINS": _DOMAINS,
            "LCMS_API_URL": f"http://127.0.0.1:{self.lcms.port}",
            "LCMS_API_KEY": self.lcms.key,
            "BAROMETRE_FILES": str(open_data.CONTENTS / "barometre" / "samples"),
            "CPF_CATALOGUE_URL": (
                f"http://127.0.0.1:{self.open_data.port}{open_data.PATH}?{open_data.query()}"
            ),
            "PSEUDONYM_SECRET": passwords["pseudonyms"],
            "BACKUP_MODE": _APPEND,
            "DCAT_SOURCE": str(_CATALOGUE),
            "PG_BINDIR": str(embedded_binaries()),
            **dict.fromkeys(_NOT_HERE, ""),
            **{f"DEMO_{role.upper()}_URL": urls[role] for role in READERS},
        }
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        _write_secret(self.env_file, "".join(lines))
        _write_secret(self.folder / "services", self._services(passwords))

    def _services(self, passwords: dict[str, str]) -> str:
        """Write the readers' logins for psql, which keeps them out of its arguments."""
        return "".join(
            f"[{role}]\nhost=127.0.0.1\nport={self.warehouse.port}\ndbname=warehouse\n"
            f"user={role}\npassword={passwords[role]}\n"
            for role in READERS
        )

    def guide(self) -> str:
        """Say what there is to look at after a night."""
        env = self.environment()
        services = _short(self.folder / "services")
        psql = _short(Path(env["PG_BINDIR"]) / "psql")
        entrepot = f".venv/bin/entrepot --env-file {_short(self.env_file)}"
        meltano = f".venv/bin/meltano --env-file {_short(self.env_file)} invoke"
        return f"""
The warehouse is ready. What to look at:

  as an analyst           {env["DEMO_INTERNAL_READER_URL"]}
  as a partner            {env["DEMO_EXTERNAL_READER_URL"]}
  a query to try          PGSERVICEFILE={services} {psql} service=internal_reader \\
                              -c 'select type, count(*) from pix.assessments group by type'
  and one as a partner    PGSERVICEFILE={services} {psql} service=external_reader \\
                              -c 'select * from external.participation_by_organization'
  the last nights         {entrepot} status
  the night's report      {entrepot} report
  the record of runs      {entrepot} pg-replica status
  the catalogue           {meltano} dbt:docs-generate
                          {meltano} dbt:docs-serve    (http://127.0.0.1:8080)

  a day of use            .venv/bin/python -m entrepot_lab.demo next-day
  another night           scripts/demo
  stop the servers        .venv/bin/python -m entrepot_lab.demo down
  remove everything       scripts/clean
"""

    def status(self) -> str:
        """Say which servers run, and where."""
        lines = []
        servers: dict[str, Cluster | Service] = {
            "source": self.source,
            "warehouse": self.warehouse,
            "LCMS": self.lcms,
            "open-data platform": self.open_data,
        }
        for name, server in servers.items():
            running = server.is_running()
            state = f"runs on 127.0.0.1:{server.port}" if running else "is stopped"
            lines.append(f"the {name} {state}")
        return "\n".join(lines)


def _short(path: Path) -> str:
    """Write a path for a shell that is in the current folder."""
    return shlex.quote(os.path.relpath(path))


def _write_secret(path: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(content, encoding="utf-8")
    unfinished.replace(path)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="entrepot_lab.demo", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=Path(".demo"), help="where everything is"
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start the servers, fill the source")
    up.add_argument("--size", type=int, help=f"answers ({DEFAULT_SIZE} at first)")
    run = verbs.add_parser("exec", help="run a command with the demo's settings")
    run.add_argument("command", nargs=argparse.REMAINDER)
    verbs.add_parser("show", help="say what to look at")
    verbs.add_parser("status", help="say what runs")
    verbs.add_parser("next-day", help="change the source as a day of use does")
    verbs.add_parser("down", help="stop the servers")
    verbs.add_parser("clean", help="stop the servers and remove everything")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run one verb.

    Args:
        arguments: The command line; the process's own by default.
    """
    given = _parse(sys.argv[1:] if arguments is None else arguments)
    demo = Demo(given.folder.resolve())
    match given.verb:
        case "up":
            demo.up(given.size)
        case "exec":
            env = {**os.environ, **demo.environment()}
            os.execvpe(given.command[0], given.command, env)
        case "show":
            print(demo.guide())
        case "status":
            print(demo.status())
        case "next-day":
            url = demo.environment()["SOURCE_DATABASE_URL"]
            with psycopg.connect(url, autocommit=True) as connection:
                elearning.next_day(connection)
        case "down":
            demo.down()
        case "clean":
            demo.clean()


if __name__ == "__main__":
    main()
