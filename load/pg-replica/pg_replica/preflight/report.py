"""What the checks found."""

from __future__ import annotations

from dataclasses import dataclass, field

from entrepot_core.policy.tables import PolicyText
from entrepot_core.postgres.client_tools import ClientTools
from entrepot_core.postgres.identifiers import TableName
from pg_replica.dump.without import Lacking


@dataclass
class Report:
    """What the checks found.

    Attributes:
        problems: Each makes the run impossible or dangerous.
        warnings: Each deserves a look.
        notes: What was found in order.
        tools: The client tools that can be used, in order of preference.
        policy_text: The table policy as written.
        live_columns: The columns of the live night, by the names of its relations.
        amounts: The columns of type money that must arrive as numeric, each with its table.
        left_out: Items that are left out as if the policy tolerated it: nothing of rows needs them.
        lacking: What tables go without, because the warehouse cannot have it.
    """

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tools: list[ClientTools] = field(default_factory=list)
    policy_text: PolicyText | None = None
    live_columns: dict[TableName, set[str]] = field(default_factory=dict)
    amounts: list[tuple[TableName, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    lacking: dict[TableName, Lacking] = field(default_factory=dict)
