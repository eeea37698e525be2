"""What a command loads when it runs: the core and its own package, nothing of its neighbours."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_OURS = ("pg_replica", "entrepot_")
_SCRIPT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        ("entrepot_ops", ["cli", "nights.command", "cron"]),
        ("pg_replica", ["cli", "commands.status"]),
        ("entrepot_target_postgres", ["__main__", "target"]),
        ("entrepot_tap_postgres", ["__main__", "tap"]),
        ("entrepot_tap_csv", ["__main__", "tap"]),
        ("entrepot_tap_dcat", ["__main__", "tap"]),
        ("entrepot_tap_lcms", ["__main__", "tap"]),
        ("entrepot_tap_rest", ["__main__", "tap"]),
        ("entrepot_map_transform", ["__main__", "mapper"]),
        ("entrepot_dbt", ["runner"]),
    ],
)
def test_a_command_loads_the_core_and_its_own(package: str, modules: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *(f"{package}.{name}" for name in modules)],
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {name for name in json.loads(done.stdout) if name.startswith(_OURS)}
    assert package in ours
    assert ours <= {"entrepot_core", package}
