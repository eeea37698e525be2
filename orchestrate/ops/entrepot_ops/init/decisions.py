"""What `init` decides where nobody has: names of roles and schemas, passwords."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict

from entrepot_core.base.errors import Refused, ReplicaError
from entrepot_core.postgres.connection import Database
from entrepot_core.postgres.server import role_exists
from entrepot_ops.init import administrator, findings
from entrepot_ops.init.administrator import Login, Wanted
from entrepot_ops.init.env_file import EnvFile, as_other
from entrepot_ops.init.findings import Findings
from entrepot_ops.init.places import Places

_PASSWORD_BYTES = 24
_OWNER = "entrepot"
_DEFAULT_REPLICA = "pix"  # what REPLICA_SCHEMA is where nothing says it
_TRIES = 100
_ROLES = ("BUILD_ROLE", "BUILD_ROLE_PASSWORD", "REPLICA_ROLE", "REPLICA_ROLE_PASSWORD")
_PUBLISHED = "SELECT schemas[1]::text FROM entrepot_ops.publications ORDER BY run_id DESC LIMIT 1"
_SCHEMAS = "SELECT nspname::text FROM pg_catalog.pg_namespace"


@dataclass
class Decided:
    """What is to be written, and what is to be run.

    Attributes:
        values: The variables of `.env`.
        roles: Those of the replica's roles: of use once the roles are there.
        wanted: What the warehouse should have.
        notes: What the reader should know, one sentence each.
    """

    values: dict[str, str]
    roles: dict[str, str]
    wanted: Wanted
    notes: list[str] = field(default_factory=list)


def decide(places: Places, env: EnvFile, found: Findings | None) -> Decided:
    """Decide what nobody has decided yet.

    Args:
        places: Both databases.
        env: What is decided.
        found: What the source holds; None for a dump.

    Returns:
        The decisions.

    Raises:
        Refused: If the warehouse belongs to a role whose address must be given.
    """
    known = {**os.environ, **env.values}
    session = places.warehouse
    owner, url = _owner(places, known)
    given = {name: known[name] for name in _ROLES if known.get(name)}
    waiting = {name: value for name, value in env.waiting().items() if name in _ROLES}
    roles = given or waiting or _new_roles(session, owner.name)
    values = {"SOURCE_DATABASE_URL": places.source_url} if places.source_url else {}
    values |= {
        "TARGET_DATABASE_URL": url,
        "REPLICA_SCHEMA": _replica_schema(places, found),
        "DOMAINS": "",
        "PSEUDONYM_SECRET": secrets.token_urlsafe(_PASSWORD_BYTES),
    }
    values = {name: value for name, value in values.items() if not _is_set(name, env)}
    readers = (
        Login(known.get("INTERNAL_READER") or "internal_reader"),
        Login(known.get("EXTERNAL_READER") or "external_reader"),
    )
    replica = (
        Login(roles.get("BUILD_ROLE", ""), roles.get("BUILD_ROLE_PASSWORD")),
        Login(roles.get("REPLICA_ROLE", ""), roles.get("REPLICA_ROLE_PASSWORD")),
    )
    extensions = tuple(found.extensions) if found else ()
    return Decided(
        values,
        {} if given else roles,
        Wanted(owner, replica, readers, extensions),
    )


def _is_set(name: str, env: EnvFile) -> bool:
    """Say whether a variable is decided: in the file, or for good in this place's environment."""
    is_url = name.endswith("_DATABASE_URL")
    return name in env.values or (not is_url and bool(os.environ.get(name)))


def _owner(places: Places, known: Mapping[str, str]) -> tuple[Login, str]:
    """Choose the role of nights: that of the address, unless it is an administrator's."""
    session = places.warehouse
    decided = known.get("TARGET_DATABASE_URL")
    if decided and decided != places.warehouse_url:
        return Login(str(conninfo_to_dict(decided).get("user"))), decided
    if not places.is_superuser:
        return Login(session.info.user), places.warehouse_url
    if not administrator.is_empty(session):
        raise Refused(
            [
                (
                    f"role {session.info.user} is a superuser, and no night runs as one; database "
                    f"{session.info.dbname} is in use: give an empty one, for which `init` makes "
                    "a role, or the address with the role that owns this one"
                )
            ]
        )
    name = _free(session, _OWNER)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    return Login(name, password), as_other(places.warehouse_url, name, password)


def _new_roles(session: psycopg.Connection, owner: str) -> dict[str, str]:
    return {
        "BUILD_ROLE": _free(session, f"{owner}_build"),
        "BUILD_ROLE_PASSWORD": secrets.token_urlsafe(_PASSWORD_BYTES),
        "REPLICA_ROLE": _free(session, f"{owner}_replica"),
        "REPLICA_ROLE_PASSWORD": secrets.token_urlsafe(_PASSWORD_BYTES),
    }


def _free(session: psycopg.Connection, name: str) -> str:
    """Give a name that no role has: of one that is there we do not know the password."""
    for place in range(1, _TRIES):
        tried = name if place == 1 else f"{name}_{place}"
        if not role_exists(session, tried):
            return tried
    raise Refused([f"the warehouse's server has {_TRIES} roles called {name}_…"])


def _replica_schema(places: Places, found: Findings | None) -> str:
    """Keep the name under which nights have been published; else take one after the source's."""
    session = places.warehouse
    row = session.execute(
        "SELECT pg_catalog.to_regclass('entrepot_ops.publications')"
    ).fetchone()
    if row and row[0]:
        published = session.execute(_PUBLISHED).fetchone()
        return str(published[0]) if published else _DEFAULT_REPLICA
    if found is None or places.source is None:
        return "replica"
    taken = {name for (name,) in session.execute(_SCHEMAS)}
    return findings.replica_schema(places.source.info.dbname, found, taken)


def can_be_used(places: Places, url: str, decided: Decided) -> bool:
    """Say whether the replica's two roles are there, and are what they must be.

    Args:
        places: Both databases.
        url: The warehouse's address, with the role of nights.
        decided: With the roles' names and passwords.

    Returns:
        Whether both log in, and the role of nights can act as both.
    """
    owner = decided.wanted.owner.name
    for login in decided.wanted.replica:
        if not administrator.has_rights_of(places.warehouse, owner, login.name):
            return False
        try:
            other = as_other(url, login.name, login.password or "")
            Database("warehouse", other).connect(purpose="init").close()
        except ReplicaError:
            return False
    return True
