"""Check the types of all packages, strictly, then those of the tests and the benchmarks.

A test's arguments are fixtures, which are known by their names: they need no annotations, but
what a test does with what it is given is checked.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("benchmarks", "scripts/lib", "tests/*", "*/tests", "*/*/tests")
_FOR_TESTS = (
    "--cache-dir=.cache/mypy-tests",
    "--follow-imports=silent",  # the packages have been checked
    "--check-untyped-defs",
    "--allow-untyped-defs",
    "--allow-incomplete-defs",
    "--allow-untyped-calls",
    "--allow-any-generics",
    "--no-warn-return-any",
    "--no-warn-unreachable",  # wrong where a block may swallow what it raises
    "--no-strict-optional",  # a None where none is expected fails the test by itself
)


def main() -> int:
    """Run mypy as often as it takes.

    Returns:
        The exit status: 0 if there is no error anywhere.
    """
    failed = _mypy(["--cache-dir=.cache/mypy"])
    for paths in _groups(_test_folders()):
        failed |= _mypy([*_FOR_TESTS, *map(str, paths)])
    return int(failed)


def _mypy(arguments: list[str]) -> bool:
    command = [sys.executable, "-m", "mypy", "--no-error-summary", *arguments]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode != 0


def _test_folders() -> Iterator[list[Path]]:
    for pattern in _FOLDERS:
        for folder in sorted(_ROOT.glob(pattern)):
            if files := sorted(folder.glob("*.py")):
                yield files


def _groups(folders: Iterable[list[Path]]) -> list[list[Path]]:
    """Put together what one run can check: folders in which no two modules have one name."""
    groups: list[dict[str, Path]] = []
    for files in folders:
        modules = {file.name: file for file in files}
        for group in groups:
            if group.keys().isdisjoint(modules):
                group.update(modules)
                break
        else:
            groups.append(modules)
    return [list(group.values()) for group in groups]


if __name__ == "__main__":
    sys.exit(main())
