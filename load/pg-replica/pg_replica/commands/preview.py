"""What `run --dry-run` says: which way each table would go, and why."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot_core.postgres.connection import explained
from entrepot_core.warehouse.schemas import Naming
from pg_replica.databases import databases
from pg_replica.delta.observation import observe, plan
from pg_replica.preflight.checks import check
from pg_replica.settings import Settings
from pg_replica.source.origins import LiveOrigin


def lines(settings: Settings, *, full: bool) -> Iterator[str]:
    """Say which way a night would go now.

    Args:
        settings: The variables.
        full: Whether it would copy everything in any case.

    Yields:
        One sentence for the night, then one for each table that it would look at.
    """
    source, warehouse = databases(settings)
    if source is None:
        yield "full: a dump is restored as a whole"
        return
    if full or settings.replication == "full":
        why = "--full was given" if full else "REPLICATION is full"
        yield f"full: {why}"
        return
    report = check(settings)
    naming = Naming(settings.replica_schema)
    origin = LiveOrigin(settings, source, report)
    try:
        with explained("warehouse"), warehouse.connect(purpose="preview") as main:
            made = plan(observe(settings, origin, main, naming), origin, main, naming)
    finally:
        origin.close(published=False)
    if made.reasons:
        yield f"full: {'; '.join(made.reasons)}"
        return
    yield "delta: what has changed is applied in place"
    for each in made.tables:
        yield f"  {each.table.name}: {each.way}, for {each.reason}"
