"""Actor: a partner. May connect to the warehouse, read `external`, and nothing else."""

from __future__ import annotations

import time
from contextlib import ExitStack

import psycopg
import pytest

from entrepot_core.postgres.connection import Database
from entrepot_core.warehouse import locks
from entrepot_lab.postgres.warehouse import OWNER, PARTNER, Lab

# Every advisory lock that anybody holds at the moment: all can see their keys.
_SEEN = """
SELECT objsubid, classid::bigint, objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND database = (
    SELECT oid FROM pg_database WHERE datname = current_database()
)
"""
# What releases before this one locked, and what a build of `external` did.
_FORMER = [
    int.from_bytes(b"entrepot", "big"),
    int.from_bytes(b"entr-inc", "big"),
    int.from_bytes(b"entr-ops", "big"),
]


def test_advisory_locks_stop_nobody(lab: Lab) -> None:
    """Attempt: hold every advisory lock that a run, a load or a build was ever seen with.

    Expected: the night runs. Twin: a run that really runs is waited for, and named.
    """
    with lab.source() as source:
        source.execute("CREATE TABLE users AS SELECT 1 AS id")
    lab.night()
    with lab.warehouse(PARTNER) as partner, ExitStack() as stack:
        for key in _FORMER:
            partner.execute("SELECT pg_advisory_lock(%s)", [key])
        partner.execute("SELECT pg_advisory_lock(hashtext('external_next'))")
        database = Database("warehouse", lab.warehouse_url())
        for name in (locks.RUN, locks.APPEND, locks.NIGHT, "load t"):
            session = stack.enter_context(database.connect())
            assert locks.take(session, name) is None
            # The same family of keys, by the partner: all that pg_locks shows.
            for kind, high, low in partner.execute(_SEEN).fetchall():
                if kind == 2:
                    partner.execute(
                        "SELECT pg_try_advisory_lock((%s::bigint::bit(32))::int4, 1),"
                        " pg_try_advisory_lock((%s::bigint::bit(32))::int4,"
                        " (%s::bigint::bit(32))::int4)",
                        [high, high, low],
                    )
            locks.release(session, name)
            assert locks.take(session, name) is None
        stack.close()
        lab.night()


def test_the_lock_names_who_holds_it(lab: Lab) -> None:
    """Twin of the above: another run of ours is refused, with the session's number and role."""
    lab.night()
    with locks.warehouse_lock(Database("warehouse", lab.warehouse_url())) as held:
        status, output = lab.run("run")
        assert status == 3, output
        assert (
            f"session {held.info.backend_pid} of role {OWNER} from 127.0.0.1" in output
        )
    lab.night()


def test_nothing_of_the_record_can_be_locked(lab: Lab) -> None:
    """Attempt: lock what our own locks stand on, in the weakest mode.

    Expected: refused, for want of any right.
    """
    lab.night()
    with lab.warehouse(PARTNER) as partner:
        for table in ("lock_register", "external_build", "runs"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                partner.transaction(),
            ):
                partner.execute(f"LOCK TABLE entrepot_ops.{table} IN ACCESS SHARE MODE")


_ONE_TEXT = """
CREATE TABLE secrets (id int PRIMARY KEY, s text);
INSERT INTO secrets VALUES (1, 'of the house');
CREATE TABLE big AS SELECT n AS id, repeat('x', 200) AS v FROM generate_series(1, 300000) AS n;
CREATE FUNCTION one_text(command text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
AS $$ DECLARE found text; BEGIN EXECUTE command INTO found; RETURN found; END $$;
"""


def test_nothing_of_the_landing_is_open(lab: Lab) -> None:
    """Attempt: while a night is rebuilt, call its functions, and lock its tables by PREPARE.

    PREPARE locks what it names before it asks for rights. Expected: refused at every moment, and
    the night ends. Twin: analysts go on reading the night before.
    """
    with lab.source() as source:
        source.execute(_ONE_TEXT)
    lab.night()
    refused = 0
    night = lab.start("run")
    with lab.warehouse(PARTNER) as partner, lab.warehouse("internal_reader") as analyst:
        partner.execute("BEGIN")
        while night.poll() is None:
            for attempt in (
                "SELECT public.one_text('SELECT s FROM public.secrets')",
                "PREPARE p AS SELECT * FROM public.big",
                "CREATE TEMPORARY VIEW v AS SELECT NULL::public.secrets",
            ):
                partner.execute("SAVEPOINT s")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    partner.execute(attempt)
                partner.execute("ROLLBACK TO s")
                refused += 1
            assert analyst.execute("SELECT s FROM pix.secrets").fetchone() == (
                "of the house",
            )
            time.sleep(0.02)
    assert lab.finish(night)[0] == 0
    assert refused > 10
