"""What the warehouse must allow, and what its landing may hold."""

from __future__ import annotations

import psycopg

from entrepot_core.base.errors import Refused
from entrepot_core.postgres.identifiers import PUBLIC, TableName
from entrepot_core.postgres.server import role_exists
from entrepot_core.warehouse import migrate
from entrepot_core.warehouse.schemas import Naming
from pg_replica.databases import OLDEST_WAREHOUSE
from pg_replica.preflight.citus import check_node
from pg_replica.preflight.common import MANY, check_version
from pg_replica.preflight.report import Report
from pg_replica.preflight.roles import check_roles
from pg_replica.settings import Settings
from pg_replica.warehouse import made_schemas, objects
from pg_replica.warehouse.retired import retired_schemas

CLOSE_PUBLIC = (
    "everybody who may connect has rights on the landing, and only its owner can take them away: "
    "have an administrator run REVOKE ALL ON SCHEMA public FROM PUBLIC; or make the warehouse's "
    "role its owner (ALTER SCHEMA public OWNER TO …)"
)

_MADE_SCHEMAS = 7  # the version of entrepot_ops that knows schemas by their OIDs


def check_warehouse(
    settings: Settings, session: psycopg.Connection, report: Report
) -> None:
    """Check the warehouse's version, the owner's rights, the landing and the readers' role.

    Args:
        settings: For the readers' role.
        session: A session on the warehouse.
        report: Takes what is found.
    """
    check_version(session, "warehouse", OLDEST_WAREHOUSE, report)
    check_node(session, report)
    row = session.execute(
        "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),"
        " pg_catalog.has_schema_privilege('public', 'CREATE'), r.rolsuper, current_user::text,"
        " pg_catalog.current_database()::text FROM pg_catalog.pg_roles AS r"
        " WHERE r.rolname = current_user"
    ).fetchone()
    assert row is not None
    may_create, may_land, is_superuser, user, database = row
    if not may_create:
        report.problems.append(
            f"role {user} may not create schemas in database {database}: "
            f'make it the owner (ALTER DATABASE "{database}" OWNER TO "{user}")'
        )
    if not may_land:
        report.problems.append(
            f"role {user} may not create tables in schema public of database {database}: "
            f'make it the database\'s owner, or GRANT CREATE ON SCHEMA public TO "{user}"'
        )
    check_roles(settings, session, report)
    if is_superuser:
        report.warnings.append(
            f"role {user} is a superuser of the warehouse; an ordinary role that owns the "
            "database is enough, and can break less"
        )
    _check_tables(session, report)
    _weigh_previous(settings, session, report)
    _check_landing(session, report, settings.build_role)
    _check_public(session, report)
    naming = Naming(settings.replica_schema)
    report.problems += made_schemas.collisions(session, naming, [PUBLIC])
    if not role_exists(session, settings.internal_reader):
        report.warnings.append(
            f"there is no role {settings.internal_reader}: nobody is granted the right to read; "
            "create it, or name the readers' role in INTERNAL_READER"
        )


def _check_tables(session: psycopg.Connection, report: Report) -> None:
    newest = len(migrate.migrations())
    try:
        if migrate.is_made(session) and (found := migrate.version(session)) < newest:
            report.notes.append(
                f"schema {migrate.SCHEMA} has version {found}: the next run brings it to {newest}"
            )
    except Refused as refusal:
        report.problems += refusal.problems


def _weigh_previous(
    settings: Settings, session: psycopg.Connection, report: Report
) -> None:
    """Say what earlier nights take on the warehouse's disk."""
    if not migrate.is_made(session) or migrate.version(session) < _MADE_SCHEMAS:
        return
    schemas = retired_schemas(session, settings.replica_schema)
    row = session.execute(
        "SELECT coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint"
        " FROM pg_catalog.pg_class AS c WHERE c.relkind IN ('r', 'm')"
        " AND c.relnamespace = ANY (SELECT oid FROM pg_catalog.pg_namespace"
        " WHERE nspname = ANY (%s))",
        [schemas],
    ).fetchone()
    if schemas and row:
        report.notes.append(
            f"earlier nights take {row[0] / 1e9:.2f} GB ({', '.join(schemas)}): the next night "
            f"keeps {settings.keep_previous} (KEEP_PREVIOUS), drop-previous none"
        )


def _check_landing(
    session: psycopg.Connection, report: Report, builder: str | None
) -> None:
    """Accept what our own unfinished runs left, and nothing else."""
    found = objects.list_objects(session, [PUBLIC])
    if not found:
        return
    user = session.info.user
    is_ours = objects.in_landing(_names_of_unclean_run(session), builder)
    theirs = [
        item
        for item in found
        if item.owner not in ("", user, builder) or not is_ours(item)
    ]
    if not theirs and _has_unclean_run(session):
        report.notes.append(
            "the landing holds what an unfinished run left: it will be emptied"
        )
        return
    listed = ", ".join(str(item) for item in (theirs or found)[:MANY])
    report.problems.append(
        f"schema public, the landing, holds {len(theirs or found)} objects that no run of ours "
        f"left ({listed}): move them to another schema, or drop them"
    )


def _names_of_unclean_run(session: psycopg.Connection) -> set[str]:
    """List what an unfinished run makes in the landing; empty for one of an older release."""
    row = session.execute(
        "SELECT to_regclass('entrepot_ops.landing_objects')"
    ).fetchone()
    if row is None or row[0] is None:
        return set()
    query = "SELECT object_name FROM entrepot_ops.landing_objects"
    return {row[0] for row in session.execute(query)}


def _check_public(session: psycopg.Connection, report: Report) -> None:
    """A night takes PUBLIC's rights on the landing away, if its role may."""
    row = session.execute(
        "SELECT pg_catalog.pg_has_role(n.nspowner, 'USAGE') OR NOT EXISTS ("
        " SELECT FROM pg_catalog.aclexplode("
        " coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a WHERE a.grantee = 0)"
        " FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'public'"
    ).fetchone()
    if row == (False,):
        report.warnings.append(f"schema public: {CLOSE_PUBLIC}")


def _has_unclean_run(session: psycopg.Connection) -> bool:
    row = session.execute("SELECT to_regclass('entrepot_ops.runs')").fetchone()
    if row is None or row[0] is None:
        return False
    query = "SELECT true FROM entrepot_ops.runs WHERE landing <> '{}' LIMIT 1"
    return session.execute(query).fetchone() is not None


def live_columns(
    session: psycopg.Connection, replica: str
) -> dict[TableName, set[str]]:
    """Read which columns the live night has, those of views with them.

    Args:
        session: A session on the warehouse.
        replica: The replica's schema.

    Returns:
        The columns by relation of the replica's schemas.
    """
    rows = session.execute(
        "SELECT n.nspname, c.relname, pg_catalog.array_agg(a.attname::text)"
        " FROM pg_catalog.pg_class AS c"
        " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
        " JOIN pg_catalog.pg_attribute AS a"
        " ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm')"
        " AND (n.nspname = %(replica)s"
        " OR pg_catalog.starts_with(n.nspname, %(replica)s || '_')) GROUP BY 1, 2",
        {"replica": replica},
    ).fetchall()
    return {TableName(schema, name): set(columns) for schema, name, columns in rows}
