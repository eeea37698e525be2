"""The memory of a sort: one merge does, whatever the table's size."""

from __future__ import annotations

import pytest

from pg_replica.restore.index_memory import enough

GB = 1024**3
RUN = 34 * 8192


@pytest.mark.parametrize("size", [0, 8192, GB, 10 * GB, 500 * GB])
def test_one_merge_takes_all_runs(size: int) -> None:
    memory = enough(size)
    runs = 2 * size / memory
    assert runs <= memory / RUN + 1


def test_a_small_table_needs_little_and_a_bigger_one_its_root() -> None:
    assert enough(0) == enough(GB // 4) == 16 * 1024**2
    assert enough(400 * GB) == pytest.approx(2 * enough(100 * GB), rel=0.01)
