"""A hosting provider's backup as the dump, against a server that answers as the provider does."""

from __future__ import annotations

import io
import os
import tarfile
from datetime import timezone
from pathlib import Path

import pytest

from entrepot_core.base.errors import Refused, RunFailed, TransientFailure
from entrepot_core.base.redaction import redact
from entrepot_core.config import environment
from entrepot_lab.sources.scalingo import APP, REGION, TOKEN, Provider, backup
from pg_replica.dump import fetch, providers
from pg_replica.dump.providers.provider import newest, wait_for_today
from pg_replica.dump.providers.scalingo import Scalingo
from pg_replica.dump.unwrap import unwrap
from pg_replica.preflight.variables import load
from pg_replica.settings import Settings


@pytest.fixture
def provider():
    with Provider(content=os.urandom(50_000)) as provider:
        yield provider


def client(provider: Provider, app: str = APP, token: str = TOKEN) -> Scalingo:
    return Scalingo(app, token, REGION, **provider.endpoints())


def wait(provider: Provider, seconds: float = 5.0):
    return wait_for_today(client(provider), timezone.utc, seconds, pause=0.01)


def bring(provider: Provider, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fetch as a run does, from the provider of this machine."""
    monkeypatch.setitem(providers.PROVIDERS, "scalingo", lambda: client(provider))
    monkeypatch.setattr("entrepot_core.storage.http._PAUSE", 0.001)
    monkeypatch.setenv("TARGET_DATABASE_URL", "postgresql://u:p@h/d")
    monkeypatch.setenv("CRON_TZ", "UTC")
    settings, _ = environment.read(Settings)
    return fetch.bring("scalingo:", folder, settings, lambda _: None)


def assert_no_secret(provider: Provider, text: str) -> None:
    assert not [secret for secret in provider.secrets() if secret in text], text


def test_todays_backup_is_found_and_fetched(provider, tmp_path, monkeypatch) -> None:
    provider.lists = [[backup("yesterday", days_ago=1), backup("b-1")]]
    path = bring(provider, tmp_path, monkeypatch)
    assert path.read_bytes() == provider.content
    assert provider.requests == [
        "POST /auth/v1/tokens/exchange",
        "GET /api/v1/apps/my-app/addons",
        "POST /api/v1/apps/my-app/addons/ad-0001/token",
        "GET /db/api/databases/ad-0001/backups",
        "GET /db/api/databases/ad-0001/backups/b-1/archive",
        "GET /storage/x.tar.gz",
    ]
    assert bring(provider, tmp_path, monkeypatch) == path
    assert provider.ranges == [""], "what is here is not fetched again"


def test_an_unfinished_backup_is_waited_for(provider) -> None:
    yesterday = backup("old", days_ago=1)
    provider.lists = [
        [yesterday],
        [yesterday, backup("b", "scheduled")],
        [yesterday, backup("b", "running")],
        [yesterday, backup("b", "done")],
    ]
    assert wait(provider).key == "b"
    assert provider.requests.count("POST /auth/v1/tokens/exchange") == 1


def test_only_yesterdays_backup_ends_in_a_clear_error(provider) -> None:
    provider.lists = [[backup("old", days_ago=1), backup("bad", "error")]]
    with pytest.raises(RunFailed) as failure:
        wait(provider, seconds=0.05)
    assert not isinstance(failure.value, TransientFailure), (
        "it would be waited for again"
    )
    text = str(failure.value)
    assert "Scalingo app my-app (osc-fr1) has no finished backup of" in text
    assert "bad of" in text and "error" in text
    assert "DUMP_WAIT" in failure.value.hint
    provider.lists = [[]]
    with pytest.raises(RunFailed, match="it has no backup"):
        wait(provider, seconds=0)


def test_a_provider_that_is_down_is_looked_at_again(provider) -> None:
    provider.lists, provider.broken = [[backup("b")]], 3
    assert wait(provider).key == "b"
    provider.broken = 1_000_000
    with pytest.raises(RunFailed, match="Scalingo answered 503"):
        wait(provider, seconds=0.05)


def test_a_token_that_is_over_is_renewed(provider) -> None:
    provider.lists = [[backup("b", "running")], [backup("b")]]
    scalingo = client(provider)
    assert not scalingo.backups()[0].is_finished
    provider.expired_tokens = 1
    assert scalingo.backups()[0].is_finished
    assert provider.requests.count("POST /auth/v1/tokens/exchange") == 2


def test_what_waiting_does_not_mend_is_refused_at_once(provider) -> None:
    provider.lists = [[backup("b")]]
    wrong = "tk-us-wr0ng"
    with pytest.raises(Refused) as refusal:
        client(provider, token=wrong).backups()
    assert refusal.value.problems[0].startswith("SCALINGO_API_TOKEN is not accepted")
    assert wrong not in str(refusal.value)
    with pytest.raises(Refused, match="can see no app 'other' in region osc-fr1"):
        client(provider, app="other").backups()
    provider.addons = ["redis"]
    with pytest.raises(Refused, match=r"no PostgreSQL addon \(its addons: redis\)"):
        wait(provider)
    provider.addons = ["postgresql", "postgresql"]
    with pytest.raises(Refused, match="several PostgreSQL addons"):
        wait(provider)


def test_a_truncated_download_is_resumed(provider, tmp_path, monkeypatch) -> None:
    provider.lists = [[backup("b")]]
    # More cuts than tries: each brings something, so none counts.
    provider.cut_after = [5000] * 7
    path = bring(provider, tmp_path, monkeypatch)
    assert path.read_bytes() == provider.content
    assert provider.ranges == ["", *(f"bytes={5000 * n}-" for n in range(1, 8))]


def test_a_download_that_was_killed_goes_on(provider, tmp_path, monkeypatch) -> None:
    provider.lists = [[backup("b")]]
    provider.cut_after = [5000, 0, 0, 0, 0, 0]
    with pytest.raises(TransientFailure) as failure:
        bring(provider, tmp_path, monkeypatch)
    assert "Scalingo app my-app (osc-fr1), backup b" in str(failure.value)
    assert_no_secret(provider, str(failure.value))
    provider.ranges.clear()
    assert bring(provider, tmp_path, monkeypatch).read_bytes() == provider.content
    assert provider.ranges == ["bytes=5000-"]
    [part] = tmp_path.iterdir()
    part.rename(part.with_name(part.name + ".part"))  # killed just before its name
    assert bring(provider, tmp_path, monkeypatch).read_bytes() == provider.content


def test_a_link_that_is_over_is_asked_for_again(
    provider, tmp_path, monkeypatch
) -> None:
    provider.lists, provider.dead_links = [[backup("b")]], 2
    assert bring(provider, tmp_path, monkeypatch).read_bytes() == provider.content
    assert provider.links == 3
    provider.dead_links, provider.lists = 1_000, [[backup("c")]]
    with pytest.raises(TransientFailure, match="in 5 tries: status 403") as failure:
        bring(provider, tmp_path, monkeypatch)
    assert_no_secret(provider, str(failure.value))


def test_a_tar_gz_is_unpacked(provider, tmp_path, monkeypatch) -> None:
    content = b"PGDMP" + os.urandom(100_000)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("20260131_my_app.pgsql")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    provider.content, provider.lists = packed.getvalue(), [[backup("b")]]
    path = bring(provider, tmp_path, monkeypatch)
    assert unwrap(path, tmp_path, lambda _: None).read_bytes() == content
    big = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(big) == 2, "no copy between the packed one and the dump"


def test_its_variables_are_refused_with_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in list(os.environ):
        if name.startswith(("SCALINGO_", "SOURCE_", "TARGET_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DUMP_PATH", "scalingo:")
    monkeypatch.setenv("SCALINGO_APP", "my app")
    monkeypatch.setenv("PG_RESTORE_JOBS", "0")
    with pytest.raises(Refused) as refusal:
        load()
    said = "\n".join(refusal.value.problems)
    for name in (
        "TARGET_DATABASE_URL",
        "PG_RESTORE_JOBS",
        "SCALINGO_APP",
        "SCALINGO_API_TOKEN",
    ):
        assert name in said
    monkeypatch.setenv("DUMP_PATH", "scalingo:my-app")
    with pytest.raises(Refused, match="write scalingo: alone"):
        load()


def test_the_token_and_all_that_it_gives_are_masked(provider) -> None:
    provider.lists = [[backup("b")]]
    scalingo = client(provider)
    [found] = scalingo.backups()
    link = scalingo.link(found)
    assert_no_secret(provider, redact(f"{TOKEN} bearer-s3cret-1 addon-s3cret-2 {link}"))
    assert newest([found]) == f"the newest is {found}"
