"""One table of a delta night: its names on both sides, and where its rows and keys are staged."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot_core.policy import columns
from entrepot_core.policy.tables import TableRule
from entrepot_core.postgres.identifiers import TableName, quote
from pg_replica.delta.decision import TablePlan

# The first OID of a type that is not PostgreSQL's own: its `=` may be in any schema.
_FIRST_USER_OID = 16384
_FEWEST_BLOCKS, _MOST_BLOCKS = 256, 131_072
_BLOCK = 65_536  # bytes of a table for which one block of keys is compared


@dataclass(frozen=True)
class Working:
    """One table.

    Attributes:
        plan: What is done about it.
        rule: What the policy says of it.
        live: The table of the replica.
        schema: Where its rows and keys are staged.
        number: Which tells its staging tables from those of others.
        moving: Columns that no UPDATE may change: a row in which they differ is deleted and
            inserted. Those of other unique indexes, for values may change places between rows.
    """

    plan: TablePlan
    rule: TableRule
    live: TableName
    schema: str
    number: int
    moving: tuple[str, ...]

    @property
    def name(self) -> TableName:
        """The table on the source."""
        return self.plan.table.name

    @property
    def copied(self) -> list[str]:
        """The columns that are copied."""
        return columns.copied(self.plan.table, self.rule)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its key; none where it has none."""
        return self.plan.key.columns if self.plan.key else ()

    @property
    def has_words(self) -> bool:
        """Whether its keys are compared as bits, 64 to a word."""
        return self.plan.key is not None and self.plan.key.is_integer

    def staged(self, what: str) -> str:
        """Name a staging table.

        Args:
            what: `rows`, `words`…

        Returns:
            Its quoted name.
        """
        return TableName(self.schema, f"{what}_{self.number}").sql

    def row(self, alias: str, names: list[str] | tuple[str, ...] | None = None) -> str:
        """Write a row of columns.

        Args:
            alias: The table's.
            names: The columns; None for all that are copied.

        Returns:
            An expression.
        """
        chosen = self.copied if names is None else names
        return f"ROW({', '.join(f'{alias}.{quote(name)}' for name in chosen)})"

    def same_key(self, one: str, other: str) -> str:
        """Write the condition that two rows have the same key.

        Two keys that an index takes for one may be two here, never the other way round: the one is
        then deleted and the other inserted.

        Args:
            one: The alias of one table.
            other: That of the other.

        Returns:
            The condition.
        """
        types = {each.name: each.type_oid for each in self.plan.table.columns}
        terms = []
        for name in self.key:
            mine, theirs = (f"{alias}.{quote(name)}" for alias in (one, other))
            if types[name] >= _FIRST_USER_OID:
                mine, theirs = (
                    f'{side}::pg_catalog.text COLLATE "C"' for side in (mine, theirs)
                )
            terms.append(f"{mine} = {theirs}")
        return " AND ".join(terms)

    def word_key(self, alias: str) -> str:
        """Write the one key column as a number of 64 bits."""
        return f"{alias}.{quote(self.key[0])}::pg_catalog.int8"

    def hashed_key(self, alias: str) -> str:
        """Write a hash of the key's text."""
        return hashed(self.row(alias, self.key))

    @property
    def blocks(self) -> int:
        """Into how many blocks keys that are no numbers are parted: a power of two."""
        wanted = max(_FEWEST_BLOCKS, self.plan.table.size // _BLOCK)
        return min(_MOST_BLOCKS, 1 << (wanted - 1).bit_length())

    def block(self, alias: str) -> str:
        """Write the block that a key is in."""
        return f"({self.hashed_key(alias)} & {self.blocks - 1})"

    def summed(self, alias: str) -> str | None:
        """Write a hash of what arrives as it is; None where nothing does."""
        names = [name for name in self.copied if name not in self.rule.columns]
        return hashed(self.row(alias, names)) if names else None

    def part(self, alias: str, part: int, parts: int) -> str:
        """Write the condition that a row is in one part of the table.

        Args:
            alias: The table's.
            part: Which, from 0.
            parts: Of how many.

        Returns:
            The condition: each row is in exactly one part.
        """
        number = self.word_key(alias) if self.has_words else self.hashed_key(alias)
        return f"pg_catalog.abs({number} % {parts}) = {part}"


def hashed(row: str) -> str:
    """Write a hash of a row's text in UTF-8, the same on every server.

    Args:
        row: The row.

    Returns:
        An expression of 64 bits.
    """
    return f'pg_catalog.hashtextextended({row}::pg_catalog.text COLLATE "C", 0)'


def since(transaction: int) -> str:
    """Write the condition that a row was written by a transaction or a later one.

    The age of a row that was written before numbers came round is below 0, or it comes again,
    which does no harm.

    Args:
        transaction: Its number, of 64 bits.

    Returns:
        The condition.
    """
    oldest = transaction % 2**32
    return (
        f"pg_catalog.age(xmin) BETWEEN 0 AND pg_catalog.age('{oldest}'::pg_catalog.xid)"
    )
