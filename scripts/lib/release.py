"""Give every package one new version, and CHANGELOG.md's unreleased changes its name.

.venv/bin/python scripts/lib/release.py 0.2.0
"""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

_FORM = re.compile(r"\d+\.\d+\.\d+")
_LINE = re.compile(r'^version(?P<sign>: | = )"[^"]+"$', re.MULTILINE)
_UNRELEASED = "## [Unreleased]\n"


def versioned(root: Path) -> list[Path]:
    """List the files that hold the version.

    Args:
        root: The project's folder.

    Returns:
        The files, in order.
    """
    packages = [root / "core/pyproject.toml", *root.glob("[!.]*/*/pyproject.toml")]
    return sorted(
        {root / "pyproject.toml", *packages, root / "transform/dbt_project.yml"}
    )


def release(root: Path, version: str, day: date) -> None:
    """Write a version into all files.

    Args:
        root: The project's folder.
        version: Such as `0.2.0`.
        day: The day of the release.

    Raises:
        ValueError: If the version is none, or nothing is unreleased; nothing is written then.
    """
    if not _FORM.fullmatch(version):
        raise ValueError(f"{version!r} is no version; write it as 0.2.0")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    body = text.partition(_UNRELEASED)[2].partition("\n## [")[0]
    if not body.strip():
        raise ValueError("CHANGELOG.md has nothing under [Unreleased]")
    heading = f"{_UNRELEASED}\n## [{version}] - {day.isoformat()}\n"
    changelog.write_text(text.replace(_UNRELEASED, heading, 1), encoding="utf-8")
    for file in versioned(root):
        old = file.read_text(encoding="utf-8")
        file.write_text(
            _LINE.sub(rf'version\g<sign>"{version}"', old, count=1), encoding="utf-8"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        release(Path(__file__).resolve().parents[2], sys.argv[1], date.today())  # noqa: DTZ011
    except ValueError as error:
        sys.exit(f"error: {error}")
