"""Write the tables of modules in docs/architecture.md, from each module's first line.

    .venv/bin/python scripts/lib/write_modules.py

A table stands between `<!-- modules: FOLDER -->` and `<!-- end -->`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
_PART = re.compile(
    r"(<!-- modules: (?P<folder>\S+) -->\n)(?P<table>.*?)(<!-- end -->)", re.DOTALL
)


def folders(text: str) -> list[str]:
    """List the packages that a page has a table of.

    Args:
        text: The page.

    Returns:
        Their folders, below the project's.
    """
    return [part["folder"] for part in _PART.finditer(text)]


def written(text: str) -> str:
    """Write all tables of a page anew.

    Args:
        text: The page.

    Returns:
        The page as it should be.
    """
    return _PART.sub(
        lambda part: part[1] + _table(ROOT / part["folder"]) + part[4], text
    )


def _table(package: Path) -> str:
    """Write one table, with a row for each folder and each module."""
    lines = ["| module | one idea |\n", "|---|---|\n"]
    for file in sorted(package.rglob("*.py"), key=_place):
        name = file.relative_to(package).with_suffix("")
        if file.name == "__init__.py":
            if file.parent == package:
                continue
            shown = f"**`{name.parent}/`**"
        else:
            shown = f"`{name}`"
        lines.append(f"| {shown} | {_first_line(file)} |\n")
    return "".join(lines)


def _place(file: Path) -> tuple[tuple[str, ...], bool, str]:
    """Sort a folder's own line before its modules, and a package's modules before folders."""
    return file.parent.parts, file.name != "__init__.py", file.name


def _first_line(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ").replace("|", "\\|").rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
