"""The Meltano project."""

from __future__ import annotations

import os
from pathlib import Path


def project_root() -> Path:
    """Find the Meltano project's folder.

    Returns:
        What Meltano says when it runs us, else the current folder.
    """
    return Path(os.environ.get("MELTANO_PROJECT_ROOT") or ".").resolve()
