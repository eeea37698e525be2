"""The demo, and Meltano on it: nights of the project itself, for the end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from entrepot_lab.demo import Demo
from entrepot_lab.meltano.copied import copied
from entrepot_lab.sources import elearning

MELTANO = Path(sys.executable).with_name("meltano")


class Night:
    """The demo's servers, and Meltano with their settings.

    Attributes:
        root: The project's folder, which is not the one that holds the tests.
        demo: The servers.
        env: The variables of each call.
        outputs: All that Meltano has printed.
    """

    def __init__(self, folder: Path) -> None:
        self.root = copied(folder / "project")
        self.demo = Demo(folder / "demo")
        self.demo.up(2000)
        self.outputs: list[str] = []
        self.env = {
            **os.environ,
            **self.demo.environment(),
            "DOMAINS": "pix",
            "MELTANO_PROJECT_ROOT": str(self.root),
            "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
            "WORK_DIR": str(folder / "work"),
        }

    @property
    def reader(self) -> str:
        """The URL of an analyst's session."""
        return self.env["DEMO_INTERNAL_READER_URL"]

    def meltano(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run Meltano.

        Args:
            arguments: Its command line.
            variables: Beside the demo's.

        Returns:
            Its exit status and all that it printed.
        """
        done = subprocess.run(
            [MELTANO, "--env-file", str(self.demo.env_file), *arguments],
            cwd=self.root,
            env={**self.env, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.outputs.append(done.stdout + done.stderr)
        return done.returncode, self.outputs[-1]

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start Meltano, at the head of a process group.

        Args:
            arguments: Its command line.
            variables: Beside the demo's.

        Returns:
            The process.
        """
        return subprocess.Popen(
            [MELTANO, "--env-file", str(self.demo.env_file), *arguments],
            cwd=self.root,
            env={**self.env, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def restart(self) -> None:
        """Stop both servers at once, as the machine's reboot does, and start them."""
        for server in (self.demo.source, self.demo.warehouse):
            server.stop("immediate")
            server.start()

    def published(self) -> int:
        """Count the nights that were published."""
        url = self.env["TARGET_DATABASE_URL"]
        query = (
            "SELECT count(*) FROM entrepot_ops.publications WHERE 'pix' = ANY (schemas)"
        )
        return self.ask(query, url)

    def has_previous(self) -> bool:
        """Say whether the night before is still there."""
        query = (
            "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pix%\\_previous%'"
        )
        return self.ask(query) > 0

    def sessions(self) -> int:
        """Count the sessions of pg-replica in the warehouse."""
        with self.demo.warehouse.admin() as admin:
            row = admin.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name LIKE 'entrepot pg-replica%'"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def ask(self, query: str, url: str | None = None) -> int:
        """Ask for one number.

        Args:
            query: SQL.
            url: Of whose session; an analyst's by default.

        Returns:
            The number.
        """
        with psycopg.connect(url or self.reader) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def a_day_passes(self) -> None:
        """Change the source as a day of use does."""
        url = self.env["SOURCE_DATABASE_URL"]
        with psycopg.connect(url, autocommit=True) as connection:
            elearning.next_day(connection)
