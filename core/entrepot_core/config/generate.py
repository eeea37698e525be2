"""Write what is made from the registries: `.env.example` and the settings in the documentation.

`python -m entrepot_core.config.generate` writes them, `--check` says which are stale.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from entrepot_core.base.errors import EXIT_STATUSES
from entrepot_core.config import domains
from entrepot_core.config.project import project_root
from entrepot_core.config.variables import Variable, sections

_WIDTH = 100  # characters of a line
_RULE = "-" * 76
_HEAD = """\
# Every variable that Entrepôt reads. Copy to .env (kept out of git; chmod 600) and fill in.
# For each: a sentence, presence, type, default, sample. Wrong or missing ones are reported
# together by `meltano invoke pg-replica check`, and before any night. A $ in a value is taken for
# a variable: write %24 in URLs.
# Made from core/entrepot_core/config/variables.yml by `python -m entrepot_core.config.generate`.
"""
_SETTINGS = """\
# Settings

Every environment variable that Entrepôt reads, from its `.env`; `.env.example` has samples.
This page is made from `core/entrepot_core/config/variables.yml` and `domains.yml` by
`python -m entrepot_core.config.generate`.

*Redone* marks those of which another value means other data: `ops nightly`, when it continues a
night, then does the steps again that had succeeded with the value before.
"""


def env_example() -> str:
    """Write `.env.example`.

    Returns:
        Its text.
    """
    blocks = [_HEAD]
    for section in sections():
        blocks.append(f"# {_RULE} {section.title}\n")
        blocks += [_as_example(each) for each in section.variables]
    return "\n".join(blocks)


def _as_example(variable: Variable) -> str:
    lines = [f"# {line}" for line in textwrap.wrap(variable.sentence, _WIDTH - 2)]
    lines += [
        f"#   presence: {variable.presence}",
        f"#   type: {variable.type}",
        *(f"#     {name:<10}  {does}" for name, does in _choices(variable)),
        f"#   default: {variable.default}",
        f"#   sample: {variable.sample}",
        f"{'#' if variable.commented else ''}{variable.name}=",
    ]
    return "\n".join(lines) + "\n"


def _choices(variable: Variable) -> list[tuple[str, str]]:
    return list(domains.KNOWN.items()) if variable.choices == "domains" else []


def settings_page() -> str:
    """Write the page of settings.

    Returns:
        Its Markdown.
    """
    blocks = [_SETTINGS]
    for section in sections():
        title = section.title[0].upper() + section.title[1:]
        blocks.append(
            f"## {title}\n\n"
            "| variable | what it is | presence | type | default | read by | redone |\n"
            "|---|---|---|---|---|---|---|\n"
            + "".join(_as_row(each) for each in section.variables)
        )
    blocks.append(
        "## Domains\n\n| domain | what it is | steps of a night | variables | raw schemas |\n"
        "|---|---|---|---|---|\n"
        + "".join(
            _row(
                f"`{name}`",
                domain.sentence,
                ", ".join(f"`{step}`" for step in domain.steps),
                ", ".join(f"`{each}`" for each in domain.variables),
                ", ".join(f"`{each}`" for each in domain.raw_schemas),
            )
            for name, domain in domains.ALL.items()
        )
    )
    blocks.append(
        "## Exit statuses of every command\n\n| status | means |\n|---|---|\n"
        + "".join(_row(str(code), text) for code, text in EXIT_STATUSES.items())
    )
    return "\n".join(blocks)


def _as_row(variable: Variable) -> str:
    kind = variable.type
    if choices := _choices(variable):
        kind += " " + ", ".join(f"`{name}`" for name, _ in choices)
    return _row(
        f"`{variable.name}`",
        variable.sentence,
        variable.presence,
        kind,
        variable.default,
        ", ".join(variable.read_by),
        "yes" if variable.redo else "",
    )


def _row(*cells: str) -> str:
    shown = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(shown)} |\n"


# Each file below the project's folder, and what writes its text.
FILES: dict[str, Callable[[], str]] = {
    ".env.example": env_example,
    "docs/settings.md": settings_page,
}


def stale(root: Path) -> list[str]:
    """Find files that are not what the registries say.

    Args:
        root: The project's folder.

    Returns:
        Their names.
    """
    return [
        name
        for name, write in FILES.items()
        if not (root / name).is_file()
        or (root / name).read_text(encoding="utf-8") != write()
    ]


def main() -> None:
    """Write the files, or say which are stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    root = project_root()
    if parser.parse_args().check:
        if found := stale(root):
            print(f"stale: {', '.join(found)}: python -m entrepot_core.config.generate")
            sys.exit(1)
        return
    for name, write in FILES.items():
        (root / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
