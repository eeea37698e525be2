"""A database inside a Kubernetes cluster, reached through `kubectl port-forward`."""

from __future__ import annotations

import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from entrepot_core.base.errors import Refused, TransientFailure
from entrepot_core.base.redaction import redact

_SECONDS = 60
_READY = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@contextmanager
def forwarded(url: str, pod: str, namespace: str | None) -> Iterator[str]:
    """Open a port of this machine that leads to a pod's.

    Args:
        url: The database's, with the pod's own port.
        pod: Its name, or a resource such as `svc/metabase-db`.
        namespace: Its namespace; kubectl's current one when None.

    Yields:
        The URL by which the database is reached.

    Raises:
        Refused: If there is no kubectl.
        TransientFailure: If the port does not open.
    """
    port = conninfo_to_dict(url).get("port") or 5432
    resource = pod if "/" in pod else f"pod/{pod}"
    command = ["kubectl", "port-forward", "--address=127.0.0.1", resource, f":{port}"]
    if namespace:
        command.append(f"--namespace={namespace}")
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=complaints, text=True
            )
        except FileNotFoundError:
            raise Refused(
                ["METABASE_KUBE_POD is set, but there is no kubectl on PATH"]
            ) from None
        # kubectl may wait for ever for a pod that starts: then its output ends with it.
        watch = threading.Timer(_SECONDS, process.kill)
        watch.start()
        try:
            local = _opened(process)
            watch.cancel()
            if local is None:
                process.wait()
                complaints.seek(0)
                said = " ".join(complaints.read().decode(errors="replace").split())
                raise TransientFailure(
                    f"kubectl port-forward to {resource} did not open within {_SECONDS} s: "
                    f"{redact(said)}"
                )
            yield make_conninfo(url, host="127.0.0.1", port=local)
        finally:
            watch.cancel()
            process.kill()
            process.communicate()


def _opened(process: subprocess.Popen[str]) -> int | None:
    """Read the port that kubectl has chosen; None when it has ended without one."""
    assert process.stdout is not None
    for line in process.stdout:
        if match := _READY.match(line):
            return int(match.group(1))
    return None
