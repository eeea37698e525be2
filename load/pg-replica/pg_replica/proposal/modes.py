"""Tables worth mode `incremental`, and tables worth leaving out, each with the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass

from entrepot_core.postgres.identifiers import TableName
from pg_replica.personal.lexicon import lexicon
from pg_replica.proposal.catalog import SourceColumn, SourceTable

_FEWEST_ROWS = 10_000  # below, copying a table whole costs nothing
_BIG, _NOT_SMALL = 1e9, 1e8  # bytes
_RARELY = 0.001  # updates and deletes to inserts, which the audit repairs
_IN_ORDER = 0.95  # correlation of keys and rows on disk
_CHURN_ROWS = 1_000
_CHURN = 0.5  # rows deleted to rows inserted
_LEFT = 0.1  # rows that are there to rows inserted
_TIMES = ("created", "creation", "inserted", "occurred", "logged", "recorded", "at")

# Schemas and tables of tools, which the next start of the tool makes again or nobody reads.
_TOOLS = re.compile(
    r"^(?:pgboss|graphile_worker|procrastinate|pgmq|cron|oban|hdb_catalog|hangfire|quartz)$"
)
_MIGRATIONS = re.compile(
    r"^_*(?:schema_?migrations?|(?:\w+_)?migrations?(?:_lock)?|flyway_schema_history|schema_version|"
    r"alembic_version|databasechangelog(?:lock)?|ar_internal_metadata|__?efmigrationshistory|"
    r"phinxlog|doctrine_migration_versions|migration_versions|sequelizemeta|goose_db_version|"
    r"atlas_schema_revisions|typeorm_metadata|\w*changelog_?lock|_prisma_migrations)$"
)
_QUEUES = re.compile(
    r"^(?:delayed_jobs?|que_jobs?|good_jobs?\w*|solid_queue_\w+|oban_\w+|celery_\w+|qrtz_\w+|"
    r"messenger_messages|sidekiq\w*|resque\w*|job_batches|failed_jobs|background_jobs?|\w*outbox\w*|"
    r"\w*dead_?letters?|\w*_queues?|queue_\w+|queues?|file_attente\w*|warteschlangen?|colas?|"
    r"background_tasks?\w*|async_tasks?|task_results?|act_ru_\w+)$"
)
_JOBS = frozenset({"job", "jobs", "task", "tasks"})
_SESSIONS = re.compile(
    r"^(?:(?:\w+_)?sessions?|\w*_session_store|session_store|remember_tokens?|sitzungen|\w*_?nonces?|"
    r"sesiones|sessioni)$"
)
_LOGS = re.compile(
    r"^(?:(?:\w+_)?logs?|log_\w+|(?:\w+_)?logging|audit_(?:logs?|trail|events?)|(?:\w+_)?audits?|"
    r"access_logs?|(?:\w+_)?journaux|protokolle?|registro_\w*log\w*|"
    r"http_requests?|request_logs?|error_reports?|app_errors|search_logs?|trace_?logs?)$"
)
_CACHES = re.compile(
    r"^(?:(?:\w+_)?caches?|cache_\w+|caches?|rate_limits?|throttles?|locks?|(?:\w+_)?locks)$"
)
_COPIES = re.compile(
    r"^(?:te?mp_\w+|\w+_(?:te?mp|bak|bkp|backup|old|save|copy|sav|archive_tmp)\d*|copy_of_\w+|"
    r"bak_\w+|backup_\w+|old_\w+|\w+_(?:bak|backup|old)_?\d{4,8}|staging_\w+|\w+_staging)$"
)


@dataclass(frozen=True)
class ModeProposal:
    """A mode for a table.

    Attributes:
        table: The table.
        mode: `incremental` or `none`.
        key: The key, of an append table.
        replication_key: The column that only grows, of an append table.
        confidence: From 0 to 1.
        reason: The evidence.
    """

    table: TableName
    mode: str
    key: tuple[str, ...]
    replication_key: str | None
    confidence: float
    reason: str


def propose(table: SourceTable) -> ModeProposal | None:
    """Look at a table.

    Args:
        table: What the catalog and the statistics say.

    Returns:
        A mode other than `full`; None where nothing speaks for one.
    """
    return _none(table) or _incremental(table)


def _none(table: SourceTable) -> ModeProposal | None:
    said = _by_churn(table) or _by_name(table)
    if said is None:
        return None
    confidence, reason = said
    return ModeProposal(table.name, "none", (), None, confidence, reason)


def _by_churn(table: SourceTable) -> tuple[float, str] | None:
    inserted, deleted = table.inserted, table.deleted
    if inserted < _CHURN_ROWS or deleted < _CHURN * inserted:
        return None
    if table.rows > _LEFT * inserted:
        return None
    return 0.7, (
        f"rows come and go, as in a queue: {inserted:,} inserted, {deleted:,} deleted"
        f"{_since(table)}, {table.rows:,} there"
    )


def _by_name(table: SourceTable) -> tuple[float, str] | None:
    name = _snake(table.name.name)
    columns = {"".join(lexicon().words(column.facts.name)) for column in table.columns}
    if _TOOLS.match(table.name.schema):
        return 0.9, "its schema is that of a queue's or a tool's own tables"
    if _MIGRATIONS.match(name):
        return 0.9, "it notes which migrations have run"
    if _QUEUES.match(name) or (
        name in _JOBS and len(columns & lexicon().queue_columns) >= 2
    ):
        return 0.8, "it is a queue of work, by its name and columns"
    if _SESSIONS.match(name) and columns & lexicon().session_columns:
        return 0.85, "it holds sessions, by its name and columns"
    for pattern, confidence, reason in (
        (_CACHES, 0.75, "it is a cache or holds locks, by its name"),
        (_COPIES, 0.6, "it is a copy made in passing, by its name"),
        (_LOGS, 0.55, "it is a log, by its name"),
    ):
        if pattern.match(name):
            return confidence, reason
    return None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")


def _incremental(table: SourceTable) -> ModeProposal | None:
    if table.rows < _FEWEST_ROWS or not table.inserted:
        return None
    changed = table.updated + table.deleted
    if changed > _RARELY * table.inserted:
        return None
    key = tuple(column.facts.name for column in table.columns if column.in_key)
    found = _growing(table) if key else None
    if found is None:
        return None
    column, why = found
    confidence = _worth(table) - (0.1 if changed else 0)
    if table.inserted < table.rows / 100:
        confidence -= 0.1
    writes = f"{table.inserted:,} inserts, {table.updated:,} updates, {table.deleted:,} deletes"
    reason = f"{writes}{_since(table)}; {why}; {table.rows:,} rows, {table.size / 1e6:,.0f} MB"
    return ModeProposal(
        table.name,
        "incremental",
        key,
        column.facts.name,
        round(max(confidence, 0.5), 2),
        reason,
    )


def _worth(table: SourceTable) -> float:
    if table.size >= _BIG:
        return 0.9
    return 0.75 if table.size >= _NOT_SMALL else 0.6


def _growing(table: SourceTable) -> tuple[SourceColumn, str] | None:
    """Find the column that only grows."""
    for column in table.columns:
        if not column.is_key or column.facts.type_class != "n":
            continue
        in_order = column.correlation is not None and column.correlation >= _IN_ORDER
        if column.counts_up or in_order:
            how = "a sequence gives" if column.counts_up else "rows lie in the order of"
            return column, f"{how} its key {column.facts.name}"
    for column in table.columns:
        words = lexicon().words(column.facts.name)
        if (
            column.facts.type.startswith("timestamp")
            and column.not_null
            and any(word in _TIMES for word in words)
            and "updated" not in words
            and (column.correlation is None or column.correlation >= _IN_ORDER)
        ):
            return column, f"{column.facts.name} says when a row came"
    return None


def _since(table: SourceTable) -> str:
    return f" since {table.since:%Y-%m-%d}" if table.since else ""
