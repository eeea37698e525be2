"""Which way a night goes: every doubt is a whole copy, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from entrepot_core.policy.tables import Policy, TableRule
from entrepot_core.postgres.catalog import Column, Table
from entrepot_core.postgres.identifiers import TableName
from pg_replica.delta.decision import Key, Plan, decide
from pg_replica.delta.horizon import Horizon, Moment
from pg_replica.restore.followable import deferrable

_SEEN = Moment(
    is_standby=False,
    started_at="2026-01-01 00:00:00+00",
    system="7",
    database="5",
    timeline="00000001",
    wal_position=50_000,
    oldest=1000,
    following=1010,
)
_NAME = TableName("public", "users")
_TABLE = Table(
    oid=1,
    name=_NAME,
    size=0,
    blocks=0,
    filenode=11,
    readable=True,
    row_security=False,
    columns=(Column("id", "bigint", 20, False, True, False),),
)
_ID = Key(("id",), is_integer=True)
_LAST = Horizon(
    _SEEN,
    {"TABLE public users": "a"},
    {"the table policy": "b"},
    {_NAME.sql: 11},
    {"relation pix.users": "c"},
    "10:10:",
)


def planned(
    now: Horizon,
    *,
    last: Horizon | None = _LAST,
    rule: TableRule | None = None,
    keys: tuple[Key, ...] = (_ID,),
) -> Plan:
    """Decide about one table."""
    policy = Policy(rules={_NAME: rule} if rule else {})
    return decide(last, now, [_TABLE], {_NAME: list(keys)}, policy)


def test_nothing_but_rows_has_changed() -> None:
    later = replace(_SEEN, wal_position=60_000, oldest=1500, following=1600)
    found = planned(replace(_LAST, source=later))
    assert not found.reasons
    assert [(each.way, each.key) for each in found.tables] == [("changed rows", _ID)]


def test_the_first_night_copies_everything() -> None:
    assert planned(_LAST, last=None).reasons


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(replace(_SEEN, system=None), id="it may not be asked"),
        pytest.param(replace(_SEEN, system="8"), id="another cluster"),
        pytest.param(replace(_SEEN, database="6"), id="another database"),
        pytest.param(replace(_SEEN, timeline="00000002"), id="a promoted standby"),
        pytest.param(replace(_SEEN, is_standby=True), id="a standby"),
        pytest.param(replace(_SEEN, started_at="later"), id="started again"),
        pytest.param(replace(_SEEN, wal_position=49_999), id="WAL that went back"),
        pytest.param(replace(_SEEN, oldest=999), id="a snapshot that went back"),
        pytest.param(replace(_SEEN, following=1009), id="numbers that went back"),
        pytest.param(replace(_SEEN, following=2**31), id="numbers that come round"),
    ],
)
def test_a_source_that_may_not_show_what_was_seen(moment: Moment) -> None:
    assert planned(replace(_LAST, source=moment)).reasons


_CHANGES = {
    "changed": lambda name: {name: "z"},
    "gone": lambda _: {},
    "new": lambda name: {name: "", "more": "y"},
}


@pytest.mark.parametrize("what", ["definitions", "settings", "replica"])
@pytest.mark.parametrize("how", ["changed", "gone", "new"])
def test_anything_but_rows_that_has_changed(what: str, how: str) -> None:
    before: dict[str, str] = dict(getattr(_LAST, what))
    (name,) = before
    now = _CHANGES[how](name) | (before if how == "new" else {})
    last = {
        "definitions": _LAST.definitions,
        "settings": _LAST.settings,
        "replica": _LAST.replica,
        what: now,
    }
    changed = replace(
        _LAST,
        definitions=last["definitions"],
        settings=last["settings"],
        replica=last["replica"],
    )
    (reason,) = planned(changed).reasons
    assert ("more" if how == "new" else name) in reason


def test_a_table_that_was_written_anew_is_read_whole() -> None:
    (table,) = planned(_LAST, last=replace(_LAST, files={_NAME.sql: 12})).tables
    assert (table.way, table.has_same_file) == ("whole", False)


def test_a_table_without_a_key_is_read_whole() -> None:
    (table,) = planned(_LAST, keys=()).tables
    assert (table.way, table.has_same_file) == ("whole", True)


def test_a_column_that_does_not_arrive_as_it_is_is_no_key() -> None:
    email = Key(("email",), is_integer=False)
    hidden = TableRule(columns={"id": "pseudonymise"})
    (table,) = planned(_LAST, rule=hidden, keys=(_ID, email)).tables
    assert table.key == email


def test_a_table_that_stays_out_is_not_looked_at() -> None:
    assert planned(_LAST, rule=TableRule(mode="none")).tables == []


def test_the_position_at_the_head_of_a_page_is_that_of_its_beginning() -> None:
    assert replace(_SEEN, wal_position=3 * 8192 + 24).must_be_flushed == 3 * 8192
    assert replace(_SEEN, wal_position=3 * 8192 + 99).must_be_flushed == 3 * 8192 + 99


_ADDED = (
    'ALTER TABLE ONLY public.a\n    ADD CONSTRAINT "x)" FOREIGN KEY (b, c) REFERENCES '
)


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("public.p(q, r);", "public.p(q, r) DEFERRABLE;"),
        (
            'public."REFERENCES)"("q)", r) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (c);',
            'public."REFERENCES)"("q)", r) MATCH FULL DEFERRABLE;',
        ),
        (
            "public.p(q, r) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED NOT VALID;",
            "public.p(q, r) DEFERRABLE NOT VALID;",
        ),
        ("public.p(q, r) NOT ENFORCED;", "public.p(q, r) NOT ENFORCED;"),
    ],
)
def test_a_foreign_key_waits_and_changes_nothing(written: str, made: str) -> None:
    assert deferrable(_ADDED + written) == _ADDED + made
