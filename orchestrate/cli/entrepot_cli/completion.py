"""Completion of a verb's own options: the product is asked, as a shell would ask it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from click.shell_completion import CompletionItem

from entrepot_cli.products import NAME, Product

_TYPE, _VALUE, _HELP = range(3)
_FIELDS = 3  # lines of zsh's protocol for one item
_NO_HELP = "_"


def ask(product: Product, words: list[str]) -> list[CompletionItem]:
    """Ask a product what may come next.

    Args:
        product: Whose verb it is.
        words: The verb, its arguments, and the beginning of the one to complete.

    Returns:
        What the product proposes; nothing where it cannot be asked.
    """
    own = words[1:] if words[0] == product.command else words
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from {product.module}.cli import cli; cli(prog_name='{NAME}')",
        ],
        env={
            **os.environ,
            f"_{NAME.upper()}_COMPLETE": "zsh_complete",
            "COMP_WORDS": shlex.join([NAME, *own]),
            "COMP_CWORD": str(len(own)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    whole = len(lines) - len(lines) % _FIELDS
    items = [lines[place : place + _FIELDS] for place in range(0, whole, _FIELDS)]
    return [
        CompletionItem(
            item[_VALUE].replace("\\:", ":"),
            type=item[_TYPE],
            help=item[_HELP] if item[_HELP] != _NO_HELP else None,
        )
        for item in items
    ]
