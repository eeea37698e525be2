"""The group of verbs: help, completion, and the way to whoever has a verb."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import click

from entrepot_cli import completion, products, project
from entrepot_cli.products import NAME, PRODUCTS, Product
from entrepot_core.base.suggest import nearest
from entrepot_core.command import frame
from entrepot_core.command.help import EXIT_STATUS

# What people look for first; whatever else there is comes after it.
_SECTIONS = {
    "To begin": ("init", "check", "propose", "scaffold", "crontab"),
    "Every day": ("night", "status", "report", "audit", "notify"),
}
_REST = "Now and then"
_EXAMPLES = """\b
Examples:
  entrepot check             every problem that a night would meet, at once
  entrepot night --dry-run   what a night would do
  entrepot night             a night, or the rest of one that failed
  entrepot status            the last nights, and when the next one is due
  entrepot night --help      a verb has a help of its own

\b
Settings are those of .env in the project's folder, unless the shell has them.
`entrepot pg-replica status` reaches a verb whose name both have.
Completion (or zsh_source, fish_source):
  eval "$(_ENTREPOT_COMPLETE=bash_source entrepot)"
"""


class _Forwarded(click.Command):
    """A verb of a product: its arguments are the product's own business."""

    def __init__(self, name: str, product: Product) -> None:
        super().__init__(name, add_help_option=False)
        self._product = product

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return []

    def invoke(self, ctx: click.Context) -> NoReturn:
        given = ctx.find_root().params
        file = given["env_file"]
        root = project.find_root(Path.cwd())
        environment = project.environment(root, file.resolve() if file else None)
        log = ["--log-format", given["log_format"]] if given["log_format"] else []
        words = [str(ctx.info_name), *ctx.args]
        if self.name == self._product.command:
            words = [words[0], *log, *words[1:]]
        else:
            words = [*log, *words]
        self._product.become(words, environment)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        words = [str(ctx.info_name), *ctx.args, incomplete]
        return completion.ask(self._product, words)


class _Verbs(click.Group):
    """Every verb of every product, and the products' own names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(products.all_verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        named = [each for each in PRODUCTS if each.command == cmd_name]
        product = named[0] if named else products.owner(cmd_name)
        if product is None:
            near = nearest(cmd_name, self.list_commands(ctx))
            ctx.fail(f"there is no verb {cmd_name!r}.{near}")
        return _Forwarded(cmd_name, product)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        verbs = products.all_verbs()
        chosen = {verb for names in _SECTIONS.values() for verb in names}
        rest = tuple(verb for verb in verbs if verb not in chosen)
        for title, names in {**_SECTIONS, _REST: rest}.items():
            lines = [(name, verbs[name]) for name in names if name in verbs]
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)


@click.group(
    cls=_Verbs,
    context_settings=frame.HELP_OPTIONS,
    options_metavar="[OPTIONS]",
    subcommand_metavar="VERB …",
    epilog=f"{_EXAMPLES}\n{EXIT_STATUS}",
)
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of settings.  [default: .env of the project]",
)
@frame.log_format_option
@click.version_option(version("entrepot-cli"), prog_name=NAME)
def cli(env_file: Path | None, log_format: str | None) -> None:
    """Rebuild a data warehouse every night, and look after it by day."""
    del env_file, log_format  # read where a verb is started


def main() -> None:
    """Run the command; every failure is one clear message and an exit status."""
    frame.run(cli, NAME)
