"""A source and a warehouse for one test, and the check with which every fault test ends."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.processes import prepared

# Every character that a URL, a shell, SQL or JSON could stumble over.
PASSWORD = "p@ss:/%'w&0r\"d \\é"
OWNER, SOURCE_OWNER, READER = "entrepot", "app", "internal_reader"
PARTNER = "external_reader"
BUILDER, REPLICA_OWNER = "entrepot_build", "entrepot_replica"
# A warehouse as before there were roles of the replica: the owner does all.
NO_ROLES = dict.fromkeys(
    ("BUILD_ROLE", "BUILD_ROLE_PASSWORD", "REPLICA_ROLE", "REPLICA_ROLE_PASSWORD"), ""
)
_OURS = ("entrepot_ops", "public")
# As if all that was recorded until now had been written before a clock was set back an hour.
AN_HOUR_AHEAD = """
DO $$ DECLARE here record; BEGIN
    FOR here IN SELECT c.oid::regclass AS name,
        string_agg(format('%1$I = %1$I + make_interval(hours => 1)', a.attname), ', ') AS changes
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'entrepot_ops'::regnamespace AND c.relkind = 'r'
        AND a.attnum > 0 AND a.atttypid = 'timestamptz'::regtype GROUP BY 1
    LOOP EXECUTE format('UPDATE %s SET %s', here.name, here.changes); END LOOP;
END $$
"""


@dataclass
class Lab:
    """Two databases, an environment, and the command under test.

    Attributes:
        source_server: Where the source is.
        warehouse_server: Where the warehouse is.
        name: Of both databases.
        folder: For files of this test.
        env: The variables of the command under test.
        outputs: What its runs have printed.
    """

    source_server: Cluster
    warehouse_server: Cluster
    name: str
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    def create(self, template: str = "template0") -> Lab:
        """Make roles and databases.

        Args:
            template: What the source is a copy of.
        """
        self.source_server.create_role(SOURCE_OWNER, PASSWORD)
        self.source_server.create_database(
            f"{self.name}_source", SOURCE_OWNER, template=template
        )
        invited = (READER, BUILDER, REPLICA_OWNER)
        for role in (OWNER, *invited):
            self.warehouse_server.create_role(role, PASSWORD)
        self.warehouse_server.create_database(f"{self.name}_warehouse", OWNER, invited)
        with self.warehouse_server.admin() as admin:
            admin.execute(f"GRANT {BUILDER}, {REPLICA_OWNER} TO {OWNER}")
        return self.prepare()

    def prepare(self) -> Lab:
        """Write the files and the environment, for databases that are there."""
        tables = self.folder / "tables.yml"
        tables.write_text("tables: {}\n")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "SOURCE_DATABASE_URL": self.source_url(),
            "TARGET_DATABASE_URL": self.warehouse_url(),
            "PG_BINDIR": str(embedded_binaries()),
            "TABLES_FILE": str(tables),
            "WORK_DIR": str(self.folder / "work"),
            "BUILD_ROLE": BUILDER,
            "BUILD_ROLE_PASSWORD": PASSWORD,
            "REPLICA_ROLE": REPLICA_OWNER,
            "REPLICA_ROLE_PASSWORD": PASSWORD,
        }
        return self

    def drop(self) -> None:
        """End what still runs, and drop the databases."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for server, kind in (
            (self.source_server, "source"),
            (self.warehouse_server, "warehouse"),
        ):
            if server.is_running():
                server.drop_database(f"{self.name}_{kind}")

    def source_url(self, port: int = 0) -> str:
        """URL of the source, its owner's; through a proxy's port if one is given."""
        return self.source_server.url(
            f"{self.name}_source", SOURCE_OWNER, PASSWORD, port=port
        )

    def warehouse_url(self, user: str = OWNER, port: int = 0) -> str:
        """URL of the warehouse, its owner's unless said otherwise."""
        return self.warehouse_server.url(
            f"{self.name}_warehouse", user, PASSWORD, port=port
        )

    def source(self) -> psycopg.Connection:
        """Open a session of the source's owner, in autocommit."""
        return psycopg.connect(self.source_url(), autocommit=True)

    def warehouse(self, user: str = OWNER) -> psycopg.Connection:
        """Open a session on the warehouse, in autocommit."""
        return psycopg.connect(self.warehouse_url(user), autocommit=True)

    def policy(self, text: str) -> None:
        """Write the table policy."""
        Path(self.env["TABLES_FILE"]).write_text(text)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start the command without waiting for it."""
        process = prepared.Popen(
            [sys.executable, "-m", "pg_replica", *arguments],
            env={**self.env, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def finish(
        self, process: subprocess.Popen[str], seconds: float = 180
    ) -> tuple[int, str]:
        """Wait for a started command.

        Returns:
            Its exit status and what it printed.
        """
        output, _ = process.communicate(timeout=seconds)
        self._started.remove(process)
        self.outputs.append(output)
        return process.returncode, output

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run the command.

        Returns:
            Its exit status and what it printed.
        """
        return self.finish(self.start(*arguments, **variables))

    def night(self, **variables: str) -> str:
        """Run a night that must succeed; give what it printed."""
        status, output = self.run("run", **variables)
        assert status == 0, output
        return output

    def content(
        self, where: psycopg.Connection, schema: str
    ) -> dict[str, tuple[int, str]]:
        """Count and hash the rows of every table of a schema."""
        where.execute("SET search_path = ''")
        where.execute(
            "SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET DateStyle = ISO;"
            "SET IntervalStyle = postgres; SET bytea_output = hex"
        )
        tables = where.execute(
            "SELECT c.relname, format('%%I.%%I', n.nspname, c.relname)"
            " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind IN ('r', 'm')"
            " AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid"
            " AND d.deptype = 'e')",
            [schema],
        ).fetchall()
        return {
            name: where.execute(  # type: ignore[misc]
                f"SELECT count(*), coalesce(sum(hashtextextended(whole_row::text, 0)), 0)::text"
                f" FROM ONLY {identifier} AS whole_row"
            ).fetchone()
            for name, identifier in tables
        }

    def assert_replicated(self, schemas: dict[str, str] | None = None) -> None:
        """Check that the warehouse holds what the source holds.

        Args:
            schemas: Live schema by source schema.
        """
        with self.source() as source, self.warehouse() as warehouse:
            for origin, live in (schemas or {"public": "pix"}).items():
                assert self.content(warehouse, live) == self.content(source, origin)

    def assert_clean(self) -> None:
        """Check that nothing is left behind, and no secret was shown."""
        with self.warehouse() as warehouse:
            leftovers = warehouse.execute(
                "SELECT relname FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace"
                " AND relkind <> 'i' AND NOT EXISTS (SELECT FROM pg_depend AS d"
                " WHERE d.objid = c.oid AND (d.deptype = 'e' OR EXISTS (SELECT FROM pg_depend AS e"
                " WHERE e.objid = d.refobjid AND e.deptype = 'e' AND d.deptype IN ('a', 'i'))))"
            ).fetchall()
            assert leftovers == []
            waiting = warehouse.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE '%\\_next'"
            ).fetchall()
            assert waiting == []
            running = warehouse.execute(
                "SELECT run_id FROM entrepot_ops.runs WHERE status = 'running' OR landing <> '{}'"
            ).fetchall()
            assert running == []
            text = "".join(self._everything_recorded(warehouse))
        for server in (self.source_server, self.warehouse_server):
            with server.admin() as admin:
                sessions = admin.execute(
                    "SELECT application_name, query FROM pg_stat_activity"
                    " WHERE application_name LIKE 'entrepot %%'"
                    " AND datname LIKE %s",
                    [f"{self.name}%"],
                ).fetchall()
                assert sessions == []
        work = Path(self.env["WORK_DIR"])
        assert [str(file) for file in work.rglob("*")] == []
        self.assert_no_secret("".join(self.outputs) + text)

    def _everything_recorded(self, warehouse: psycopg.Connection) -> Iterator[str]:
        for table in (
            "runs",
            "steps",
            "items",
            "findings",
            "publications",
            "retired_schemas",
        ):
            for row in warehouse.execute(
                f"SELECT t::text FROM entrepot_ops.{table} AS t"
            ):
                yield row[0]

    def assert_no_secret(self, text: str) -> None:
        """Search a text for the password, in the spellings in which it could leak."""
        for spelling in (
            PASSWORD,
            urllib.parse.quote(PASSWORD, safe=""),
            urllib.parse.quote(PASSWORD),
            PASSWORD.replace("'", "''"),
            PASSWORD.replace('"', '\\"'),
        ):
            assert spelling not in text
