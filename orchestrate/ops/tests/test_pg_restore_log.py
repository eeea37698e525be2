from __future__ import annotations

import pytest

from entrepot_ops.report.pg_restore_log import parse


def test_a_serial_restore() -> None:
    log = parse(
        [
            '2026-01-01T02:00:00Z pg_restore: creating TABLE "public.users"',
            '2026-01-01T02:00:01Z pg_restore: processing data for table "public.users"',
            '2026-01-01T02:01:01Z pg_restore: creating FK CONSTRAINT "public.b b_fk"',
            "2026-01-01T02:01:03Z pg_restore: done",
        ]
    )
    assert [(i.kind, i.name, i.seconds) for i in log.items] == [
        ("TABLE", "public.users", 1.0),
        ("TABLE DATA", "public.users", 60.0),
        ("FK CONSTRAINT", "public.b b_fk", 2.0),
    ]


def test_a_night_over_the_change_of_clocks() -> None:
    log = parse(
        [
            "2026-10-25 02:59:00 +0200 pg_restore: launching item 1 INDEX i",
            "2026-10-25 02:01:00 +0100 pg_restore: finished item 1 INDEX i",
        ]
    )
    assert log.items[0].seconds == 120


def test_an_item_finished_that_was_never_launched_is_no_error() -> None:
    with pytest.raises(ValueError, match="no finished item of 2026-01-01"):
        parse(["2026-01-01 02:00:00 pg_restore: finished item 1 INDEX i"], "2026-01-01")
