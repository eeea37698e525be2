"""Which Metabase has made a database."""

from __future__ import annotations

import pytest

from entrepot_metabase_backup.database import version


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["v00.00-000", "v49.2023-01-24T12:00:00", "v50.2024-01-04T13:52:51"], 50),
        (["1", "283"], None),  # ids of the oldest versions name none
        ([], None),
    ],
)
def test_the_newest_change_says_the_version(ids, found):
    assert version(ids) == found
