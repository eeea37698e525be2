"""What sessions call themselves."""

from __future__ import annotations

from collections.abc import Callable

import click
import psycopg
import pytest

from entrepot_core.base import logs
from entrepot_core.base.errors import EXIT_STATUSES, AnotherRun, Refused
from entrepot_core.base.part import Part, part
from entrepot_core.command import frame
from entrepot_core.command.help import EXIT_STATUS
from entrepot_core.postgres.connection import Database
from entrepot_core.warehouse import locks
from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.warehouse import OWNER, PASSWORD

APPLICATION = "SELECT current_setting('application_name')"


def test_a_name_is_the_product_the_part_and_the_purpose() -> None:
    one = Part()
    assert one.application("probe") == "entrepot probe"
    one.name = "tap-postgres"
    assert one.application() == "entrepot tap-postgres"
    assert one.application("work 1") == "entrepot tap-postgres work 1"


def test_orphans_are_those_of_the_same_part(
    server: Cluster,
    warehouse: Callable[..., psycopg.Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = warehouse()
    monkeypatch.setattr(part, "name", "pg-replica")
    url = server.url(session.info.dbname, OWNER, PASSWORD)
    ours = Database("warehouse", url).connect(purpose="work 1")
    assert ours.execute(APPLICATION).fetchone() == ("entrepot pg-replica work 1",)
    others = warehouse()
    others.execute("SET application_name = 'entrepot target-postgres work 1'")
    assert locks.end_orphans(session) == 1
    with pytest.raises(psycopg.OperationalError):
        ours.execute("SELECT")
    others.execute("SELECT")


def test_help_lists_every_exit_status() -> None:
    for code, text in EXIT_STATUSES.items():
        assert f"{code:<3}  {text}" in EXIT_STATUS


@pytest.mark.parametrize(
    ("failure", "status", "said"),
    [
        (
            Refused(["one is wrong", "two is wrong"]),
            2,
            ["one is wrong", "two is wrong"],
        ),
        (AnotherRun("it runs", "wait"), 3, ["it runs", "what to do: wait"]),
        (click.UsageError("no such option"), 2, ["no such option"]),
        (KeyboardInterrupt(), 130, []),
    ],
)
def test_a_command_ends_with_one_message_and_a_status(
    failure: BaseException,
    status: int,
    said: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["example"])
    monkeypatch.setattr(part, "name", "")

    @click.command()
    def example() -> None:
        logs.set_up("plain")
        raise failure

    with pytest.raises(SystemExit) as end:
        frame.run(example, "example")
    assert end.value.code == status
    assert part.name == "example"
    output = capsys.readouterr().err
    assert "Traceback" not in output
    for sentence in said:
        assert sentence in output
