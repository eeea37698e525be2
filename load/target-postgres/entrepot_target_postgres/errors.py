"""What ends a load, said so that somebody knows what to do."""

from __future__ import annotations

from entrepot_core.base.errors import ReplicaError


class CannotLoad(ReplicaError):
    """The warehouse cannot take what the tap gives."""


class AnotherLoad(CannotLoad):
    """Another load of the same tables is under way in this warehouse."""

    exit_code = 3
