"""Variables of the systems that this one replaces, and what has taken their place.

A `.env` that is taken over must not be half read in silence.
"""

from __future__ import annotations

from collections.abc import Mapping

# Retired name → its successor, and how the value changes; no word where it stays.
SUCCESSORS: dict[str, tuple[str, str]] = {
    "DATABASE_URL": ("TARGET_DATABASE_URL", ""),
    "PG_CLIENT_VERSION": ("PG_BINDIR", "the folder of pg_dump"),
    "NOTIFICATION_URLS": ("NOTIFICATIONS", 'written as [{"url":"https://…"}]'),
    "RETRIES_TIMEOUT_MINUTES": ("NIGHT_BUDGET", "a duration such as 3h"),
    "MAX_ATTEMPT_NB": ("MAX_RETRY_COUNT", ""),
    "MIN_TIMEOUT": ("EXPONENTIAL_RETRY_DELAY", ""),
    "MAX_TIMEOUT": ("NIGHT_BUDGET", "a duration such as 3h"),
    "TABLE_NAME": ("DOMAINS", "with cpf in it: the table's name is fixed"),
    "DATASET_URL": ("CPF_CATALOGUE_URL", ""),
    "S3_ACCESS_KEY": ("ACCESS_KEY", ""),
    "S3_SECRET_ACCESS_KEY": ("SECRET_KEY", ""),
    "S3_ENDPOINT": ("S3_ENDPOINT_URL", "with its https://"),
    "S3_SSL_ENABLED": ("S3_ENDPOINT_URL", "with its https:// or http://"),
    "S3_REGION": ("AWS_REGION", ""),
    "S3_BUCKET_NAME": ("BUCKET_NAME", ""),
    "S3_OBJECT_NAME_PREFIX": ("BUCKET_NAME", "and the prefix in push-dump's --to"),
    "AIRTABLE_API_KEY": ("LCMS_API_KEY", "the key of the LCMS"),
    "AIRTABLE_BASE": ("LCMS_API_URL", "the address of the LCMS"),
    "RESTORE_ANSWERS_AND_KES": ("BACKUP_MODE", "the tables with their modes"),
    "RESTORE_ANSWERS_AND_KES_AND_KE_SNAPSHOTS": (
        "BACKUP_MODE",
        "the tables with their modes",
    ),
    "RESTORE_ANSWERS_AND_KES_INCREMENTALLY": (
        "BACKUP_MODE",
        "the tables with mode incremental",
    ),
    "RESTORE_ANSWERS_AND_KES_AND_KE_SNAPSHOTS_INCREMENTALLY": (
        "BACKUP_MODE",
        "the tables with mode incremental",
    ),
    "DATA_CATALOG_DATABASE_URL": ("DB_SCHEMA_EXPORTER_DATABASE_TARGET", ""),
    "DATA_CATALOG_ENRICHMENT_ENABLED": ("DB_SCHEMA_EXPORTER_ENABLED", ""),
    "TARGET_POSTGRES_HOST": ("TARGET_DATABASE_URL", "a part of it"),
    "TARGET_POSTGRES_PORT": ("TARGET_DATABASE_URL", "a part of it"),
    "TARGET_POSTGRES_PASSWORD": ("TARGET_DATABASE_URL", "a part of it"),
    "DBT_PG_ADDRESS": ("TARGET_DATABASE_URL", "a part of it"),
    "DBT_PG_PORT": ("TARGET_DATABASE_URL", "a part of it"),
    "DBT_PG_USERNAME": ("TARGET_DATABASE_URL", "a part of it"),
    "DBT_PG_PASSWORD": ("TARGET_DATABASE_URL", "a part of it"),
    "DBT_PG_DATABASE": ("TARGET_DATABASE_URL", "a part of it"),
    "POSTGRES_USER": ("TARGET_DATABASE_URL", "a part of it"),
    "POSTGRES_PASSWORD": ("TARGET_DATABASE_URL", "a part of it"),
    "POSTGRES_URL": ("TARGET_DATABASE_URL", "a part of it"),
    "POSTGRES_PORT": ("TARGET_DATABASE_URL", "a part of it"),
    "POSTGRES_DB": ("TARGET_DATABASE_URL", "a part of it"),
    "BACKUP_FILE": ("METABASE_BACKUPS", "a folder or s3:// prefix"),
    "KUBE_POD_NAME": ("METABASE_KUBE_POD", ""),
}
# What they said is no longer anybody's business: ignored, and said to be.
NEEDLESS = {
    "REDIS_URL": "nights need no queue",
    "NODE_ENV": "the client tools are found by themselves, MELTANO_ENVIRONMENT names the place",
    "APP": "messages name Entrepôt",
    "USE_UNLOGGED_TABLES": "a landing is never read before it is whole",
    "CRONTAB_MELTANO_EXECUTABLE": "ops crontab finds it",
    "DBT_TARGET_SCHEMA": "each layer has its own schema",
    "DOCKER_HOST_GATEWAY": "addresses are in the URLs",
    "TAP_TWITTER_BEARER_TOKEN": "its API has gone: FOLLOWERS_FILE names an export",
    "TAP_ATINTERNET_GN_MAX_RESULTS": "the definition of each stream has its page's size",
    "TAP_ATINTERNET_SP_MAX_RESULTS": "the definition of each stream has its page's size",
    "DROP_TIMEOUT_MS": "what is dropped is nothing that anybody reads",
}


def problems(variables: Mapping[str, str]) -> list[str]:
    """Find retired variables whose successors are missing.

    Args:
        variables: The environment.

    Returns:
        One sentence each: a variable beside its successor is somebody else's.
    """
    found = []
    for name, (successor, how) in SUCCESSORS.items():
        if variables.get(name) and not variables.get(successor):
            change = f" ({how})" if how else ""
            found.append(f"{name} is not read any more: set {successor}{change}")
    return found


def notes(variables: Mapping[str, str]) -> list[str]:
    """Find variables that are not needed any more.

    Args:
        variables: The environment.

    Returns:
        One sentence each.
    """
    return [
        f"{name} is not read: {reason}"
        for name, reason in NEEDLESS.items()
        if variables.get(name)
    ]
