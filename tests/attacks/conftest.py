"""Two databases for each attack, on each server, and a role for each actor."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import PARTNER, PASSWORD, Lab

_numbers = itertools.count(1)


@pytest.fixture(params=["wheel", "system"])
def lab(
    request: pytest.FixtureRequest, servers: dict[str, Cluster], tmp_path: Path
) -> Iterator[Lab]:
    """Give an empty source and an empty warehouse on one server, which a partner may enter."""
    if request.param not in servers:
        pytest.skip("this machine has no PostgreSQL of its own")
    server = servers[request.param]
    made = Lab(server, server, f"a{next(_numbers)}", tmp_path).create()
    server.create_role(PARTNER, PASSWORD)
    with server.admin() as admin:
        admin.execute(
            f'GRANT CONNECT, TEMPORARY ON DATABASE "{made.name}_warehouse" TO {PARTNER}'
        )
    yield made
    made.drop()
