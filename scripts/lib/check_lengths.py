"""Refuse Python files and classes that are longer than one idea."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FILE_LINES = 400
_CLASS_LINES = 250


def main() -> int:
    """Look at every Python file that git knows or would add.

    Returns:
        The exit status: 1 if one is too long.
    """
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    names = subprocess.run(
        listed, cwd=_ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    found = [
        sentence
        for name in sorted(names)
        if (_ROOT / name).is_file()
        for sentence in too_long(name, (_ROOT / name).read_text(encoding="utf-8"))
    ]
    for sentence in found:
        print(sentence)
    return int(bool(found))


def too_long(name: str, text: str) -> Iterator[str]:
    """Find what is too long in a file.

    Args:
        name: The file's name, for the message.
        text: Its content.

    Yields:
        One sentence for the file, and one for each class.
    """
    if (lines := len(text.splitlines())) > _FILE_LINES:
        yield f"{name}: {lines} lines, {_FILE_LINES} are the most: split it by ideas"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > _CLASS_LINES:
                yield (
                    f"{name}:{node.lineno}: class {node.name} has {lines} lines, "
                    f"{_CLASS_LINES} are the most"
                )


if __name__ == "__main__":
    sys.exit(main())
