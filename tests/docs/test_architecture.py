"""docs/architecture.md lists every module, by its own first line."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))

from write_modules import PAGE, folders, written  # noqa: E402 -- a script, which is no package


def test_the_tables_of_modules_are_up_to_date():
    text = PAGE.read_text()
    assert written(text) == text, "run .venv/bin/python scripts/lib/write_modules.py"


def test_every_package_has_a_table():
    packages = [*ROOT.glob("core/*/__init__.py"), *ROOT.glob("[!.]*/*/*/__init__.py")]
    wanted = {
        str(file.parent.relative_to(ROOT))
        for file in packages
        if "tests" not in file.parts and file.parts[-3] != "entrepot_core"
    }
    assert set(folders(PAGE.read_text())) == wanted - {"tests/lab/entrepot_lab"}


def test_a_changed_first_line_is_noticed():
    text = PAGE.read_text()
    line = "| `cli` | "
    assert line in text
    assert written(text.replace(line, line + "not ", 1)) == written(text)
