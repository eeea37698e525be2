from __future__ import annotations

import re
from pathlib import Path

import pytest

from entrepot_core.config import retired

ROOT = Path(__file__).parents[3]
MIGRATION = (ROOT / "docs/migration.md").read_text()
# Of libraries, which read it themselves.
FOREIGN = {"AWS_REGION"}
# What the sample files and the code of the systems before had, past releases included.
BEFORE = {
    "pix-db-replication": """
        SOURCE_DATABASE_URL DATABASE_URL TARGET_DATABASE_URL BACKUP_MODE RESTORE_FK_CONSTRAINTS
        PG_RESTORE_JOBS PG_CLIENT_VERSION SCHEDULE MAX_RETRY_COUNT MAX_ATTEMPT_NB DROP_TIMEOUT_MS
        EXPONENTIAL_RETRY_DELAY REDIS_URL LCMS_API_URL LCMS_API_KEY NOTIFICATIONS NOTIFICATION_URLS
        SENTRY_ENABLED SENTRY_DEBUG SENTRY_DSN SENTRY_ENVIRONMENT SENTRY_MAX_BREADCRUMBS
        SENTRY_MAX_VALUE_LENGTH NODE_ENV APP RETRIES_TIMEOUT_MINUTES MIN_TIMEOUT MAX_TIMEOUT
        DB_SCHEMA_EXPORTER_ENABLED DB_SCHEMA_EXPORTER_DATABASE_TARGET TABLE_NAME DATASET_URL
        S3_ACCESS_KEY S3_SECRET_ACCESS_KEY S3_ENDPOINT S3_REGION S3_BUCKET_NAME
        S3_OBJECT_NAME_PREFIX S3_SSL_ENABLED SCALINGO_APP SCALINGO_API_TOKEN SCALINGO_REGION
        AIRTABLE_API_KEY AIRTABLE_BASE RESTORE_ANSWERS_AND_KES
        RESTORE_ANSWERS_AND_KES_AND_KE_SNAPSHOTS RESTORE_ANSWERS_AND_KES_INCREMENTALLY
        RESTORE_ANSWERS_AND_KES_AND_KE_SNAPSHOTS_INCREMENTALLY USE_UNLOGGED_TABLES
        DATA_CATALOG_ENRICHMENT_ENABLED DATA_CATALOG_DATABASE_URL""",
    "Baromètre Numérique": """
        TARGET_POSTGRES_PASSWORD TARGET_POSTGRES_HOST TARGET_POSTGRES_PORT
        CRONTAB_MELTANO_EXECUTABLE DBT_PG_ADDRESS DBT_PG_PORT DBT_PG_USERNAME DBT_PG_PASSWORD
        DBT_PG_DATABASE DBT_TARGET_SCHEMA TAP_PARTOO_API_KEY TAP_TWITTER_BEARER_TOKEN
        TAP_ATINTERNET_GN_API_KEY TAP_ATINTERNET_GN_SECRET_KEY TAP_ATINTERNET_GN_SITE_ID
        TAP_ATINTERNET_GN_START_DATE TAP_ATINTERNET_GN_MAX_RESULTS TAP_ATINTERNET_SP_API_KEY
        TAP_ATINTERNET_SP_SECRET_KEY TAP_ATINTERNET_SP_SITE_ID TAP_ATINTERNET_SP_START_DATE
        TAP_ATINTERNET_SP_MAX_RESULTS DOCKER_HOST_GATEWAY""",
    "Ecosphères": """
        S3_ENDPOINT_URL BUCKET_NAME ACCESS_KEY SECRET_KEY POSTGRES_USER POSTGRES_PASSWORD
        POSTGRES_URL POSTGRES_PORT POSTGRES_DB BACKUP_FILE KUBE_POD_NAME""",
}


@pytest.mark.parametrize("name", sorted(retired.SUCCESSORS))
def test_a_retired_variable_is_refused_with_its_successor(name: str) -> None:
    successor, _ = retired.SUCCESSORS[name]
    (problem,) = retired.problems({name: "x"})
    assert name in problem
    assert f"set {successor}" in problem
    assert not retired.problems({name: "x", successor: "y"})
    assert not retired.problems({name: ""})


@pytest.mark.parametrize("name", sorted(retired.NEEDLESS))
def test_what_is_needless_is_said_to_be(name: str) -> None:
    (note,) = retired.notes({name: "x"})
    assert note.startswith(f"{name} is not read")


def test_all_are_documented() -> None:
    documented = set(re.findall(r"`([A-Z0-9_]+)`", MIGRATION))
    assert documented >= set(retired.SUCCESSORS) | set(retired.NEEDLESS)


@pytest.mark.parametrize("system", BEFORE)
def test_every_variable_of_the_systems_before_is_known(system: str) -> None:
    """Honoured, refused with the name of its successor, or said to be needless."""
    known = _present() | set(retired.SUCCESSORS) | set(retired.NEEDLESS)
    assert not set(BEFORE[system].split()) - known


def _present() -> set[str]:
    example = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^([A-Z0-9_]+)=", example, re.MULTILINE))


def test_successors_exist_and_the_retired_do_not() -> None:
    present = _present()
    wanted = {successor for successor, _ in retired.SUCCESSORS.values()} - FOREIGN
    assert not wanted - present
    assert not present & (set(retired.SUCCESSORS) | set(retired.NEEDLESS))
