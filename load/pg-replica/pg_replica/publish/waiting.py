"""A verified night, moved beside the live one: there it waits for the swap."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from entrepot_core.policy.tables import Policy
from entrepot_core.postgres.identifiers import PUBLIC
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from pg_replica.publish import swap
from pg_replica.warehouse import objects


def prepare_next(
    main: psycopg.Connection,
    naming: Naming,
    schemas: list[str],
    policy: Policy,
    is_ours: Callable[[objects.DatabaseObject], bool],
    record: Record,
) -> None:
    """Move the night out of the landing, and add the views that readers expect in it.

    Args:
        main: A session on the warehouse.
        naming: The schemas' names.
        schemas: The landing's schemas.
        policy: With append tables and former names.
        is_ours: Whether an object of schema public is this night's.
        record: Where findings go.
    """
    swap.move_to_next(main, naming, schemas, is_ours)
    for left in objects.list_objects(main, [PUBLIC]):
        record.finding(
            str(left),
            "somebody else's, put into the landing: it stays there, and the next night waits "
            "until it is moved to another schema",
        )
    append = [table for table, mode in policy.kept_out.items() if mode == "incremental"]
    swap.add_append_views(main, naming, append)
    swap.add_former_names(main, naming, policy.former_names)
    swap.report_landing_names(main, naming, schemas, record)


def live_schemas(main: psycopg.Connection, naming: Naming) -> list[str]:
    """List a replica's live schemas: those that it has published, and its own.

    Args:
        main: A session on the warehouse.
        naming: The schemas' names.

    Returns:
        Their names.
    """
    rows = main.execute(
        "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = %s OR nspname = ANY"
        " (SELECT unnest(p.schemas) FROM entrepot_ops.publications AS p"
        " JOIN entrepot_ops.runs AS r USING (run_id)"
        " WHERE r.command = 'run' AND p.schemas[1] = %s)",
        [naming.replica, naming.replica],
    )
    return [row[0] for row in rows]
