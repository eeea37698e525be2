"""Functions of the source, closed to everybody but readers' views before a night is shown."""

from __future__ import annotations

from functools import partial

import psycopg

from entrepot_core.postgres.identifiers import quote
from entrepot_core.warehouse.runs import Record
from entrepot_core.warehouse.schemas import Naming
from pg_replica.warehouse import functions

_MANY = 10  # functions that a finding lists


def close_functions(
    main: psycopg.Connection,
    naming: Naming,
    schemas: list[str],
    reader: str | None,
    record: Record,
    *,
    owner_may_call: bool,
) -> None:
    """Take the right to call the waiting night's functions away, but where views need them.

    Args:
        main: A session on the warehouse.
        naming: The schemas' names.
        schemas: The source's schemas.
        reader: The role that reads; None if there is none.
        record: Told what was taken away.
        owner_may_call: Whether their owner may call them.
    """
    waiting = [naming.following(schema) for schema in schemas]
    shown = partial(_shown, naming, schemas)
    closed = functions.open_to_readers(
        main, waiting, reader, owner_may_call=owner_may_call
    )
    if not owner_may_call and (count := functions.estimate_nothing(main, waiting)):
        record.finding(
            "operators of the source",
            f"{count} have no estimators here: the planner would run their functions",
        )
    for name in closed.definers:
        record.finding(
            f"function {shown(name)}",
            "ran with its owner's rights; it no longer does",
        )
    if closed.total:
        granted = map(shown, closed.granted[:_MANY])
        listed = ", ".join(granted) or "none"
        record.finding(
            "functions of the source",
            f"{closed.total - len(closed.granted)} of {closed.total} may be called by nobody; "
            f"readers may call those that views need: {listed}",
        )


def _shown(naming: Naming, schemas: list[str], function: str) -> str:
    """Name a function as it will be called when it is live."""
    for schema in schemas:
        live = f"{naming.live(schema)}."
        for waiting in (
            naming.following(schema),
            quote(naming.following(schema)),
        ):
            function = function.replace(f"{waiting}.", live)
    return function
