"""Many invented schemas in one source, whose nights are compared all at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
from hypothesis import HealthCheck, Phase, given, seed, settings

from entrepot_lab.invented import history
from entrepot_lab.invented.compare import differences
from entrepot_lab.invented.draws import Chance, examples
from entrepot_lab.invented.schema import Schema
from entrepot_lab.postgres.cluster import embedded_binaries
from entrepot_lab.postgres.warehouse import Lab

WAYS = ("live", "custom", "plain")
_NEXT = "\n-- next statement\n"
_NEXT_DAY = "\n-- the next day\n"


class Batch:
    """Invented schemas and their nights.

    Attributes:
        schemas: The schemas, `gen0` and on.
    """

    def __init__(self, lab: Lab, first_seed: int) -> None:
        """Make nothing yet.

        Args:
            lab: Its source takes the schemas.
            first_seed: Decides everything.
        """
        self._lab = lab
        self._seed = first_seed
        self._source = lab.source()
        self._source.execute("SET search_path = ''; SET check_function_bodies = off")
        self._source.execute("SET lc_monetary = 'C'; SET client_min_messages = error")
        self.schemas: list[Schema] = []
        self._found: dict[str, list[list[str]]] = {}

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def invent(self, count: int) -> None:
        """Make schemas.

        Args:
            count: How many.
        """

        @seed(self._seed)
        @settings(
            max_examples=count,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(examples)
        def make(example: tuple[int, list[str], list[str]]) -> None:
            name = f"gen{len(self.schemas)}"
            self.schemas.append(Schema(name, self._source, Chance(example)))
            history.create(self.schemas[-1])

        make()

    def take(self, folder: Path) -> None:
        """Make the schemas that once failed.

        Args:
            folder: Their files; each makes the schema that its first statement names.
        """
        for file in sorted(folder.glob("*.sql")):
            later = days(file.read_text())
            name = later[0][0].split()[-1]
            self._found[name] = later
            self._tell(later.pop(0))

    def next_day(self) -> None:
        """Change all of them."""
        for each in self.schemas:
            each.statements.append(_NEXT_DAY)
            history.next_day(each)
        for later in self._found.values():
            self._tell(later.pop(0) if later else [])

    def _tell(self, statements: list[str]) -> None:
        for statement in statements:
            self._source.execute(statement.encode())

    def night(self, way: str) -> list[str]:
        """Replicate, and say what differs.

        Args:
            way: One of `WAYS`.

        Returns:
            The differences, each with its schema; or the night's own words, if it failed.
        """
        variables = {}
        if way != "live":
            path = dump(self._lab, way)
            variables = {"SOURCE_DATABASE_URL": "", "DUMP_PATH": str(path)}
        status, output = self._lab.run("run", **variables)
        if status:
            return [f"{way}: the night ended with {status}: {output[-3000:]}"]
        with _everything(self._lab, "source") as there:
            with _everything(self._lab, "warehouse") as here:
                return [
                    f"{way}: {name}: {line}"
                    for name in [*(each.name for each in self.schemas), *self._found]
                    for line in differences(there, here, name)
                ]

    def keep(self, folder: Path) -> list[Path]:
        """Write the statements of each schema, to be tried again by themselves.

        Args:
            folder: Where.

        Returns:
            The files.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for each in self.schemas:
            files.append(folder / f"{self._seed}-{each.name}.sql")
            files[-1].write_text(_NEXT.join(each.statements))
        return files


def days(text: str) -> list[list[str]]:
    """Read an example that was kept.

    Args:
        text: The file's.

    Returns:
        The statements of each day.
    """
    return [
        [each for each in day.split(_NEXT) if each.strip()]
        for day in text.split(_NEXT_DAY)
    ]


def dump(lab: Lab, way: str) -> Path:
    """Dump the source.

    Args:
        lab: Whose.
        way: `custom` or `plain`.

    Returns:
        The dump.
    """
    path = lab.folder / f"{way}.dump"
    command = [embedded_binaries() / "pg_dump", f"--format={way}", "-f", path]
    subprocess.run(
        [*map(str, command), lab.source_url()], check=True, capture_output=True
    )
    return path


def _everything(lab: Lab, kind: str) -> psycopg.Connection:
    server = lab.source_server if kind == "source" else lab.warehouse_server
    return server.admin(f"{lab.name}_{kind}")
