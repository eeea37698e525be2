"""What both servers must have in common."""

from __future__ import annotations

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import are_same
from entrepot_core.warehouse.schemas import Naming
from pg_replica.preflight import citus, extensions, money, older
from pg_replica.preflight.report import Report
from pg_replica.settings import Settings
from pg_replica.warehouse import homes, made_schemas


def check_pair(
    settings: Settings,
    source: psycopg.Connection,
    target: psycopg.Connection,
    report: Report,
) -> None:
    """Check that the servers are two, and that schemas and extensions of the source have a place.

    Args:
        settings: For the replica's name.
        source: A session on the source.
        target: A session on the warehouse.
        report: Takes what is found.
    """
    if are_same(source, target):
        report.problems.append(
            "TARGET_DATABASE_URL is the same database as SOURCE_DATABASE_URL: the warehouse must "
            "be another one"
        )
    _check_amounts(source, target, report)
    if report.policy_text is not None and report.policy_text.distributes:
        policy = report.policy_text.resolve(catalog.table_columns(source))
        reader = settings.internal_reader
        citus.check_distribution(policy, source, target, reader, report)
    schemas = homes.landing_schemas(source)
    of_extensions = homes.extension_schemas(source) - set(schemas)
    builders = [settings.build_role] if settings.build_role else []
    report.problems += homes.problems(target, schemas, of_extensions, builders)
    shared = homes.shared(target, schemas)
    naming = Naming(settings.replica_schema)
    report.problems += [
        problem
        for problem in made_schemas.collisions(target, naming, schemas, shared)
        if problem not in report.problems
    ]
    if report.policy_text is not None:
        extensions.check(source, target, report)
    older.check(source, target, report)


def _check_amounts(
    source: psycopg.Connection, target: psycopg.Connection, report: Report
) -> None:
    """Find amounts of type money that would be others on the warehouse: they become numeric."""
    if not money.columns(source, Policy()) or report.policy_text is None:
        return
    policy = report.policy_text.resolve(catalog.table_columns(source))
    there, here = money.digits(source), money.digits(target)
    if there == here:
        return
    found = money.columns(source, policy)
    report.amounts = [each[:2] for each in found if each.may_be_numeric]
    if problem := money.problem(
        [e for e in found if not e.may_be_numeric], there, here
    ):
        report.problems.append(problem)
    if report.amounts:
        report.warnings.append(
            f"{len(report.amounts)} columns of type money arrive as numeric: the source counts "
            f"amounts with {there} decimal places, the warehouse with {here}"
        )
