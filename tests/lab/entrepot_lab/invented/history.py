"""What happens to an invented schema: its making, and the days after."""

from __future__ import annotations

from psycopg import sql

from entrepot_lab.invented import objects, tables
from entrepot_lab.invented.schema import Schema

_MAKERS = [
    *(tables.table, tables.table, tables.keyed_table, tables.partitioned, tables.child),
    *(tables.index, tables.index, tables.index, tables.foreign_key, tables.foreign_key),
    *(tables.rows, tables.rows, tables.rows, tables.rows, objects.user_type),
    *(objects.function, objects.aggregate, objects.sequence, objects.view),
    *(objects.view, objects.trigger, objects.comment, objects.comment),
]
_STEPS = 30
_LATER_STEPS = 12
_CHANGES = [
    "ALTER TABLE {t} RENAME COLUMN {c} TO {n}",
    "ALTER TABLE {t} DROP COLUMN {c}",
    "ALTER TABLE {t} DROP COLUMN {c} CASCADE",
    "ALTER TABLE {t} ALTER {c} TYPE text USING {c}::text",
    "ALTER TABLE {t} ALTER {c} DROP DEFAULT",
    "ALTER TABLE {t} ADD COLUMN {n} text DEFAULT {x} NOT NULL",
    "ALTER TABLE {t} RENAME TO {n}",
    "UPDATE {t} SET {c} = NULL WHERE ctid::text ~ '[135]\\)$'",
    "DELETE FROM {t} WHERE ctid::text ~ '[27]\\)$'",
    "TRUNCATE {t} CASCADE",
    "DROP TABLE {t}",
    "COMMENT ON TABLE {t} IS NULL",
]


def create(here: Schema) -> None:
    """Make a schema and much in it.

    Args:
        here: Where; empty.
    """
    here.do("CREATE SCHEMA {S}")
    for maker in (objects.user_type, tables.keyed_table, tables.table):
        maker(here)
    for _ in range(here.chance.number(_STEPS // 2, _STEPS)):
        here.chance.of(_MAKERS)(here)
    _refresh(here)


def next_day(here: Schema) -> None:
    """Change objects and rows, and make new ones.

    Args:
        here: As `create` left it.
    """
    for _ in range(here.chance.number(3, _LATER_STEPS)):
        if here.chance.maybe() and here.tables():
            _change(here)
        else:
            here.chance.of(_MAKERS)(here)
    _refresh(here)


def _change(here: Schema) -> None:
    chance = here.chance
    on = chance.of(here.tables())
    if not on.columns:
        return
    column, change = chance.of(on.columns), chance.of(_CHANGES)
    name = chance.plain_name("z")
    if not here.do(
        change,
        t=on.name,
        c=column.name,
        n=sql.Identifier(name),
        x=sql.Literal(chance.text()),
    ):
        return
    # What has another name or type is left to other steps, which only know the old ones.
    if "RENAME TO" in change or "DROP TABLE" in change:
        here.relations.remove(on)
    elif "{c}" in change:
        on.columns = [each for each in on.columns if each is not column]


def _refresh(here: Schema) -> None:
    """A replica's materialized views are as fresh as its tables: so are the source's."""
    for each in here.tables("m"):
        here.do("REFRESH MATERIALIZED VIEW {v}", v=each.name)
