"""dbt's macros are documented beside them, with the arguments that they have."""

import re
from pathlib import Path

import pytest
import yaml

MACROS = Path(__file__).parents[2] / "transform" / "macros"
ROOMS = sorted(path.name for path in MACROS.iterdir() if path.is_dir())
_MACRO = re.compile(r"{%-? macro (?P<name>\w+)\((?P<arguments>[^)]*)\)")
_MATERIALIZATION = re.compile(
    r"{%-? materialization (?P<name>\w+), adapter='(?P<adapter>\w+)'"
)


def defined(folder: Path) -> dict[str, list[str]]:
    """Read the macros of a folder.

    Args:
        folder: Where their files are.

    Returns:
        Each macro's name, as dbt knows it, with the names of its arguments.
    """
    found: dict[str, list[str]] = {}
    for file in folder.glob("*.sql"):
        text = file.read_text()
        for macro in _MACRO.finditer(text):
            arguments = [
                part.split("=")[0].strip() for part in macro["arguments"].split(",")
            ]
            found[macro["name"]] = [name for name in arguments if name]
        for one in _MATERIALIZATION.finditer(text):
            found[f"materialization_{one['name']}_{one['adapter']}"] = []
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_each_macro_is_documented_with_its_arguments(room):
    said = yaml.safe_load((MACROS / room / "_macros.yml").read_text())["macros"]
    documented = {m["name"]: [a["name"] for a in m.get("arguments", [])] for m in said}
    assert documented == defined(MACROS / room)
    assert all(m["description"] for m in said)
    assert all(
        a["description"] and a["type"] for m in said for a in m.get("arguments", [])
    )


def test_no_macro_lies_outside_a_room():
    assert not list(MACROS.glob("*.sql"))
