"""The source's extensions, and what becomes of what needs one that the warehouse cannot have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres import queries
from entrepot_core.postgres.identifiers import PUBLIC, TableName, quote
from pg_replica.dump.without import NOTHING, Lacking
from pg_replica.preflight.common import MANY
from pg_replica.preflight.report import Report

_EXTENSIONS = """
SELECT e.extname::text, n.nspname::text, e.extversion::text, e.extrelocatable
FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql' ORDER BY 1
"""
_AVAILABLE = """
SELECT v.name::text, bool_or(v.trusted OR NOT v.superuser), bool_or(v.schema IS NOT NULL)
FROM pg_catalog.pg_available_extension_versions AS v GROUP BY 1
"""
_DEPENDENTS = queries.read("pg_replica", "extension_dependents").replace("%%", "%")
_CONFIGURATION = """
SELECT e.extname::text, x.relation::pg_catalog.regclass::text, x.condition
FROM pg_catalog.pg_extension AS e
CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) AS x (relation, condition)
JOIN pg_catalog.pg_class AS c ON c.oid = x.relation AND c.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE CASE WHEN pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    THEN pg_catalog.has_table_privilege(c.oid, 'SELECT') END
ORDER BY 1, 2
"""
_RULES = "give these columns a rule in the table policy, `text` (their values as text) or `exclude`"
_NEED_A_CHOICE = ("column", "generated")


@dataclass(frozen=True)
class Dependent:
    """What needs an extension.

    Attributes:
        kind: `column` (of its type), `generated` (computed with it), `default`, `check`, `index`,
            or `other`.
        described: As PostgreSQL describes it.
        table: Its table; None for what is on none.
        name: Its name there.
    """

    kind: str
    described: str
    table: TableName | None
    name: str | None


def check(
    source: psycopg.Connection, target: psycopg.Connection, report: Report
) -> None:
    """Check that what needs the source's extensions can be in the warehouse.

    Args:
        source: A session on the source.
        target: A session on the warehouse.
        report: With the policy; takes what is found, and what is left out.
    """
    found = source.execute(_EXTENSIONS).fetchall()
    if not found:
        return
    assert report.policy_text is not None
    policy = report.policy_text.resolve(dict.fromkeys(_tables(source)))
    dependents = _dependents(source, policy)
    installed = {name: rest for name, *rest in target.execute(_EXTENSIONS)}
    available = {name: rest for name, *rest in target.execute(_AVAILABLE)}
    for name, schema, version, _ in found:
        needing = dependents[name]
        if f"EXTENSION {name}" in policy.tolerated:
            continue
        if name in installed:
            _compare(name, schema, version, installed[name], needing, report)
        elif name not in available:
            why = (
                f"extension {name} of the source is not available on the warehouse's server",
                "install its package there",
            )
            _go_without(name, why, needing, policy, report)
        elif not available[name][0]:
            command = _command(name, schema, has_schema=available[name][1])
            why = (
                f"extension {name} needs a superuser to create it on the warehouse",
                f"have one run {command}, once",
            )
            _go_without(name, why, needing, policy, report)
    _check_configuration(source, report)


def _tables(source: psycopg.Connection) -> Iterable[TableName]:
    rows = source.execute(
        "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p')"
    )
    return [TableName(*row) for row in rows]


def _dependents(
    source: psycopg.Connection, policy: Policy
) -> dict[str, list[Dependent]]:
    """Find what needs each extension; what is on tables that stay out needs none."""
    found = defaultdict(list)
    for extension, kind, described, schema, table, name in source.execute(_DEPENDENTS):
        on = TableName(schema, table) if table else None
        if on is None or policy.rule(on).mode == "full":
            found[extension].append(Dependent(kind, described, on, name))
    return found


def _command(name: str, schema: str, *, has_schema: bool) -> str:
    if has_schema:
        return f"CREATE EXTENSION {quote(name)}"
    made = "" if schema == PUBLIC else f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}; "
    plain = name if name.isidentifier() else quote(name)
    where = schema if schema.isidentifier() else quote(schema)
    return f"{made}CREATE EXTENSION {plain} SCHEMA {where}"


def _compare(
    name: str,
    schema: str,
    version: str,
    here: list[str],
    needing: list[Dependent],
    report: Report,
) -> None:
    """Compare an extension that both have."""
    if not needing:
        return
    there, version_here, relocatable = here
    if there != schema:
        how = (
            f"ALTER EXTENSION {quote(name)} SET SCHEMA {quote(schema)}"
            if relocatable
            else f"DROP EXTENSION {quote(name)} and CREATE EXTENSION {quote(name)} SCHEMA "
            f"{quote(schema)}"
        )
        report.problems.append(
            f"extension {name} is in schema {schema!r} of the source and in schema {there!r} of "
            f"the warehouse, and {_listed(needing)} need it: have its owner run {how} on the "
            "warehouse"
        )
    if version_here != version:
        report.warnings.append(
            f"extension {name} has version {version} on the source and {version_here} on the "
            f"warehouse; {_listed(needing)} need it: ALTER EXTENSION {quote(name)} UPDATE on the "
            "older side where they differ"
        )


def _go_without(
    name: str,
    why: tuple[str, str],
    needing: list[Dependent],
    policy: Policy,
    report: Report,
) -> None:
    """Say what is lost without an extension; ask where rows would be."""
    reason, remedy = why
    open_ones = [
        each
        for each in needing
        if each.kind == "other"
        or (each.kind in _NEED_A_CHOICE and _choice(each, policy) is None)
    ]
    if open_ones:
        columns = [each for each in open_ones if each.kind in _NEED_A_CHOICE]
        choices = [_RULES] * bool(columns)
        choices += [
            f"add 'EXTENSION {name}' to tolerated_items: what needs it is then left out"
        ] * (len(columns) < len(open_ones))
        report.problems.append(
            f"{reason}, and {_listed(open_ones)} need it: {remedy}; or {', and '.join(choices)}"
        )
        return
    report.left_out.append(f"EXTENSION {name}")
    for each in needing:
        if each.table is not None and each.name is not None:
            before = report.lacking.get(each.table, NOTHING)
            report.lacking[each.table] = before | _lacking(each)
    lost = [each for each in needing if _choice(each, policy) is None]
    if lost:
        report.warnings.append(
            f"{reason}: left out is what needs it, and rows do not ({_listed(lost)}); or {remedy}"
        )
    elif needing:
        report.notes.append(f"{reason}; its columns arrive as the policy says")
    else:
        report.notes.append(f"{reason}; nothing that is replicated needs it")


def _choice(each: Dependent, policy: Policy) -> str | None:
    rule = policy.rule(each.table).columns.get(each.name or "") if each.table else None
    return rule if rule in ("text", "exclude") else None


def _lacking(each: Dependent) -> Lacking:
    """Say what the table goes without for one thing that needs an extension."""
    names = frozenset({each.name or ""})
    if each.kind in _NEED_A_CHOICE:
        return Lacking(text=names)
    if each.kind == "default":
        return Lacking(bare=names)
    return Lacking(constraints=names) if each.kind == "check" else NOTHING


def _listed(needing: list[Dependent]) -> str:
    """Name what needs an extension, columns first."""
    described = dict.fromkeys(
        each.described
        for each in sorted(needing, key=lambda one: one.kind not in _NEED_A_CHOICE)
    )
    shown = list(described)[:MANY]
    more = len(described) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _check_configuration(source: psycopg.Connection, report: Report) -> None:
    """Name the rows that somebody has put into tables of extensions: they stay behind."""
    for name, table, condition in source.execute(_CONFIGURATION).fetchall():
        # The extension's own text, which says which rows are not its own.
        row = source.execute(
            f"SELECT count(*) FROM {table} {condition}".encode()
        ).fetchone()
        if row and row[0]:
            report.warnings.append(
                f"{row[0]} rows of {table} on the source are not extension {name}'s own, and stay "
                "behind: bring them by hand, once, if what is replicated needs them"
            )
