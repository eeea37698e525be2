"""What ends a load, said so that somebody knows what to do."""


class CannotLoad(Exception):
    """The warehouse cannot take what the tap gives."""


class AnotherLoad(CannotLoad):
    """Another load of append tables is under way in this warehouse."""
