"""What makes a run impossible, said in one sentence."""

from entrepot_core.base.errors import ReplicaError


class Refused(ReplicaError):
    """Something known before any row is read."""


class CannotContinue(ReplicaError):
    """The source is not what the bookmark says it was."""
