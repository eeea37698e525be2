"""Look for known vulnerabilities of what dev.lock installs, where the database can be reached.

    .venv/bin/python scripts/lib/audit.py

Only a vulnerability fails: a database that cannot be reached is said, and no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_LIMIT = 300  # seconds


def verdict(answer: str) -> tuple[list[str], str]:
    """Read what pip-audit answered.

    Args:
        answer: Its JSON; anything else where it could not ask.

    Returns:
        The vulnerabilities, and a sentence on what was looked at.
    """
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return [], "pip-audit could not reach its database: nothing was audited"
    audited = [each for each in packages if "skip_reason" not in each]
    found = [
        f"{each['name']} {each['version']}: {vulnerability['id']}"
        for each in audited
        for vulnerability in each["vulns"]
    ]
    skipped = len(packages) - len(audited)
    said = f"pip-audit: {len(audited)} packages audited, {len(found)} vulnerabilities"
    if skipped:
        said += f"; {skipped} packages are not in its database, and were NOT audited"
    return found, said


def main() -> int:
    """Run pip-audit.

    Returns:
        1 when something is vulnerable.
    """
    command = [
        str(Path(sys.executable).with_name("pip-audit")),
        "--requirement=requirements/dev.lock",
        "--disable-pip",
        "--no-deps",
        "--format=json",
        "--progress-spinner=off",
        "--timeout=10",
    ]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        answer = done.stdout
    except subprocess.TimeoutExpired:
        answer = ""
    found, said = verdict(answer)
    print("\n".join([*found, said]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
