"""The replica's two roles: what they must be, and the SQL that makes them."""

from __future__ import annotations

import psycopg

from entrepot_core.base.errors import TransientFailure
from entrepot_core.warehouse import roles
from pg_replica.databases import builders
from pg_replica.preflight.report import Report
from pg_replica.settings import Settings

_ROLE = """
SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls,
    ARRAY(
        SELECT g.rolname::text FROM pg_catalog.pg_auth_members AS m
        JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1
    ),
    pg_catalog.pg_has_role(r.oid, 'USAGE') AND pg_catalog.pg_has_role(r.oid, 'MEMBER'),
    pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CREATE')
FROM pg_catalog.pg_roles AS r WHERE r.rolname = %s
"""


def administrators_sql(owner: str, database: str, builder: str, replica: str) -> str:
    """Write what an administrator runs once.

    Args:
        owner: The warehouse's role.
        database: Its name.
        builder: The role that builds.
        replica: The role that owns the replica.

    Returns:
        Statements, in one line.
    """
    statements = [
        roles.create(builder, "…"),
        roles.create(replica, "…"),
        roles.let_become(owner, [builder, replica]),
        roles.let_connect(database, [builder, replica]),
    ]
    return " ".join(f"{statement};" for statement in statements)


def check_roles(
    settings: Settings, session: psycopg.Connection, report: Report
) -> None:
    """Check that the two roles can do their work and nothing else.

    Args:
        settings: With their names and passwords.
        session: A session of the warehouse's owner.
        report: Takes what is found.
    """
    user, database = session.info.user, session.info.dbname
    if not (settings.build_role and settings.replica_role):
        report.notes.append(
            "the replica has no roles of its own: a source whose CHECKs, indexes, generated "
            "columns or materialized views call its own functions is refused. To give it two, "
            "have an administrator run: "
            + administrators_sql(
                user, database, f"{user}_build", f"{settings.replica_schema}_owner"
            )
            + " and set BUILD_ROLE, BUILD_ROLE_PASSWORD, REPLICA_ROLE, REPLICA_ROLE_PASSWORD"
        )
        return
    sql = administrators_sql(user, database, settings.build_role, settings.replica_role)
    problems = []
    for role in (settings.build_role, settings.replica_role):
        problems += _problems(session, role, user)
    if not problems:
        try:
            for login in builders(settings):
                login.connect(purpose="check").close()
        except TransientFailure as failure:
            problems.append(str(failure))
    report.problems += [
        f"{problem}; an administrator runs: {sql}" for problem in problems
    ]
    if not problems:
        report.notes.append(
            f"the source's code runs as {settings.build_role}, then as {settings.replica_role}"
        )


def _problems(session: psycopg.Connection, role: str, user: str) -> list[str]:
    row = session.execute(_ROLE, [role]).fetchone()
    if row is None:
        return [f"there is no role {role}"]
    may_too_much, memberships, is_ours, may_create = row
    problems = []
    if may_too_much:
        problems.append(f"role {role} has rights of an administrator")
    if memberships:
        problems.append(
            f"role {role} is a member of {', '.join(memberships)}: the source's code could become "
            "that role"
        )
    if may_create:
        problems.append(f"role {role} may create schemas in the warehouse")
    if not is_ours or role == user:
        problems.append(
            f"role {user} is not a member of role {role} that has its rights (GRANT, INHERIT, SET)"
        )
    return problems
