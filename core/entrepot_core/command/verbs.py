"""What a command says of its own verbs, to programs that start them."""

from __future__ import annotations

import json

import click

LIST = "--verbs"
_LONGEST = 120  # characters


def described(group: click.Group, context: click.Context) -> dict[str, str]:
    """Describe the verbs of a command.

    Args:
        group: The command.
        context: Its context.

    Returns:
        By verb, what it does in one line, in the group's own order.
    """
    found: dict[str, str] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            found[name] = command.get_short_help_str(_LONGEST)
    return found


def _print(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and isinstance(context.command, click.Group):
        click.echo(json.dumps(described(context.command, context)))
        context.exit()


option = click.option(
    LIST, is_flag=True, is_eager=True, hidden=True, expose_value=False, callback=_print
)
