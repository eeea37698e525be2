"""Names of the warehouse's schemas through a night.

The source's `public` lands in `public` and becomes the replica's schema; any other schema of the
source lands under its own name and becomes `<replica>_<schema>`, so that every live schema can be
renamed without touching what lands.
"""

from __future__ import annotations

from dataclasses import dataclass

from entrepot_core.config import domains
from entrepot_core.postgres.identifiers import LONGEST_NAME, PUBLIC

# What the warehouse's other tenants are called, beside models and raw rows: a source's schema of
# that name cannot land.
_TAKEN = frozenset({"entrepot_ops", "entrepot_info", "meltano"})
# The models that dbt rebuilds itself after each swap.
TRANSFORMED = (
    "staging",
    "enrichment",
    "external",
    "external_next",
    "external_previous",
)


def reserved() -> frozenset[str]:
    """Give what the warehouse's other tenants are called.

    Returns:
        Names of schemas.
    """
    return _TAKEN | frozenset(TRANSFORMED) | domains.raw_schemas()


@dataclass(frozen=True)
class Naming:
    """The names derived from `REPLICA_SCHEMA`."""

    replica: str

    def live(self, landing: str) -> str:
        """Give the schema in which readers find what lands in another.

        Args:
            landing: The schema's name on the source.

        Returns:
            The schema's name.
        """
        return self.replica if landing == PUBLIC else f"{self.replica}_{landing}"

    def following(self, landing: str) -> str:
        """Give the schema where a verified night waits for the swap.

        Args:
            landing: The schema's name on the source.

        Returns:
            The schema's name.
        """
        return f"{self.live(landing)}_next"

    def previous(self, live: str) -> str:
        """Give the name under which a live schema retires.

        Args:
            live: A live schema.

        Returns:
            The schema's name.
        """
        return f"{live}_previous"

    @property
    def incremental(self) -> str:
        """The schema of the append tables, which no swap touches."""
        return f"{self.replica}_incremental"

    def problems(self, landing: list[str]) -> list[str]:
        """Find the source's schemas that cannot land.

        Args:
            landing: The source's schemas.

        Returns:
            One sentence for each collision.
        """
        taken = reserved() | {self.replica, self.incremental}
        found = []
        for schema in landing:
            if schema in taken or schema.startswith(
                (f"{self.replica}_", f"{self.replica}.")
            ):
                found.append(
                    f"the source's schema {schema!r} collides with a schema of the warehouse: "
                    "rename it, or choose another REPLICA_SCHEMA"
                )
            elif len(self.previous(self.live(schema)).encode()) > LONGEST_NAME:
                found.append(
                    f"the source's schema {schema!r} is too long for "
                    f"{self.previous(self.live(schema))!r}: choose a shorter REPLICA_SCHEMA"
                )
        return found
