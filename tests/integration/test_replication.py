"""A night, then another, from each kind of source to each kind of warehouse."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest

from entrepot_lab.faults.proxy import Proxy
from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.readers import Poller
from entrepot_lab.postgres.warehouse import PASSWORD, READER, Lab
from entrepot_lab.sources import elearning

ALL_SCHEMAS = {"public": "pix", "pgboss": "pix_pgboss", "audit": "pix_audit"}


def dump(url: str, schema: str) -> list[str]:
    """Dump one schema as text, the schema's name and what FKs say of validity left out."""
    text = subprocess.run(
        [
            embedded_binaries() / "pg_dump",
            "-O",
            "-x",
            "-n",
            schema,
            "--restrict-key=x",
            url,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = text.replace("public.citext", "citext").replace(" NOT VALID;", ";")
    text = re.sub(rf"(?<![\w@]){schema}\.", "S.", text)
    lines = [line for line in text.splitlines() if line[:2] not in ("--", "\\u")]
    return [line for line in lines if "SCHEMA" not in line and line]


@pytest.mark.parametrize(
    ("origin", "target"), list(itertools.product(["wheel", "system"], repeat=2))
)
def test_two_nights_on_every_pair_of_versions(
    servers: dict[str, Cluster], tmp_path: Path, origin: str, target: str
) -> None:
    if {origin, target} - set(servers):
        pytest.skip("this machine has no PostgreSQL of its own")
    lab = Lab(
        servers[origin], servers[target], f"pair_{origin}_{target}", tmp_path
    ).create()
    with lab.source() as connection:
        elearning.create(connection, 500)
        lab.night()
        lab.assert_replicated(ALL_SCHEMAS)
        elearning.next_day(connection)
    # Once with the protocol's own messages, once by libpq alone.
    lab.night(COPY_PASSTHROUGH="false")
    lab.assert_replicated(ALL_SCHEMAS)
    status, output = lab.run("drop-previous")
    assert status == 0, output
    lab.assert_clean()
    with lab.warehouse() as warehouse:
        schemas = warehouse.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pix%' ORDER BY 1"
        ).fetchall()
        assert schemas == [("pix",), ("pix_audit",), ("pix_pgboss",)]
    lab.drop()


def test_the_replica_s_dump_is_the_source_s(lab: Lab) -> None:
    lab.night()
    with lab.source() as connection:
        connection.execute(
            "DROP FUNCTION answers_of(organization_type)"
        )  # names public itself
    with lab.warehouse() as connection:
        connection.execute("DROP FUNCTION pix.answers_of(pix.organization_type)")
    ours, theirs = dump(lab.warehouse_url(), "pix"), dump(lab.source_url(), "public")
    assert sorted(ours) == sorted(theirs)


def test_sequences_have_the_source_s_values(lab: Lab) -> None:
    query = "SELECT last_value, is_called FROM {}"
    names = [
        "ticket_numbers",
        "answers_id_seq",
        "users_id_seq",
        '"organization-tags_id_seq"',
    ]
    lab.night()
    with lab.source() as there, lab.warehouse() as here:
        for name in names:
            expected = there.execute(query.format(name)).fetchone()
            assert here.execute(query.format(f"pix.{name}")).fetchone() == expected


@pytest.mark.parametrize(
    ("wanted", "keys", "valid"),
    [("not_valid", 51, 0), ("true", 51, 51), ("false", 0, 0)],
)
def test_foreign_keys(lab: Lab, wanted: str, keys: int, valid: int) -> None:
    lab.night(RESTORE_FK_CONSTRAINTS=wanted)
    with lab.warehouse() as warehouse:
        row = warehouse.execute(
            "SELECT count(*), count(*) FILTER (WHERE convalidated) FROM pg_constraint"
            " WHERE contype = 'f' AND connamespace IN ('pix'::regnamespace,"
            " 'pix_audit'::regnamespace)"
        ).fetchone()
    assert row == (keys, valid)


def test_readers_are_never_disturbed(lab: Lab) -> None:
    """W1: the replaced system left the warehouse empty for nine hours a night."""
    lab.night()
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA enrichment")
        warehouse.execute(
            "CREATE VIEW enrichment.people AS SELECT count(*) FROM pix.users"
        )
        warehouse.execute(f"GRANT USAGE ON SCHEMA enrichment TO {READER}")
        warehouse.execute(f"GRANT SELECT ON enrichment.people TO {READER}")
    users, view = (
        "SELECT count(*) FROM pix.users",
        "SELECT count FROM enrichment.people",
    )
    with lab.warehouse(READER) as reader:
        before = reader.execute(users).fetchone()
    with lab.source() as connection:
        elearning.next_day(connection)
        after = connection.execute("SELECT count(*) FROM users").fetchone()
    keys = (
        "SELECT count(*) > 10 FROM pg_constraint AS c JOIN pg_namespace AS n"
        " ON n.oid = c.connamespace WHERE c.contype = 'f' AND n.nspname = 'pix'"
    )
    with Poller(lab.warehouse_url(READER), [users, view, keys]) as poller:
        lab.night()
    poller.assert_undisturbed()
    assert before and after
    assert poller.values(users) == {before[0], after[0]}, (
        "one night or the other, never a mix"
    )
    assert poller.values(keys) == {True}, (
        "Z7: Metabase forgets relations that it misses once"
    )
    assert poller.values(view) == {before[0]}, (
        "until dbt has rebuilt it, the previous night"
    )


def test_the_swap_waits_for_no_reader(lab: Lab) -> None:
    """F19, Z2: an analyst holds a transaction on the live night for hours."""
    lab.night()
    with lab.warehouse(READER) as analyst:
        analyst.autocommit = False
        analyst.execute("SELECT count(*) FROM pix.users")
        lab.night()
        status, output = lab.run("drop-previous")
        assert status == 0, output
        assert "somebody is reading it" in output
        analyst.execute(
            "SELECT count(*) FROM pix.users"
        )  # the new night, in the same session
        analyst.rollback()
    status, output = lab.run("drop-previous")
    assert status == 0, output
    with lab.warehouse() as warehouse:
        assert warehouse.execute(
            "SELECT to_regnamespace('pix_previous')"
        ).fetchone() == (None,)
    lab.assert_clean()


def test_rights_follow_the_night(lab: Lab) -> None:
    """F38, W12, Z6: grants stay with a renamed schema, and Metabase needs REFERENCES."""
    lab.night()
    lab.night()
    with lab.warehouse(READER) as reader:
        assert reader.execute("SELECT count(*) > 0 FROM pix.answers").fetchone() == (
            True,
        )
        keys = reader.execute(
            "SELECT count(*) FROM information_schema.table_constraints"
            " WHERE table_schema = 'pix' AND constraint_type = 'PRIMARY KEY'"
        ).fetchone()
        assert keys is not None and keys[0] > 15
        visible = reader.execute(
            "SELECT array_agg(nspname::text ORDER BY nspname) FROM pg_namespace"
            " WHERE has_schema_privilege(oid, 'USAGE') AND nspname !~ '^(pg_|information_)'"
        ).fetchone()
        assert visible == (
            ["entrepot_info", "pix", "pix_audit", "pix_pgboss", "public"],
        )
        may_create = reader.execute(
            "SELECT bool_or(has_schema_privilege(oid, 'CREATE')) FROM pg_namespace"
        ).fetchone()
        assert may_create == (False,)


def test_other_people_s_views_move_to_the_new_night(lab: Lab) -> None:
    """F39: nothing of anybody else's is dropped."""
    lab.night()
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA analysts")
        warehouse.execute("CREATE VIEW analysts.good AS SELECT id, cgu FROM pix.users")
        warehouse.execute("CREATE VIEW analysts.doomed AS SELECT key FROM pix.badges")
        warehouse.execute(
            "CREATE MATERIALIZED VIEW analysts.stored AS SELECT id FROM pix.tags"
        )
    with lab.source() as connection:
        elearning.next_day(connection)
        connection.execute("ALTER TABLE badges RENAME key TO code")
    output = lab.night()
    assert "analysts.doomed: stays on the previous night" in output
    assert "analysts.stored: stays on the previous night" in output
    assert "analysts.good" not in output
    status, output = lab.run("drop-previous")
    assert status == 0, output
    with lab.warehouse() as warehouse:
        count = "SELECT count(*) FROM {}"
        fresh = warehouse.execute(count.format("pix.users")).fetchone()
        assert warehouse.execute(count.format("analysts.good")).fetchone() == fresh
        assert warehouse.execute(count.format("analysts.doomed")).fetchone() == (2,)
        assert warehouse.execute(count.format("analysts.stored")).fetchone() == (4,)
        kept = warehouse.execute(
            "SELECT array_agg(relname::text ORDER BY relname) FROM pg_class"
            " WHERE relnamespace = 'pix_previous'::regnamespace AND relkind = 'r'"
        ).fetchone()
        assert kept == (["badges", "tags"],), "only what the two need is kept"
    lab.night()
    status, output = lab.run("drop-previous")
    assert status == 0, output


def test_nothing_secret_is_an_argument(lab: Lab) -> None:
    """W10, D11: what `ps` shows, for every process of a night."""
    process = lab.start("run")
    seen = set()
    while process.poll() is None:
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(
                    command.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
    status, output = lab.finish(process)
    assert status == 0, output
    assert any("pg_dump" in command for command in seen), (
        "the search looked at the right moment"
    )
    lab.assert_no_secret("\n".join(seen))
    lab.assert_clean()


def test_every_item_is_recorded(lab: Lab) -> None:
    lab.night()
    with lab.warehouse() as warehouse:
        kinds: dict[str, int] = dict(
            warehouse.execute(
                "SELECT kind, count(*) FROM entrepot_ops.items WHERE seconds >= 0 GROUP BY 1"
            ).fetchall()
        )
        rows = warehouse.execute(
            "SELECT row_count FROM entrepot_ops.items"
            " WHERE kind = 'TABLE DATA' AND name = 'answers'"
        ).fetchone()
    assert {
        "TABLE",
        "TABLE DATA",
        "INDEX",
        "CONSTRAINT",
        "FK CONSTRAINT",
        "STATISTICS",
    } <= set(kinds)
    assert rows == (2000,)
    status, output = lab.run("status", "--json")
    assert status == 0
    assert '"status": "succeeded"' in output


def test_a_killed_holder_frees_the_lock(lab: Lab) -> None:
    """F17, F16: while it lives the second run says host, process and step."""
    with Proxy("127.0.0.1", lab.source_server.port) as proxy:
        proxy.throttle(20_000)
        first = lab.start("run", SOURCE_DATABASE_URL=lab.source_url(proxy.port))
        while '"step": "copy"' not in lab.run("status", "--json")[1]:
            assert first.poll() is None
        status, output = lab.run("run")
        assert status == 3, output
        assert f"process {first.pid}" in output
        assert "now in step copy" in output
        first.kill()
        lab.finish(first)
    output = lab.night()
    assert "was interrupted in step copy" in output
    lab.assert_replicated(ALL_SCHEMAS)
    lab.assert_clean()


def test_passwords_change_between_two_nights(lab: Lab) -> None:
    """F54."""
    lab.night()
    with lab.source_server.admin() as admin:
        admin.execute("ALTER ROLE app PASSWORD 'another one'")
    try:
        status, output = lab.run("run")
        assert status == 2
        assert "cannot connect to the source" in output
        lab.assert_no_secret(output)
    finally:
        lab.source_server.create_role("app", PASSWORD)
    lab.night()
