"""What stands below the options in a command's help: examples, and what exit statuses mean."""

from __future__ import annotations

import textwrap

from entrepot_core.base.errors import EXIT_STATUSES
from entrepot_core.config import variables

# `\b` keeps click from wrapping the lines.
EXIT_STATUS = "\n".join(
    [
        "\b",
        "Exit status:",
        *(f"  {code:<3}  {text}" for code, text in EXIT_STATUSES.items()),
    ]
)


def epilog(part: str) -> str:
    """Write what stands below the options of a command: exit statuses, and its variables.

    Args:
        part: The command, as the registry of variables calls it.

    Returns:
        Text for click.
    """
    names = ", ".join(variables.read_by(part))
    lines = textwrap.wrap(
        names, 76, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )
    return "\n".join([EXIT_STATUS, "", "\b", "Variables, see .env.example:", *lines])


def examples(*lines: tuple[str, str]) -> str:
    """Write examples as an epilog of click's.

    Args:
        lines: Of each, the arguments of `entrepot` and what they are for.

    Returns:
        Text that click does not wrap.
    """
    column = max(len(arguments) for arguments, _ in lines)
    written = [f"  {arguments:{column}}  {purpose}" for arguments, purpose in lines]
    return "\n".join(
        ["\b", "Examples, after `entrepot` (or `meltano invoke ops`):", *written]
    )
