"""The environment, read and checked as a whole before any work starts."""

from __future__ import annotations

import os

from entrepot_core.base.errors import Refused
from entrepot_core.command.secrets import hide_environment
from entrepot_core.config import domains, environment, retired, sources
from pg_replica.dump import providers
from pg_replica.settings import Settings


def load(*, needs_source: bool = True) -> Settings:
    """Read the settings from the environment.

    Args:
        needs_source: Whether something to replicate must be named.

    Returns:
        The settings; the redactor knows their secrets.

    Raises:
        Refused: With every wrong or missing variable at once.
    """
    settings, problems = load_in_part(needs_source=needs_source)
    if problems or settings is None:
        raise Refused(problems)
    return settings


def load_in_part(*, needs_source: bool = True) -> tuple[Settings | None, list[str]]:
    """Read the settings as if those that are wrong were not set, to look at the rest all the same.

    Args:
        needs_source: Whether something to replicate must be named.

    Returns:
        The settings, None where one that is wrong is necessary; and every problem.
    """
    hide_environment()
    settings, problems = environment.read_in_part(Settings)
    try:
        if providers.of(os.environ.get("DUMP_PATH", "")) and settings:
            settings.time_zone  # noqa: B018 -- only a provider's backup has a day
    except Refused as refusal:
        problems += refusal.problems
    if settings:
        problems += _role_problems(settings)
    origins = (os.environ.get("SOURCE_DATABASE_URL"), os.environ.get("DUMP_PATH"))
    if needs_source and not any(origins):
        problems.append(
            "SOURCE_DATABASE_URL is missing: give the source's URL, or the path of a dump "
            "in DUMP_PATH"
        )
    try:
        domains.enabled()
    except Refused as refusal:
        problems += refusal.problems
    problems += sources.problems(os.environ)
    problems += retired.problems(os.environ)
    return settings, problems


def _role_problems(settings: Settings) -> list[str]:
    """The two roles come together, each with its password, and are two."""
    values = {
        "BUILD_ROLE": settings.build_role,
        "BUILD_ROLE_PASSWORD": settings.build_role_password,
        "REPLICA_ROLE": settings.replica_role,
        "REPLICA_ROLE_PASSWORD": settings.replica_role_password,
    }
    if any(values.values()) and not all(values.values()):
        missing = [name for name, value in values.items() if not value]
        return [f"{', '.join(missing)} missing: the replica's two roles come together"]
    if settings.build_role and settings.build_role == settings.replica_role:
        return ["BUILD_ROLE and REPLICA_ROLE are the same role: they must be two"]
    return []
