"""What scripts/lint refuses: each wall with one who climbs over it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))

from check_lengths import too_long  # noqa: E402 -- a script, which is no package

# A module, what it must not import, and the contract that says so.
WRONG = [
    ("entrepot_core/base/errors.py", "pg_replica.settings", "The core knows no"),
    ("entrepot_ops/settings.py", "pg_replica.settings", "Products never import"),
    ("entrepot_tap_csv/tap.py", "entrepot_tap_dcat.tap", "Products never import"),
    ("entrepot_core/base/logs.py", "entrepot_core.singer.plugin", "Layers of the core"),
    ("pg_replica/dump/items.py", "pg_replica.night", "Layers of pg-replica"),
    ("entrepot_ops/settings.py", "entrepot_ops.cli", "Layers of ops"),
    (
        "entrepot_target_postgres/errors.py",
        "entrepot_target_postgres.target",
        "Layers of target-postgres",
    ),
]


def packages() -> list[Path]:
    """The folders of the project's own packages."""
    found = [*ROOT.glob("core/*/__init__.py"), *ROOT.glob("*/*/*/__init__.py")]
    return [file.parent for file in found if file.parts[-3] != "tests"]


def broken_contracts(folder: Path) -> str:
    """Run import-linter on a copy of the packages, and give what it says is broken."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-logo", "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    assert (done.returncode == 0) == ("0 broken" in done.stdout)
    return "\n".join(line for line in done.stdout.splitlines() if "BROKEN" in line)


def test_a_wrong_import_breaks_its_contract(tmp_path: Path) -> None:
    for package in packages():
        shutil.copytree(
            package, tmp_path / package.name, ignore=shutil.ignore_patterns("*.pyc")
        )
    assert broken_contracts(tmp_path) == ""
    for module, wrong, _ in WRONG:
        with (tmp_path / module).open("a", encoding="utf-8") as file:
            file.write(f"\nimport {wrong}\n")
    broken = broken_contracts(tmp_path)
    assert [name for _, _, name in WRONG if name not in broken] == []


@pytest.mark.parametrize(
    ("lines", "members", "expected"),
    [(400, 249, 0), (401, 249, 1), (400, 250, 1), (401, 250, 2)],
)
def test_long_files_and_classes_are_refused(
    lines: int, members: int, expected: int
) -> None:
    body = ["class Long:", *(f"    a{number} = 0" for number in range(members))]
    rest = ["x = 0"] * (lines - len(body))
    assert len(list(too_long("f.py", "\n".join([*body, *rest])))) == expected
