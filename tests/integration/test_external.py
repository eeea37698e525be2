"""What partners read: published as a whole, here and elsewhere, to them alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import psycopg
import pytest

from entrepot_lab.postgres.cluster import Cluster
from entrepot_lab.postgres.partners import PARTNER, PEOPLE, Partners
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import OWNER, PASSWORD, Lab


@pytest.fixture
def partners(empty_lab: Lab) -> Iterator[Partners]:
    partners = Partners(empty_lab)
    yield partners
    empty_lab.warehouse_server.drop_database(f"{empty_lab.name}_partners")


def test_nights_replace_each_other_as_a_whole(partners: Partners) -> None:
    """F38, Z6: rights follow neither the night before nor a table that is no more."""
    partners.build()
    partners.must_publish()
    assert partners.people() == 15
    assert partners.ask(
        "SELECT table_name, constraint_name FROM information_schema.table_constraints"
        " WHERE constraint_type = 'PRIMARY KEY' ORDER BY 1"
    ) == [("months", "months_pkey"), ("participation", "participation_pkey")]
    partners.build(2, {"participation": "organization_id"})
    with partners.lab.warehouse() as warehouse:
        warehouse.execute("CREATE TABLE external_next.stray AS SELECT 1 AS person")
        warehouse.execute("CREATE VIEW external_next.view AS TABLE external_next.stray")
    with Poller(partners.url(role=PARTNER), [PEOPLE]) as poller:
        partners.must_publish()
    poller.assert_undisturbed()
    assert poller.values(PEOPLE) == {15, 30}
    for relation in (
        "external.months",
        "external.stray",
        "external_previous.participation",
    ):
        with pytest.raises(psycopg.Error):
            partners.ask(f"TABLE {relation}")
    assert partners.lab.run("drop-previous")[0] == 0
    partners.lab.assert_clean()
    assert partners.ask(
        "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'external%'"
    ) == [("external",)]
    assert "nothing was built" in partners.must_publish()
    assert partners.people() == 30


def test_a_reader_s_open_transaction_delays_nobody(partners: Partners) -> None:
    """Z3: a rename of tables would wait for it, and every new reader behind the rename."""
    partners.build()
    partners.must_publish()
    partners.build(2)
    with (
        psycopg.connect(partners.url(role=PARTNER)) as old,
        Poller(partners.url(role=PARTNER), [PEOPLE]) as poller,
    ):
        assert old.execute(PEOPLE).fetchone() == (15,)
        partners.must_publish()
        assert "kept for now" in partners.lab.run("drop-previous")[1]
        poller.assert_undisturbed()
    assert partners.people() == 30


@pytest.mark.parametrize("comment", ["NULL", "'being built'", "'{}'"])
def test_half_a_build_is_not_published(partners: Partners, comment: str) -> None:
    """F37: whatever ended the build, readers keep the night before."""
    partners.build()
    partners.must_publish()
    partners.build(2)
    with partners.lab.warehouse() as warehouse:
        warehouse.execute(f"COMMENT ON SCHEMA external_next IS {comment}")
    status, output = partners.publish()
    assert status == 1
    assert "not the work of one whole build" in output
    assert "dbt:build" in output
    assert partners.people() == 15


def test_a_missing_table_of_the_contract_is_named(partners: Partners) -> None:
    partners.build()
    with partners.lab.warehouse() as warehouse:
        warehouse.execute("DROP TABLE external_next.months")
    status, output = partners.publish()
    assert (status, "months" in output) == (1, True), output


def test_a_build_that_begins_meanwhile_or_a_kill_leaves_the_night_before(
    partners: Partners,
) -> None:
    partners.build()
    partners.must_publish()
    partners.build(2)
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    for end in ("a build", "a kill"):
        with (
            partners.lab.warehouse() as blocker,
            partners.lab.warehouse_server.admin() as admin,
        ):
            blocker.autocommit = False
            blocker.execute("LOCK TABLE entrepot_ops.external_build IN EXCLUSIVE MODE")
            blocker.execute("COMMENT ON SCHEMA external_next IS 'being built'")
            process = partners.lab.start("publish-external")
            # It has read the seal that is committed, and waits for us.
            deadline = time.monotonic() + 30
            database = f"{partners.lab.name}_warehouse"
            while admin.execute(query, [database]).fetchone() == (0,):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            if end == "a kill":
                os.killpg(process.pid, signal.SIGKILL)
                blocker.rollback()
            else:
                blocker.commit()
            status, output = partners.lab.finish(process)
        assert status != 0, output
        assert partners.people() == 15
        if end == "a build":
            assert "began while it was being published" in output
            partners.build(3)
    partners.must_publish()
    assert partners.people() == 45
    assert partners.lab.run("drop-previous")[0] == 0
    partners.lab.assert_clean()


def test_another_s_schema_of_that_name_is_left_alone(partners: Partners) -> None:
    with partners.lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA external; CREATE TABLE external.mine ()")
    partners.build()
    status, output = partners.publish()
    assert (status, "external.mine" in output) == (1, True), output


def test_partners_keep_what_would_lose_most_of_its_rows(partners: Partners) -> None:
    """Tables of fewer than a hundred rows come and go; the first publication is not compared."""
    partners.build()
    with partners.lab.warehouse() as warehouse:
        warehouse.execute(
            "INSERT INTO external_next.participation"
            " SELECT i, date '2024-01-01' + i, 1 FROM generate_series(6, 300) AS i"
        )
    partners.must_publish()
    before = partners.people()
    partners.build(2)
    with partners.lab.warehouse() as warehouse:
        warehouse.execute("DELETE FROM external_next.months")
    status, output = partners.publish()
    assert status == 1, output
    assert "table participation: 300 rows last night, now 5" in output
    assert "table months" not in output
    assert "--accept-shrink" in output
    assert partners.people() == before
    status, output = partners.lab.run("publish-external", "--accept-shrink")
    assert status == 0, output
    assert partners.people() == 30


def test_a_contract_without_tables_withdraws_them(partners: Partners) -> None:
    partners.build()
    partners.must_publish()
    partners.build(2, {})
    partners.must_publish()
    with pytest.raises(psycopg.errors.UndefinedTable):
        partners.people()


def test_elsewhere_the_same_tables_are_swapped_too(partners: Partners) -> None:
    there = {"EXTERNAL_DATABASE_URL": partners.url(elsewhere=True)}
    partners.build()
    partners.must_publish(**there)
    partners.build(2)
    status, output = partners.lab.run("publish-external", "--dry-run", **there)
    assert (status, "would publish 2 tables" in output) == (0, True), output
    assert partners.people(elsewhere=True) == partners.people() == 15
    urls = [partners.url(elsewhere, PARTNER) for elsewhere in (False, True)]
    with Poller(urls[0], [PEOPLE]) as here, Poller(urls[1], [PEOPLE]) as away:
        partners.must_publish(**there)
    for poller in (here, away):
        poller.assert_undisturbed()
        assert poller.values(PEOPLE) == {15, 30}
    facts = (
        "SELECT pg_get_constraintdef(oid), conname::text FROM pg_constraint"
        " WHERE connamespace = 'external'::regnamespace UNION ALL"
        " SELECT pg_get_indexdef(indexrelid), '' FROM pg_index WHERE indrelid IN"
        " ('external.participation'::regclass, 'external.months'::regclass) UNION ALL"
        " SELECT format_type(atttypid, atttypmod) || attnotnull, attname || coalesce("
        "col_description(attrelid, attnum), '') FROM pg_attribute WHERE attnum > 0"
        " AND attrelid = 'external.participation'::regclass ORDER BY 1, 2"
    )
    assert partners.ask(facts, elsewhere=True) == partners.ask(facts)
    assert len(partners.ask(facts)) > 10
    whole = "SELECT * FROM external.participation ORDER BY 1"
    assert partners.ask(whole, elsewhere=True) == partners.ask(whole)
    schemas = (
        "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1"
    )
    assert partners.ask(schemas, elsewhere=True) == [
        ("entrepot_info",),
        ("entrepot_ops",),
        ("external",),
        ("information_schema",),
        ("public",),
    ]
    assert partners.lab.run("drop-previous")[0] == 0
    partners.lab.assert_clean()


def test_what_fails_elsewhere_leaves_both_on_the_night_before(
    partners: Partners,
) -> None:
    there = {"EXTERNAL_DATABASE_URL": partners.url(elsewhere=True)}
    partners.build()
    partners.must_publish(**there)
    partners.build(2)
    with psycopg.connect(partners.url(elsewhere=True), autocommit=True) as away:
        away.execute("CREATE TABLE external_previous ()")
        away.execute("DROP TABLE external_previous; CREATE SCHEMA external_next")
        away.execute("CREATE TABLE external_next.participation (unfinished integer)")
        held = psycopg.connect(partners.url(elsewhere=True))
        held.execute("TABLE external_next.participation")
        status, output = partners.publish(**there)
        assert (status, "is in use" in output) == (1, True), output
        held.close()
    assert partners.people() == partners.people(elsewhere=True) == 15
    partners.must_publish(**there)
    assert partners.people() == partners.people(elsewhere=True) == 30


def test_elsewhere_must_be_a_place_of_its_own(partners: Partners) -> None:
    partners.build()
    for url in (partners.url(), partners.lab.source_url()):
        status, output = partners.publish(EXTERNAL_DATABASE_URL=url)
        assert (status, "is the same database as" in output) == (2, True), output
        status, output = partners.lab.run("check", EXTERNAL_DATABASE_URL=url)
        assert (status, "is the same database as" in output) == (2, True), output
    with psycopg.connect(partners.url(elsewhere=True), autocommit=True) as away:
        away.execute("CREATE SCHEMA theirs")
    url = partners.url(elsewhere=True)
    status, output = partners.publish(EXTERNAL_DATABASE_URL=url)
    assert (status, "schema theirs" in output) == (2, True), output
    status, output = partners.publish(EXTERNAL_DATABASE_URL="postgresql://x%")
    assert (status, "EXTERNAL_DATABASE_URL" in output) == (2, True), output
    partners.lab.assert_no_secret(output)


def test_every_version_of_server_will_do(
    servers: dict[str, Cluster], partners: Partners
) -> None:
    """The other database may be older or newer than the warehouse."""
    server = servers.get("system", servers["wheel"])
    server.create_role(OWNER, PASSWORD)
    server.create_role(PARTNER, PASSWORD)
    server.create_database("elsewhere", OWNER, (PARTNER,))
    with server.admin("elsewhere") as admin:
        admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    partners.build()
    partners.must_publish(
        EXTERNAL_DATABASE_URL=server.url("elsewhere", OWNER, PASSWORD)
    )
    with psycopg.connect(server.url("elsewhere", PARTNER, PASSWORD)) as session:
        assert session.execute(PEOPLE).fetchone() == (15,)
    server.drop_database("elsewhere")
