"""What stands below the options in a command's help: examples, and what exit statuses mean."""

from __future__ import annotations

EXIT_STATUS = """\b
Exit status:
  0    done
  1    failed
  2    refused before any work
  3    another night runs, on this machine or another
  4    the new night is published, but something after it failed or differed
  130  ended by SIGINT        143  ended by SIGTERM
"""


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
