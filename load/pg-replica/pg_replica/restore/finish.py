"""What comes when all rows and indexes are there: sequences, CHECKs, foreign keys, statistics."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from entrepot_core.postgres import catalog
from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump.items import FOREIGN_KEY, REFRESH, Item
from pg_replica.restore.checks import ChecksThatCall
from pg_replica.restore.constraints import Constraints
from pg_replica.restore.context import RestoreContext
from pg_replica.restore.followable import silence
from pg_replica.restore.indexes import is_serial
from pg_replica.settings import ForeignKeys
from pg_replica.source.origins import Origin


@dataclass(frozen=True)
class Form:
    """What a night is to be like in the end.

    Attributes:
        schemas: The landing's schemas.
        foreign_keys: `RESTORE_FK_CONSTRAINTS`.
        is_followed: Whether later nights may change its rows in place.
    """

    schemas: list[str]
    foreign_keys: ForeignKeys
    is_followed: bool


def finish(
    context: RestoreContext,
    main: psycopg.Connection,
    origin: Origin,
    post_data: list[Item],
    loaded: set[TableName],
    checks: ChecksThatCall,
    form: Form,
) -> None:
    """Make what needs all rows and indexes.

    Args:
        context: What all tasks of the restore share.
        main: A session that builds, in autocommit.
        origin: Where the night comes from.
        post_data: The dump's items.
        loaded: The tables that have got rows.
        checks: The CHECKs that were set aside.
        form: What the night is to be like.
    """
    builder, constraints = context.builder, Constraints(context)
    builder.build(main, [item for item in post_data if is_serial(item, loaded)])
    origin.finish(main)
    checks.put_back(main)
    keys = [item for item in post_data if item.kind == FOREIGN_KEY]
    constraints.add_foreign_keys(
        main,
        keys if form.foreign_keys != "false" else [],
        origin.policy,
        as_deferrable=form.is_followed,
    )
    if form.is_followed:
        silence(main, form.schemas)
    tables = [table.name for table in catalog.tables(main, form.schemas)]
    kept = [table for table in tables if origin.policy.rule(table).mode == "full"]
    constraints.validate_and_analyze(
        form.schemas, kept, validate=form.foreign_keys == "true"
    )
    builder.build(main, [item for item in post_data if item.kind == REFRESH])
