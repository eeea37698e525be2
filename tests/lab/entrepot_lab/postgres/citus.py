"""A warehouse of several machines: a coordinator and workers of Citus, where the machine has it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from entrepot_lab.postgres.cluster import SUPERUSER, Cluster, system_binaries
from entrepot_lab.postgres.servers import SETTINGS, Servers
from entrepot_lab.postgres.warehouse import (
    BUILDER,
    OWNER,
    PASSWORD,
    READER,
    REPLICA_OWNER,
    Lab,
)

WORKERS = 3
_SETTINGS = {
    **SETTINGS,
    "shared_preload_libraries": "citus",
    "max_prepared_transactions": "100",
    "max_connections": "100",
    "citus.shard_count": "6",
}


def binaries() -> Path | None:
    """Find a server whose library folder has Citus.

    Returns:
        The folder of its programs; None where there is none.
    """
    for folder in system_binaries():
        tool = folder / "pg_config"
        if not tool.exists():
            continue
        answer = subprocess.run(
            [str(tool), "--pkglibdir"], capture_output=True, text=True, check=True
        )
        if (Path(answer.stdout.strip()) / "citus.so").exists():
            return folder
    return None


@dataclass
class Nodes:
    """The servers.

    Attributes:
        coordinator: Where the warehouse's sessions go.
        workers: Where the shards are.
    """

    coordinator: Cluster
    workers: list[Cluster]

    @classmethod
    def start(cls, servers: Servers, folder: Path) -> Nodes:
        """Make and start the servers.

        Args:
            servers: Makes them.
            folder: Of the server's programs.

        Returns:
            Servers that do not know each other yet.
        """
        coordinator, *workers = (
            servers.create(folder, _SETTINGS) for _ in range(WORKERS + 1)
        )
        return cls(coordinator, workers)

    @property
    def all(self) -> list[Cluster]:
        """The coordinator, and the workers."""
        return [self.coordinator, *self.workers]

    def join(self, lab: Lab) -> None:
        """Make one warehouse of the servers, as an administrator would.

        Args:
            lab: Its warehouse is a database of the coordinator.
        """
        name = f"{lab.name}_warehouse"
        roles = (OWNER, READER, BUILDER, REPLICA_OWNER)
        for worker in self.workers:
            for role in roles:
                worker.create_role(role, PASSWORD)
            worker.create_database(name, OWNER, roles[1:])
        for node in self.all:
            with node.admin(name) as admin:
                admin.execute("CREATE EXTENSION citus")
        with self.coordinator.admin(name) as admin:
            set_host = "SELECT citus_set_coordinator_host('127.0.0.1', %s)"
            admin.execute(set_host, [self.coordinator.port])
        for node in self.all:
            passwords = {SUPERUSER: node.password, **dict.fromkeys(roles, PASSWORD)}
            with node.admin(name) as admin:
                for role, password in passwords.items():
                    admin.execute(
                        "INSERT INTO pg_dist_authinfo VALUES (0, %s, %s)",
                        [role, make_conninfo(password=password)],
                    )
        with self.coordinator.admin(name) as admin:
            for worker in self.workers:
                admin.execute("SELECT citus_add_node('127.0.0.1', %s)", [worker.port])

    def stop(self) -> None:
        """Stop the servers."""
        for node in self.all:
            node.stop("immediate")
