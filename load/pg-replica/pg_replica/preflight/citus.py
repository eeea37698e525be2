"""A warehouse of several machines: whether its nodes can be reached, and tables distributed."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from entrepot_core.policy.tables import Policy, TableRule
from entrepot_core.postgres import catalog, citus, queries
from entrepot_core.postgres.identifiers import TableName, literal, quote
from pg_replica.preflight.report import Report

_COLUMNS = queries.read("pg_replica", "distribution_columns")
_CONNECTED = (
    "SELECT nodename::text || ':' || nodeport FROM pg_catalog.pg_dist_node"
    " WHERE isactive AND NOT pg_catalog.citus_check_connection_to_node(nodename, nodeport)"
    " ORDER BY 1"
)
_ROLES = "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = {}"


def check_node(target: psycopg.Connection, report: Report) -> None:
    """Check that the warehouse is no worker of Citus.

    Args:
        target: A session on the warehouse.
        report: Takes what is found.
    """
    if not citus.is_there(target):
        return
    row = target.execute("SELECT pg_catalog.citus_is_coordinator()").fetchone()
    if row == (False,):
        report.problems.append(
            "TARGET_DATABASE_URL is a worker of Citus, where no table can be made: give the "
            "coordinator's address"
        )


def check_distribution(
    resolved: Policy,
    source: psycopg.Connection,
    target: psycopg.Connection,
    reader: str,
    report: Report,
) -> None:
    """Check what the table policy distributes; nothing is asked where it distributes nothing.

    Args:
        resolved: The policy.
        source: A session on the source.
        target: A session on the warehouse.
        reader: The readers' role.
        report: Takes what is found.
    """
    wanted = {
        table: rule
        for table, rule in resolved.rules.items()
        if rule.distribution is not None
    }
    if not wanted:
        return
    report.problems += _column_problems(source, wanted)
    if not citus.is_there(target):
        report.warnings.append(
            f"{len(wanted)} tables have a distribution ({', '.join(map(str, wanted))}), and the "
            "warehouse has no Citus: they are local"
        )
        return
    _check_nodes(target, reader, report)


def _column_problems(
    source: psycopg.Connection, wanted: dict[TableName, TableRule]
) -> Iterator[str]:
    known = catalog.table_columns(source)
    tables, columns = [], []
    for table, rule in wanted.items():
        column = rule.distribution or ""
        if rule.mode != "incremental":
            yield (
                f"table {table}: distribution is {column}, and only tables of mode incremental "
                "can be distributed: leave it out, or set the mode"
            )
        elif column not in known.get(table, []):
            yield f"table {table}: distribution is {column}, and there is no such column"
        elif rule.columns.get(column) == "exclude":
            yield (
                f"table {table}: distribution is {column}, which is left out: pseudonymise it, or "
                "distribute by another column"
            )
        else:
            tables.append(table)
            columns.append(column)
    given = {"tables": [table.sql for table in tables], "columns": columns}
    for place, *facts in source.execute(_COLUMNS, given).fetchall():
        table, column = tables[place - 1], columns[place - 1]
        if why := _refusal(source, table, column, *facts):
            yield f"table {table}: it cannot be distributed by {column}, which {why}"


def _refusal(
    source: psycopg.Connection,
    table: TableName,
    column: str,
    is_nullable: bool,
    is_computed: bool,
    has_hash: bool,
    is_nondeterministic: bool,
    type_name: str,
) -> str | None:
    """Say why Citus takes no such distribution column; None where it does."""
    if is_computed:
        return "is computed from others"
    if not has_hash:
        return f"is of type {type_name}, which has no hash"
    if is_nondeterministic:
        return "has a nondeterministic collation"
    if is_nullable and _has_null(source, table, column):
        return "is NULL in some rows: choose a column that never is"
    return None


def _has_null(source: psycopg.Connection, table: TableName, column: str) -> bool:
    row = source.execute(
        f"SELECT EXISTS (SELECT FROM {table.sql} WHERE {quote(column)} IS NULL)"
    ).fetchone()
    return row == (True,)


def _check_nodes(target: psycopg.Connection, reader: str, report: Report) -> None:
    user = target.info.user
    silent = [row[0] for row in target.execute(_CONNECTED)]
    if silent:
        report.problems.append(
            f"Citus cannot reach {', '.join(silent)} as {user}: the node is down, or refuses the "
            "role; an administrator gives its password to each node in pg_dist_authinfo"
        )
        return
    answers = target.execute(
        "SELECT success, result FROM pg_catalog.run_command_on_all_nodes(%s)",
        [_ROLES.format(literal(reader))],
    ).fetchall()
    if any(success and result == "0" for success, result in answers):
        report.problems.append(
            f"role {reader} does not exist on each node of Citus: an administrator creates it on "
            "the coordinator after the extension, or on each node"
        )
