"""Rows into the landing, and each table's indexes as soon as its own rows are there."""

from __future__ import annotations

from collections.abc import Callable

from entrepot_core.policy.tables import Policy
from pg_replica.dump.items import Item
from pg_replica.restore.context import RestoreContext
from pg_replica.restore.copies import Copies
from pg_replica.restore.indexes import Indexes
from pg_replica.source.rows import Portion


def load(
    context: RestoreContext,
    portions: list[Portion],
    post_data: list[Item],
    policy: Policy,
    on_copied: Callable[[], None],
) -> None:
    """Copy all rows, and build each table's indexes once its own rows are there.

    Args:
        context: What all tasks share.
        portions: The rows.
        post_data: The dump's items from which indexes and constraints are taken.
        policy: With the extra indexes.
        on_copied: Called once, when the last row has been copied.
    """
    copies = Copies(context).tasks(portions, on_copied)
    indexes = Indexes(context).tasks(
        post_data, policy, copies, {p.table: p.size for p in portions}
    )
    tasks = [task for group in copies.values() for task in group] + indexes
    context.display.expect(sum(portion.size for portion in portions), len(tasks))
    if not portions:
        on_copied()
    context.crew.do(tasks)
