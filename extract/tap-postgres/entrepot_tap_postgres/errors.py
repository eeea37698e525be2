"""What makes a run impossible, said in one sentence."""


class Refused(Exception):
    """Something known before any row is read."""


class CannotContinue(Exception):
    """The source is not what the bookmark says it was."""
