"""What the source holds, said on one screen, and what of it a night leaves out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import psycopg

from entrepot_core.postgres import catalog, queries
from entrepot_core.warehouse.schemas import Naming

_MANY = 5  # names that a line lists
_LEFT_OUT = ("foreign tables", "large objects", "publications", "event triggers")
_INDEX_BYTES = (
    "SELECT coalesce(sum(pg_catalog.pg_indexes_size(c.oid)), 0)::bigint"
    " FROM pg_catalog.pg_class AS c"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    f" WHERE c.relkind = 'r' AND {catalog.USER_SCHEMAS}"
)
_EXTENSIONS = (
    "SELECT extname::text FROM pg_catalog.pg_extension"
    " WHERE extname <> 'plpgsql' ORDER BY 1"
)
_SCHEMAS = f"SELECT n.nspname::text FROM pg_catalog.pg_namespace AS n WHERE {catalog.USER_SCHEMAS}"
_UNIT = 1000.0
_LONGEST = 30  # characters of a proposed name: with a schema of the source and _previous it fits
_NOBODYS = "\0"  # no schema is called so: what collides with it does with every name
# Names that say nothing of what a database holds.
_USUAL = frozenset(
    {"", "postgres", "defaultdb", "public", "warehouse", "template1", "db"}
)


@dataclass(frozen=True)
class Findings:
    """What the source holds.

    Attributes:
        version: The server's, as it says it.
        tables: Those that hold rows, the biggest first.
        counts: How many objects there are, by kind.
        by_schema: How many tables each schema has.
        schemas: All of its own.
        extensions: Their names, without plpgsql.
        index_bytes: Size of all indexes.
    """

    version: str
    tables: list[catalog.Table]
    counts: Counter[str]
    by_schema: Counter[str]
    schemas: list[str]
    extensions: list[str]
    index_bytes: int
    unreadable: list[str] = field(default_factory=list)

    @property
    def row_bytes(self) -> int:
        """Size of all rows."""
        return sum(table.size for table in self.tables)


def read(session: psycopg.Connection) -> Findings:
    """Read what the source holds.

    Args:
        session: A session there.

    Returns:
        What was found.
    """
    counts: Counter[str] = Counter()
    by_schema: Counter[str] = Counter()
    for kind, place, number in session.execute(
        queries.read("entrepot_ops", "found_in_source")
    ):
        counts[kind] += number
        if kind == "tables":
            by_schema[place] = number
    tables = catalog.tables(session)
    row = session.execute(_INDEX_BYTES).fetchone()
    version = session.info.server_version
    return Findings(
        version=f"PostgreSQL {version // 10000}.{version % 10000}",
        tables=tables,
        counts=counts,
        by_schema=by_schema,
        schemas=[name for (name,) in session.execute(_SCHEMAS)],
        extensions=[name for (name,) in session.execute(_EXTENSIONS)],
        index_bytes=row[0] if row else 0,
        unreadable=[str(t.name) for t in tables if not t.readable or t.row_security],
    )


def lines(found: Findings) -> list[tuple[str, str]]:
    """Say what was found.

    Args:
        found: By `read`.

    Returns:
        Pairs of a subject and a sentence.
    """
    others = ", ".join(
        f"{found.counts[kind]} {kind}"
        for kind in ("views", "materialized views", "functions")
        if found.counts[kind]
    )
    said = [("holds", _tables(found) + (f"; {others}" if others else ""))]
    if found.tables:
        biggest = found.tables[:3]
        named = ", ".join(f"{table.name} {size(table.size)}" for table in biggest)
        said.append(
            (
                "size",
                f"{size(found.row_bytes)} of rows, {size(found.index_bytes)} of indexes; {named}",
            )
        )
    if found.extensions:
        said.append(("extensions", _some(found.extensions)))
    left_out = [
        f"{found.counts[kind]} {kind}" for kind in _LEFT_OUT if found.counts[kind]
    ]
    if left_out:
        said.append(("stays there", ", ".join(left_out) + ": a night brings none"))
    if found.unreadable:
        said.append(
            (
                "no right",
                (
                    f"rows of {len(found.unreadable)} tables are not shown to this role "
                    f"({_some(found.unreadable)}): GRANT SELECT, or BYPASSRLS where row security "
                    "hides them; or give them mode none in the policy"
                ),
            )
        )
    return said


def _tables(found: Findings) -> str:
    number = sum(found.by_schema.values())
    if not number:
        return "no table yet"
    parts = [f"{name} {count}" for name, count in found.by_schema.most_common()]
    noun = "table" if number == 1 else "tables"
    if len(parts) == 1:
        return f"{number} {noun} in schema {next(iter(found.by_schema))}"
    return f"{number} {noun} in {len(parts)} schemas ({_some(parts)})"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more


def size(number: float) -> str:
    """Write a size for people.

    Args:
        number: Bytes.

    Returns:
        Such as `1.2 GB`.
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < _UNIT:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= _UNIT
    return f"{number:.1f} TB"


def replica_schema(database: str, found: Findings, taken: set[str]) -> str:
    """Propose the schema in which readers will find the replica.

    Args:
        database: The source's name.
        found: What it holds.
        taken: Schemas of the warehouse.

    Returns:
        A name like the database's that collides with nothing.
    """
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in database.lower())
    plain = plain.strip("_")[:_LONGEST]
    is_telling = plain not in _USUAL and plain[:1].isalpha()
    first = plain if is_telling and not plain.startswith("pg_") else "replica"
    always = len(Naming(_NOBODYS).problems(found.schemas))
    for name in (first, *(f"{first}_{place}" for place in range(2, 100))):
        is_reserved = bool(Naming(_NOBODYS).problems([name]))
        collides = len(Naming(name).problems(found.schemas)) > always
        if name not in taken and not is_reserved and not collides:
            return name
    return first
