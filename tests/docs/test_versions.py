"""All packages have one version, and CHANGELOG.md knows it."""

import re
import shutil
import sys
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))

from release import release, versioned  # noqa: E402 -- a script, which is no package


def versions(root: Path) -> set[str]:
    """Read the version of each package, and the newest of CHANGELOG.md."""
    found = re.findall(
        r"^## \[(\d[^\]]*)\]", (root / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    lines = [
        re.search(r'^version(?:: | = )"([^"]+)"$', file.read_text(), re.MULTILINE)
        for file in versioned(root)
    ]
    assert all(lines)
    return {found[0], *(line[1] for line in lines)}


def test_all_packages_have_the_version_of_the_changelog():
    assert len(versioned(ROOT)) > 10
    assert len(versions(ROOT)) == 1


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in [*versioned(ROOT), ROOT / "CHANGELOG.md"]:
        target = tmp_path / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return tmp_path


def test_a_release_names_the_unreleased_changes(copy):
    (copy / "CHANGELOG.md").write_text(
        "# C\n\n## [Unreleased]\n\n- new\n\n## [0.1.0]\n"
    )
    release(copy, "9.8.7", date(2030, 1, 2))
    assert versions(copy) == {"9.8.7"}
    text = (copy / "CHANGELOG.md").read_text()
    assert "## [Unreleased]\n\n## [9.8.7] - 2030-01-02\n\n- new\n" in text


@pytest.mark.parametrize(
    ("version", "changes"), [("9.8", "- new"), ("v9.8.7", "- new"), ("9.8.7", "")]
)
def test_a_release_that_is_refused_writes_nothing(copy, version, changes):
    text = f"# C\n\n## [Unreleased]\n\n{changes}\n\n## [0.1.0]\n"
    (copy / "CHANGELOG.md").write_text(text)
    with pytest.raises(ValueError, match=r"version|Unreleased"):
        release(copy, version, date(2030, 1, 2))
    assert (copy / "CHANGELOG.md").read_text() == text
    assert versions(copy) == versions(ROOT)
