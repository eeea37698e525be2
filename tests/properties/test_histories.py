"""Rows with random histories: after each night the replica equals the source."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from random import Random

import psycopg
import pytest

from entrepot_lab.invented.compare import differences
from entrepot_lab.invented.histories import Histories
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import Lab

_SEED = int(os.environ.get("INVENTED_SEED", "1"))
_MINUTES = float(os.environ.get("INVENTED_MINUTES", "0"))
_AT_ONCE = 20  # histories of one source
_NIGHTS = 5
_MIGRATED = 3  # the night before which definitions change
_PAIRS = [("wheel", "wheel"), ("system", "system"), ("system", "wheel")]
_SHOWN = 40  # differences
_FULL = "everything is copied: "
_HAND = """
DELETE FROM pix_gen0.numbers WHERE id % 5 = 0;
UPDATE pix_gen0.texts SET v = 'by hand';
INSERT INTO pix_gen0.bag VALUES (1, 'by hand', '[]');
"""


def _night(lab: Lab, histories: Histories, ways: Counter[str]) -> list[str]:
    """Replicate and compare; count the way."""
    output = lab.night(REPLICATION="auto")
    reason = output.partition(_FULL)[2].partition(" run=")[0]
    ways[reason or "delta"] += 1
    servers = (lab.source_server, lab.warehouse_server)
    with (
        servers[0].admin(f"{lab.name}_source") as there,
        servers[1].admin(f"{lab.name}_warehouse") as here,
    ):
        return [
            f"{reason or 'delta'}: {name}: {line}"
            for name in histories.names
            for line in differences(there, here, name, is_followed=True)
        ]


def _histories(
    servers: dict[str, Cluster], folder: Path, seed: int, kinds: tuple[str, str]
) -> Counter[str]:
    source, warehouse = (servers[kind] for kind in kinds)
    lab = Lab(source, warehouse, f"histories_{seed}", folder).create()
    chance, ways = Random(seed), Counter[str]()
    names = [f"gen{number}" for number in range(_AT_ONCE)]
    with (
        lab.source() as session,
        psycopg.connect(lab.source_url(), autocommit=True) as other,
    ):
        histories = Histories(session, other, chance, names)
        histories.create()
        for night in range(_NIGHTS):
            if night == _MIGRATED:
                histories.migrate()
            if night:
                histories.day()
            if night == _NIGHTS - 1:
                with warehouse.admin(f"{lab.name}_warehouse") as by_hand:
                    by_hand.execute(_HAND)
            found = _night(lab, histories, ways)
            listed = "\n".join(found[:_SHOWN])
            assert not found, f"seed {seed}, night {night}:\n{listed}"
        histories.close()
    lab.drop()
    return ways


@pytest.mark.timeout(300)
def test_random_histories(servers: dict[str, Cluster], tmp_path: Path) -> None:
    kind = "system" if "system" in servers else "wheel"
    ways = _histories(servers, tmp_path, _SEED, (kind, "wheel"))
    print(ways)
    # The first night and the migrated one copy everything.
    assert ways["delta"] == _NIGHTS - 2, ways


@pytest.mark.skipif(not _MINUTES, reason="takes as long as one likes: --long")
@pytest.mark.timeout(0)
def test_as_many_histories_as_fit(servers: dict[str, Cluster], tmp_path: Path) -> None:
    first = _SEED if "INVENTED_SEED" in os.environ else int(time.time())
    until, seed, ways = time.monotonic() + 60 * _MINUTES, first, Counter[str]()
    pairs = [pair for pair in _PAIRS if not set(pair) - set(servers)]
    while time.monotonic() < until:
        ways += _histories(servers, tmp_path, seed, pairs[seed % len(pairs)])
        seed += 1
        print(f"{_AT_ONCE * (seed - first)} histories, INVENTED_SEED={first}: {ways}")
