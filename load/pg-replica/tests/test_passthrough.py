"""COPY_PASSTHROUGH: whether the protocol's messages may be passed on as they are."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from entrepot_core.config import environment
from entrepot_core.postgres.copy.libpq import Patience, put_rows
from entrepot_core.postgres.copy.passthrough import put_frames
from pg_replica.settings import Settings
from pg_replica.source.rows import LiveStream


def session(encrypted: bool) -> Mock:
    pgconn = SimpleNamespace(ssl_in_use=encrypted)
    return Mock(pgconn=pgconn, info=SimpleNamespace(server_version=110000))


@pytest.mark.parametrize(
    ("allowed", "encrypted", "put"),
    [
        (True, False, put_frames),
        (False, False, put_rows),
        (True, True, put_rows),
        (False, True, put_rows),
    ],
)
def test_frames_are_passed_where_they_may_and_can(
    allowed: bool, encrypted: bool, put: object
) -> None:
    sessions = Mock(get=lambda _: session(encrypted))
    stream = LiveStream(
        Mock(), sessions, "COPY", "COPY", "FORMAT binary", None, allowed
    )
    feed = stream.begin(0, session(False), Patience(threading.Event(), 1))
    assert feed.put is put


@pytest.mark.parametrize(("given", "found"), [("", True), ("false", False)])
def test_the_variable_is_read(
    given: str, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPY_PASSTHROUGH", given)
    monkeypatch.setenv("TARGET_DATABASE_URL", "postgresql://a@h/d")
    settings, _ = environment.read(Settings)
    assert settings.copy_passthrough is found
