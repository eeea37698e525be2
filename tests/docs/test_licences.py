"""Everything that is installed is under a licence that is allowed."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "lib"))

from write_licences import PAGE, locked, problems, written


def test_every_licence_is_allowed_and_every_package_listed():
    # Not the page's every word: packages call one licence by two names in two versions.
    _, wrong = written()
    assert not wrong
    listed = set(re.findall(r"^\| ([\w-]+) \| ", PAGE.read_text(), re.MULTILINE))
    assert listed - {"package"} == set(locked()), "run scripts/lib/write_licences.py"


def test_a_licence_that_is_not_on_the_list_is_refused():
    found = problems({"good": "MIT", "closed": "Elastic-2.0", "silent": "unknown"})
    assert [sentence.split()[0] for sentence in found] == ["closed", "silent"]
