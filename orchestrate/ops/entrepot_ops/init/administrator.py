"""What an administrator of the warehouse runs once: the roles of the trust boundary, extensions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

from entrepot_core.postgres import catalog
from entrepot_core.postgres.identifiers import quote
from entrepot_core.postgres.server import role_exists
from entrepot_core.warehouse import roles

_IS_EMPTY = (
    "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    f" WHERE {catalog.USER_SCHEMAS}"
    f" AND {catalog.NOT_AN_EXTENSIONS.format(classid='pg_catalog.pg_class', oid='c.oid')})"
)
_OWNER = (
    "SELECT pg_catalog.pg_get_userbyid(datdba)::text, EXISTS ("
    " SELECT FROM pg_catalog.aclexplode("
    " coalesce(datacl, pg_catalog.acldefault('d', datdba))) WHERE grantee = 0)"
    " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
)
_LANDING_OWNER = (
    "SELECT pg_catalog.pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace"
    " WHERE nspname = 'public'"
)
_MAY_BECOME = (
    "SELECT pg_catalog.pg_has_role(%(owner)s, %(role)s, 'USAGE')"
    " AND pg_catalog.pg_has_role(%(owner)s, %(role)s, 'MEMBER')"
)
_MAY_CONNECT = (
    "SELECT pg_catalog.has_database_privilege(%s, pg_catalog.current_database(),"
    " 'CONNECT')"
)
# Whether a version of it may be made without a superuser, and whether it chooses its own schema.
_AVAILABLE = (
    "SELECT name::text, bool_or(trusted OR NOT superuser), bool_or(schema IS NOT NULL)"
    " FROM pg_catalog.pg_available_extension_versions WHERE name = ANY (%s) GROUP BY 1"
)
_INSTALLED = "SELECT extname::text FROM pg_catalog.pg_extension"
# A right that is missing, or what a statement before this one would have made.
_NOT_OURS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedObject,
    psycopg.errors.FeatureNotSupported,
)


@dataclass(frozen=True)
class Login:
    """A role that may log in.

    Attributes:
        name: Its name.
        password: Its password; None where it gets none from us.
    """

    name: str
    password: str | None = None


@dataclass(frozen=True)
class Wanted:
    """What the warehouse should have.

    Attributes:
        owner: The role that runs nights.
        replica: The role that builds the replica, and the one that owns it.
        readers: Those who read.
        extensions: Extensions of the source.
    """

    owner: Login
    replica: tuple[Login, Login]
    readers: tuple[Login, ...]
    extensions: tuple[str, ...]


def statements(session: psycopg.Connection, wanted: Wanted) -> list[str]:
    """Write what is still to be done.

    Args:
        session: A session on the warehouse, of whomever.
        wanted: What it should have.

    Returns:
        Statements in their order; none where all is done. Passwords are in them as the server
        stores them, by which nobody logs in.
    """
    logins = (wanted.owner, *wanted.readers, *wanted.replica)
    found = [
        roles.create(login.name, _stored(session, login))
        for login in logins
        if not role_exists(session, login.name)
    ]
    owner = wanted.owner.name
    apart = [
        login.name
        for login in wanted.replica
        if not has_rights_of(session, owner, login.name)
    ]
    if apart:
        found.append(roles.let_become(owner, apart))
    found += _of_database(session, wanted)
    return found + _extensions(session, wanted.extensions)


def _of_database(session: psycopg.Connection, wanted: Wanted) -> list[str]:
    """Write what makes the database the owner's, and closes it to everybody else."""
    database, owner = session.info.dbname, wanted.owner.name
    row = session.execute(_OWNER).fetchone()
    assert row is not None
    found = []
    if not has_rights_of(session, owner, row[0]):
        found.append(f"ALTER DATABASE {quote(database)} OWNER TO {quote(owner)}")
    closes = bool(row[1]) and is_empty(session)  # somebody else may use one that is not
    if closes:
        found.append(f"REVOKE ALL ON DATABASE {quote(database)} FROM PUBLIC")
    others = [login.name for login in (*wanted.readers, *wanted.replica)]
    shut_out = [
        name
        for name in others
        if closes
        or not role_exists(session, name)
        or not _first(session, _MAY_CONNECT, [name])
    ]
    if shut_out:
        found.append(roles.let_connect(database, shut_out))
    landing = str(_first(session, _LANDING_OWNER, []))
    is_ours = landing == "pg_database_owner"
    if not is_ours and not has_rights_of(session, owner, landing):
        found.append(f"ALTER SCHEMA public OWNER TO {quote(owner)}")
    return found


def _extensions(session: psycopg.Connection, wanted: Iterable[str]) -> list[str]:
    """Write what makes the extensions that a night may not make itself."""
    installed = {name for (name,) in session.execute(_INSTALLED)}
    missing = [name for name in wanted if name not in installed]
    return [
        f"CREATE EXTENSION IF NOT EXISTS {quote(name)}"
        f"{'' if has_its_own else ' SCHEMA public'} CASCADE"
        for name, is_ordinary, has_its_own in session.execute(_AVAILABLE, [missing])
        if not is_ordinary
    ]


def out_of_reach(session: psycopg.Connection, wanted: Iterable[str]) -> list[str]:
    """List extensions that the warehouse has not, and that a night cannot make.

    Args:
        session: A session on the warehouse.
        wanted: Extensions of the source.

    Returns:
        Their names.
    """
    names = list(wanted)
    installed = {name for (name,) in session.execute(_INSTALLED)}
    ordinary = {
        name
        for name, is_ordinary, _ in session.execute(_AVAILABLE, [names])
        if is_ordinary
    }
    return [name for name in names if name not in installed | ordinary]


def run(session: psycopg.Connection, given: Iterable[str]) -> list[str]:
    """Run what the session's role may.

    Args:
        session: A session on the warehouse, in autocommit.
        given: Statements.

    Returns:
        Those that it may not run, for an administrator.
    """
    left = []
    for statement in given:
        try:
            session.execute(statement.encode())
        except _NOT_OURS:
            left.append(statement)
    return left


def is_empty(session: psycopg.Connection) -> bool:
    """Say whether a database holds no table, view or sequence.

    Args:
        session: A session there.

    Returns:
        Whether it is so.
    """
    return bool(_first(session, _IS_EMPTY, []))


def has_rights_of(session: psycopg.Connection, role: str, other: str) -> bool:
    """Say whether a role has the rights of another.

    Args:
        session: A session on the warehouse.
        role: A role.
        other: Another.

    Returns:
        Whether it has; not, where one is missing.
    """
    if role == other:
        return True
    if not (role_exists(session, role) and role_exists(session, other)):
        return False
    return bool(_first(session, _MAY_BECOME, {"owner": role, "role": other}))


def _stored(session: psycopg.Connection, login: Login) -> str | None:
    if login.password is None:
        return None
    encrypted = session.pgconn.encrypt_password(
        login.password.encode(), login.name.encode(), b"scram-sha-256"
    )
    return encrypted.decode()


def _first(
    session: psycopg.Connection, query: str, parameters: list[str] | dict[str, str]
) -> object:
    row = session.execute(query, parameters).fetchone()
    return row[0] if row else None
