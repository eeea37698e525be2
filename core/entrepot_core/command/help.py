"""What stands below the options in a command's help: examples, and what exit statuses mean."""

from __future__ import annotations

from entrepot_core.base.errors import EXIT_STATUSES

# `\b` keeps click from wrapping the lines.
EXIT_STATUS = "\n".join(
    [
        "\b",
        "Exit status:",
        *(f"  {code:<3}  {text}" for code, text in EXIT_STATUSES.items()),
    ]
)


def examples(*lines: tuple[str, str]) -> str:
    """Write examples as an epilog of click's.

    Args:
        lines: Of each, the arguments of `meltano invoke ops` and what they are for.

    Returns:
        Text that click does not wrap.
    """
    column = max(len(arguments) for arguments, _ in lines)
    written = [f"  {arguments:{column}}  {purpose}" for arguments, purpose in lines]
    return "\n".join(["\b", "Examples, after `meltano invoke ops`:", *written])
