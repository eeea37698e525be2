"""Keywords of our JSON schemas that Singer does not define, each spelt once.

A target that does not know them ignores them, as JSON Schema says of unknown keywords.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Of a stream's schema: the definition of its source table (`TableDefinition`).
TABLE_DEFINITION = "x-postgres"
# Of a property: its type in PostgreSQL, as `format_type` spells it.
TYPE = "x-postgres-type"
# Of a stream's schema: lists of columns, each of which gets an index.
INDEXES = "x-postgres-indexes"
# Of a stream's schema: columns whose values name a part of the table, and the parts that this run
# replaces, each a list of values of these columns.
REPLACE_BY, REPLACE = "x-replace-by", "x-replace"
# Of a stream's schema: columns that say where a row is from, for error messages.
ORIGIN = "x-origin"
# Of a stream's schema: true if rows must not be replaced by none.
REFUSE_EMPTY = "x-refuse-empty"


def of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the keywords of this kind, which the SDK's stream maps would leave out.

    Args:
        schema: A stream's JSON schema, or a property of one.

    Returns:
        Those of it.
    """
    return {name: value for name, value in schema.items() if name.startswith("x-")}
