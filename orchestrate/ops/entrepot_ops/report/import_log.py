"""The verb `import-log`: an old night, from the log of `pg_restore --verbose`, into the record."""

from __future__ import annotations

from pathlib import Path

import click

from entrepot_core.base.errors import RunFailed
from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_ops.record.lock import NightLock
from entrepot_ops.record.night import NightRecord
from entrepot_ops.record.store import Store
from entrepot_ops.report.pg_restore_log import Log, parse
from entrepot_ops.settings import WarehouseSettings

_STEP = "pg_restore"
_RUN = """
INSERT INTO entrepot_ops.runs (command, mode, status, host, pid, started_at, ended_at, step)
VALUES ('import-log', 'archive', 'succeeded', '-', 0, %s, %s, 'pg_restore') RETURNING run_id
"""
_ITEMS = """
INSERT INTO entrepot_ops.items (run_id, attempt, kind, name, started_at, seconds)
SELECT %s, 1, * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::float8[])
"""
_NIGHT = """
INSERT INTO entrepot_ops.nights (scope, status, host, pid, started_at, ended_at, step, message)
VALUES (%s, 'imported', '-', 0, %s, %s, %s, %s) RETURNING night_id
"""
_ATTEMPT = """
INSERT INTO entrepot_ops.night_steps (night_id, step, attempt, place, task, status, started_at,
    ended_at, seconds, run_ids, message)
VALUES (%s, %s, 1, 1, %s, %s, %s, %s, %s, %s, %s)
"""


@click.command(
    "import-log",
    epilog=examples(
        ("import-log replication.log --day 2022-10-01", "one night of a long log"),
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--day", metavar="YYYY-MM-DD", help="Only the lines of this day.")
@click.pass_context
def command(context: click.Context, *, file: Path, day: str | None) -> None:
    """Bring the log of an old `pg_restore --verbose` into the record, as a night.

    Each line must begin with its time. `ops report --night N` then shows it, and `ops report
    --compare N` shows the items of another night beside it.
    """  # noqa: DOC501 -- the docstring is the command's help
    settings = load(WarehouseSettings, context.obj)
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            log = parse(lines, day)
    except ValueError as error:
        raise RunFailed(f"{file}: {error}") from None
    lock = NightLock(settings.warehouse, settings.connect_budget)
    with lock.held(), Store(settings.warehouse) as store:
        NightRecord(store)
        night = _insert(store, file.name, log)
    event(f"night {night}: {len(log.items)} items of {file}")
    for what in log.unfinished:
        event(f"never finished: {redact(what)}", 30)


def _insert(store: Store, name: str, log: Log) -> int:
    run = store.one(_RUN, [log.started_at, log.ended_at])
    assert run is not None
    columns = [
        [item.kind for item in log.items],
        [redact(item.name) for item in log.items],
        [item.started_at for item in log.items],
        [item.seconds for item in log.items],
    ]
    store.rows(_ITEMS, [run["run_id"], *columns])
    unfinished = "; ".join(log.unfinished)
    message = f"never finished: {unfinished}" if unfinished else None
    times = [log.started_at, log.ended_at]
    night = store.one(_NIGHT, [name, *times, _STEP, message or "imported"])
    assert night is not None
    seconds = (log.ended_at - log.started_at).total_seconds()
    status = "failed" if unfinished else "succeeded"
    ids = [night["night_id"], _STEP, "pg_restore --verbose", status]
    store.rows(_ATTEMPT, [*ids, *times, seconds, [run["run_id"]], message])
    return int(night["night_id"])
