"""Databases that nobody has thought of: a night brings whatever they hold, and so does the next."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from entrepot_lab.invented.batch import Batch
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.servers import ROOT
from entrepot_lab.postgres.warehouse import Lab

_FOUND = Path(__file__).parent / "found"
_KEPT = ROOT / ".cache" / "invented"
_SEED = int(os.environ.get("INVENTED_SEED", "1"))
_MINUTES = float(os.environ.get("INVENTED_MINUTES", "0"))
_AT_ONCE = 10  # schemas of one source
_SHOWN = 40  # differences
_PAIRS = [("wheel", "wheel"), ("system", "system"), ("system", "wheel")]


def _nights(
    servers: dict[str, Cluster], folder: Path, pair: tuple[str, str], seed: int
) -> None:
    """Replicate twice in two ways each, and compare each time."""
    source, warehouse = (servers[kind] for kind in pair)
    lab = Lab(source, warehouse, f"invented_{seed}", folder).create()
    with Batch(lab, seed) as batch:
        batch.invent(_AT_ONCE)
        batch.take(_FOUND)
        found = batch.night("live") + batch.night("custom")
        batch.next_day()
        found += batch.night("live") + batch.night("plain")
        if found:
            batch.keep(_KEPT)
    lab.drop()
    listed = "\n".join(found[:_SHOWN])
    assert not found, f"seed {seed} of {pair}, statements in {_KEPT}:\n{listed}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("pair", _PAIRS[:2], ids="-".join)
def test_invented_databases(
    servers: dict[str, Cluster], tmp_path: Path, pair: tuple[str, str]
) -> None:
    if set(pair) - set(servers):
        pytest.skip("this machine has no PostgreSQL of its own")
    _nights(servers, tmp_path, pair, _SEED + _PAIRS.index(pair))


@pytest.mark.skipif(not _MINUTES, reason="takes as long as one likes: --long")
@pytest.mark.timeout(0)
def test_as_many_as_fit(servers: dict[str, Cluster], tmp_path: Path) -> None:
    first = _SEED if "INVENTED_SEED" in os.environ else int(time.time())
    until, seed = time.monotonic() + 60 * _MINUTES, first
    pairs = [pair for pair in _PAIRS if not set(pair) - set(servers)]
    while time.monotonic() < until:
        _nights(servers, tmp_path, pairs[seed % len(pairs)], seed)
        seed += 1
        print(f"{_AT_ONCE * (seed - first)} invented schemas, INVENTED_SEED={first}")
