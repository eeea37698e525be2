"""uv's variables for the settings that this machine has for pip, which uv itself does not read.

    uv_settings.py PYTHON     the Python whose pip is asked

Prints NAME=VALUE, one a line. Ends with 1 where pip has a setting that uv has no equal of: then pip
itself is to be used.
"""

from __future__ import annotations

import ast
import subprocess
import sys

# pip's setting → uv's variable, and what separates several values there.
_VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "proxy": ("ALL_PROXY", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
}
# What says how pip speaks, or where it keeps things, and not what it installs from where.
_OF_NO_MATTER = {
    *(
        "disable-pip-version-check",
        "no-input",
        "progress-bar",
        "quiet",
        "verbose",
        "retries",
    ),
    *("cache-dir", "no-cache-dir", "root-user-action", "require-virtualenv", "log"),
    "constraint",  # the lock says each version, and uv takes none beside hashes
    *("break-system-packages", "no-color", "prefer-binary", "user", "format"),
}


def variables(listed: str) -> dict[str, str] | None:
    """Translate pip's settings.

    Args:
        listed: What `pip config list` prints.

    Returns:
        uv's variables; None where there is a setting that uv has no equal of.
    """
    # As pip does, the best of all indexes: the lock's hashes say which file is right.
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        place, _, setting = name.rpartition(".")
        if place not in ("global", "install", ":env:"):
            continue
        if setting in _OF_NO_MATTER:
            continue
        if setting not in _VARIABLES:
            return None
        variable, separator = _VARIABLES[setting]
        found[variable] = separator.join(str(ast.literal_eval(value)).split())
    return found


def main() -> None:
    """Print the variables."""
    listed = subprocess.run(
        [sys.argv[1], "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = variables(listed.stdout) if listed.returncode == 0 else None
    if found is None:
        sys.exit(1)
    for name, value in found.items():
        print(f"{name}={value}")


if __name__ == "__main__":
    main()
