"""The verb `notify`: tell every receiver how a night ended."""

from __future__ import annotations

import json
import logging
import socket

import click

from entrepot_core.base.errors import PublishedWithFault, ReplicaError, RunFailed
from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_core.command.help import examples
from entrepot_core.command.settings import load
from entrepot_core.config.project import project_root
from entrepot_ops.meltano import dbt_owners
from entrepot_ops.notify import links, message
from entrepot_ops.notify.delivery import Delivery, tell
from entrepot_ops.record.store import Store
from entrepot_ops.report import outcome as outcomes
from entrepot_ops.report.outcome import Outcome
from entrepot_ops.settings import NotifySettings, WarehouseSettings

# In the night's last attempt at the build.
_FAILED_NODES = """
SELECT node FROM (
    SELECT DISTINCT ON (node) node, status FROM entrepot_ops.dbt_results WHERE night_id = %s
    ORDER BY node, attempt DESC
) AS last WHERE status IN ('error', 'fail') ORDER BY node
"""


class Settings(WarehouseSettings, NotifySettings):
    """What `notify` reads."""


def tell_all(
    outcome: Outcome, settings: NotifySettings, store: Store | None
) -> list[Delivery]:
    """Tell every receiver, and Sentry when the night failed.

    Args:
        outcome: How the night ended.
        settings: Who is told.
        store: Where it is recorded; None when the warehouse cannot be reached.

    Returns:
        What became of each message; each is logged too.
    """
    outcome.report_url = links.report(settings.report_url, outcome.night_id)
    outcome.owners = _owners(outcome, store)
    deliveries = tell(settings.notifications, outcome, settings.notification_timeout)
    if settings.sentry_enabled:
        from entrepot_ops.notify import sentry

        if told := sentry.tell(outcome, settings):
            deliveries.append(told)
    for delivery in deliveries:
        if delivery.is_delivered:
            event(f"{delivery.receiver} was told: {delivery.message}")
        else:
            event(
                f"{delivery.receiver} was not told: {delivery.message}", logging.WARNING
            )
    if store is not None:
        _record(outcome, deliveries, store)
    return deliveries


def _owners(outcome: Outcome, store: Store | None) -> list[str]:
    """Find whose models and tests failed; nobody where that cannot be read."""
    if outcome.outcome != "failure" or store is None or outcome.night_id is None:
        return []
    try:
        failed = store.rows(_FAILED_NODES, [outcome.night_id])
    except ReplicaError:
        return []
    return dbt_owners.owners(project_root(), [row["node"] for row in failed])


def _record(outcome: Outcome, deliveries: list[Delivery], store: Store) -> None:
    if not deliveries or not store.upgrade_if_made():
        return
    try:
        for one in deliveries:
            store.rows(
                "INSERT INTO entrepot_ops.notifications"
                " (night_id, receiver, outcome, is_delivered, message)"
                " VALUES (%s, %s, %s, %s, %s)",
                [
                    outcome.night_id,
                    one.receiver,
                    outcome.outcome,
                    one.is_delivered,
                    one.message,
                ],
            )
    except ReplicaError as error:
        event(f"the notifications could not be recorded: {error}", logging.WARNING)


@click.command(
    "notify",
    epilog=examples(
        ("notify --dry-run", "what would be sent"),
        ("notify --night 7", "tell of night 7 again"),
    ),
)
@click.option("--night", type=int, help="Which night.  [default: the last one]")
@click.option("--dry-run", is_flag=True, help="Print what would be sent; send nothing.")
@click.option("--job", help="Tell that this job failed, whatever the last night.")
@click.option("--exit-status", type=int, default=1, help="That job's exit status.")
@click.pass_context
def command(
    context: click.Context,
    *,
    night: int | None,
    dry_run: bool,
    job: str | None,
    exit_status: int,
) -> None:
    """Tell NOTIFICATIONS and Sentry how the last night ended.

    Every receiver is tried, whatever becomes of the others: three attempts each. Slack,
    Mattermost, Teams, Google Chat, Discord and mail get what they can show; any other webhook
    JSON, where `outcome` is success, failure or recovery (a success after a failure). The exit
    status is 4 when somebody could not be told.
    """  # noqa: DOC501 -- the docstring is the command's help
    settings = load(Settings, context.obj)
    with Store(settings.warehouse) as store:
        outcome = _of_job(job, exit_status) if job else _of_night(store, night)
        if dry_run:
            body = {**outcome.as_dict(), "text": message.of(outcome).text}
            click.echo(redact(json.dumps(body, indent=2, default=str)))
            return
        deliveries = tell_all(outcome, settings, store)
    if not deliveries:
        event("NOTIFICATIONS is empty: no notification sent")
    missed = [d.receiver for d in deliveries if not d.is_delivered]
    if missed:
        raise PublishedWithFault(f"could not tell {', '.join(missed)}")


def _of_night(store: Store, night: int | None) -> Outcome:
    outcome = None if night else outcomes.read_runs(store)
    outcome = outcome or outcomes.read(store, night)
    if outcome is None:
        which = f"there is no night {night}" if night else "there is no night yet"
        raise RunFailed(which)
    return outcome


def _of_job(job: str, exit_status: int) -> Outcome:
    """Say that a job of its own schedule failed."""
    return Outcome(
        outcome="failure",
        status="failed",
        message=f"the job {job} ended with status {exit_status}",
        scope=job,
        host=socket.gethostname(),
        failed_steps=[job],
    )
