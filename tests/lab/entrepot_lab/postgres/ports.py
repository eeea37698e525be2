"""Free ports of this machine."""

from __future__ import annotations

import random
import socket

# Below the ports that systems hand out, so that no passing connection takes ours meanwhile.
_PORTS = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Say whether nobody listens on a port of 127.0.0.1.

    Args:
        port: The port.

    Returns:
        Whether a server could.
    """
    with socket.socket() as probe:
        # As the server does: a port that only waits for its last connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Find a free port.

    Returns:
        The port.

    Raises:
        RuntimeError: If there is none, which is another fault in disguise.
    """
    for port in random.sample(_PORTS, 100):
        if is_free(port):
            return port
    raise RuntimeError("found no free port on 127.0.0.1")
