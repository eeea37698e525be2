"""What CI says of known vulnerabilities, and of a database that it could not ask."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "lib"))

from audit import verdict


def test_a_vulnerability_is_named():
    safe = {"name": "safe", "version": "1", "vulns": []}
    weak = {"name": "weak", "version": "2", "vulns": [{"id": "CVE-2030-1"}]}
    found, said = verdict(json.dumps({"dependencies": [safe, weak]}))
    assert found == ["weak 2: CVE-2030-1"]
    assert "2 packages audited" in said


def test_what_could_not_be_audited_is_said():
    skipped = {"name": "x", "skip_reason": "not found"}
    found, said = verdict(json.dumps({"dependencies": [skipped]}))
    assert not found
    assert "1 packages are not in its database, and were NOT audited" in said
    assert verdict("connection refused") == (
        [],
        "pip-audit could not reach its database: nothing was audited",
    )
