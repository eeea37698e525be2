"""The site asks nobody for anything."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "lib"))

from build_docs import INTERFACES, fetched, package_folders


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ('<script src="https://cdn.example/x.js">', ["https://cdn.example/x.js"]),
        ('<link rel="stylesheet" href="//fonts.example/a">', ["//fonts.example/a"]),
        ('<img alt="" src=https://img.example/a.png>', ["https://img.example/a.png"]),
        ('<a href="https://docs.example">a link is followed by people</a>', []),
        ('<link rel="canonical" href="https://site.example">', []),
        ('<script src="assets/x.js">', []),
    ],
)
def test_what_a_page_fetches_is_seen(page, asked):
    assert fetched(page) == asked


def test_every_package_has_a_page_of_its_interface():
    assert set(INTERFACES) == set(package_folders()) - {"entrepot_lab"}
    for package, modules in INTERFACES.items():
        folder = package_folders()[package] / package
        for module in modules:
            assert (folder / f"{module.replace('.', '/')}.py").is_file(), module
