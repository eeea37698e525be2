"""What ends a run, said so that somebody can go and look."""

from __future__ import annotations

from entrepot_core.base.errors import ReplicaError


class CannotRead(ReplicaError):
    """A file, or a setting, is not what it should be; nothing of the run is kept."""


class Misfit(CannotRead):
    """Something in a file does not fit; the message says where."""

    def __init__(
        self,
        file: str,
        what: str,
        *,
        line: int | None = None,
        offset: int | None = None,
        column: str | None = None,
    ) -> None:
        """Write the place, then what is wrong there.

        Args:
            file: Its name, as `_source_file` has it.
            what: What is wrong, without the value.
            line: Of the file, from 1.
            offset: Of the file's bytes as unpacked, from 0.
            column: As the table names it.
        """
        place = [file]
        if line is not None:
            place.append(f"line {line}")
        if offset is not None:
            place.append(f"byte {offset}")
        if column is not None:
            place.append(f"column {column}")
        super().__init__(f"{', '.join(place)}: {what}")


def shown(name: str) -> str:
    """Write a column's or member's name for a message, short enough to be read.

    Args:
        name: As the file has it.

    Returns:
        The text, in quotes.
    """
    longest = 80
    return repr(name if len(name) <= longest else f"{name[:longest]}…")
