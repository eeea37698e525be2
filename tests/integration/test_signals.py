"""A plugin that a signal ends says so: a night that was cut must not look like success."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

SCHEMA = {"type": "SCHEMA", "stream": "x", "schema": {"properties": {"a": {}}}}
MESSAGE = json.dumps({**SCHEMA, "key_properties": []}).encode() + b"\n"
MAPS = {"stream_maps": {"x": {"b": "a", "__else__": "__NULL__"}}}
WAIT = 60  # seconds


@pytest.fixture
def silence() -> Iterator[socket.socket]:
    """Give a server that takes every connection, and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WAIT)
        yield server


def test_each_plugin_ends_with_the_status_of_its_signal(
    silence: socket.socket, tmp_path: Path
) -> None:
    host = f"127.0.0.1:{silence.getsockname()[1]}"
    web, database = f"http://{host}/x", f"postgresql://me:secret@{host}/x"
    (tmp_path / "tables.yml").write_text("tables: {a: {mode: incremental}}\n")
    env = {
        "PATH": os.environ["PATH"],
        "DOMAINS": "pix,lcms,ecospheres",
        "LCMS_API_URL": web,
        "LCMS_API_KEY": "a-key",
        "DCAT_SOURCE": web,
        "SOURCE_DATABASE_URL": database,
        "TARGET_DATABASE_URL": database,
        "TABLES_FILE": str(tmp_path / "tables.yml"),
        "MELTANO_PROJECT_ROOT": str(tmp_path),
    }
    csv = {"files": [{"entity": "x", "path": web}]}
    plugins = [
        ("entrepot_tap_csv", csv, signal.SIGTERM),
        ("entrepot_tap_csv", csv, signal.SIGINT),
        ("entrepot_tap_dcat", {}, signal.SIGTERM),
        ("entrepot_tap_lcms", {}, signal.SIGTERM),
        ("entrepot_tap_postgres", {}, signal.SIGTERM),
        ("entrepot_target_postgres", {}, signal.SIGTERM),
        ("entrepot_map_transform", MAPS, signal.SIGTERM),
    ]
    started = []
    with ExitStack() as stack:
        for number, (package, config, how) in enumerate(plugins):
            path = tmp_path / f"{number}.json"
            path.write_text(json.dumps(config))
            process = subprocess.Popen(
                [sys.executable, "-m", package, "--config", str(path)],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            stack.callback(process.kill)
            assert process.stdin
            process.stdin.write(MESSAGE)
            process.stdin.flush()
            started.append((package, process, how))
        # All but the mapper, which waits for input alone, wait for an answer.
        for _ in plugins[:-1]:
            stack.enter_context(silence.accept()[0])
        mapper = started[-1][1]
        assert mapper.stdout and mapper.stdout.readline()
        for _, process, how in started:
            process.send_signal(how)
        for package, process, how in started:
            _, said = process.communicate(timeout=WAIT)
            assert process.returncode == 128 + how, (package, said)
            assert b"Traceback" not in said, (package, said)
