"""Tables and columns that stay out, by identity and never by a resemblance of names."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess

import pytest

from entrepot_lab.postgres.cluster import embedded_binaries
from entrepot_lab.postgres.warehouse import Lab
from entrepot_lab.sources import elearning

SECRET = "sixteen characters and more"
POLICY = """
tables:
  users:
    reason: no personal data in the warehouse
    columns: {email: pseudonymise, firstName: pseudonymise, password: exclude, lastName: exclude}
  pgboss.job:
    mode: none
  organizations:
    columns: {externalId: exclude}
    indexes:
      organizations_day_idx: '(((("createdAt" AT TIME ZONE ''Europe/Paris''))::date))'
"""


FORMER_NAMES = """
former_names:
  companies: organizations
  old-answers: answers
  users: organizations
  nothing: nowhere
"""


def tables_of(lab: Lab, schema: str = "pix") -> set[str]:
    """List the live tables and views."""
    with lab.warehouse() as warehouse:
        rows = warehouse.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
            " AND relkind IN ('r', 'p', 'v', 'm', 'S')",
            [schema],
        )
        return {row[0] for row in rows}


def modes(**by_table: str) -> dict[str, str]:
    """Write BACKUP_MODE."""
    return {
        "BACKUP_MODE": json.dumps(
            {name.replace("__", "-"): mode for name, mode in by_table.items()}
        )
    }


@pytest.mark.parametrize(
    ("kept_out", "must_stay"),
    [
        (
            {"memberships": "none"},
            {"organizations", "organization-tags", "organization-tags_id_seq"},
        ),
        (
            {"badges": "none"},
            {
                "badge-acquisitions",
                "badge-acquisitions_id_seq",
                "partner-certifications",
            },
        ),
        ({"target__profiles": "none"}, {"campaigns", "campaigns_id_seq"}),
        (
            {"answers": "incremental"},
            {"knowledge-elements", "knowledge-elements_id_seq"},
        ),
        ({"_migrations": "none"}, {"users"}),
        ({"knowledge__elements": "none"}, {"knowledge-element-snapshots", "answers"}),
    ],
)
def test_only_what_belongs_to_a_table_stays_out_with_it(
    lab: Lab, kept_out: dict[str, str], must_stay: set[str]
) -> None:
    """W4, W6, W7, W16: two nights each, foreign keys validated."""
    variables = modes(**kept_out)
    for _ in range(2):
        lab.night(RESTORE_FK_CONSTRAINTS="true", **variables)
    names = {name.replace("__", "-") for name in kept_out}
    found = tables_of(lab)
    assert not names & found
    assert not {f"{name}_id_seq" for name in names} & found
    assert must_stay <= found
    lab.run("drop-previous")
    lab.assert_clean()


def test_what_hangs_on_a_table_is_reported(lab: Lab) -> None:
    """W6, W16: foreign keys and views that go with it are named."""
    output = lab.night(**modes(memberships="none", answers="none"))
    assert "active-memberships" in output
    assert "answers_by_result" in output
    assert "knowledge-elements" in output
    assert "the replica has no rows of answers" in output


def test_append_tables_show_beside_the_others(lab: Lab) -> None:
    with lab.warehouse() as warehouse:
        warehouse.execute("CREATE SCHEMA pix_incremental")
        warehouse.execute("CREATE TABLE pix_incremental.answers AS SELECT 7 AS id")
    lab.policy(FORMER_NAMES)
    for _ in range(2):
        lab.night(**modes(answers="incremental"))
    with lab.warehouse("internal_reader") as reader:
        for name in ("answers", "old-answers"):
            assert reader.execute(f'SELECT id FROM pix."{name}"').fetchone() == (7,)
        same = "SELECT count(*) = (SELECT count(*) FROM pix.organizations) FROM pix.companies"
        assert reader.execute(same).fetchone() == (True,)
    assert "users_id_seq" in tables_of(lab), "a table that is there is no former name"
    assert "nothing" not in tables_of(lab)


def pseudonym(text: str) -> str:
    """Compute what the warehouse must hold."""
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def assert_columns_are_safe(lab: Lab) -> None:
    """Check the policy's effect, and that the dropped values are not even in the files."""
    with lab.warehouse() as warehouse, lab.source() as there:
        columns = warehouse.execute(
            "SELECT array_agg(attname::text) FROM pg_attribute"
            " WHERE attrelid = 'pix.users'::regclass"
            " AND attnum > 0 AND NOT attisdropped"
        ).fetchone()
        assert columns is not None
        assert not {"password", "lastName", "fullName"} & set(columns[0])
        users = there.execute(
            'SELECT id, email::text, "firstName" FROM users ORDER BY id'
        ).fetchall()
        here = warehouse.execute(
            'SELECT id, email::text, "firstName" FROM pix.users ORDER BY id'
        ).fetchall()
        assert here == [
            (number, email and pseudonym(email), pseudonym(first))
            for number, email, first in users
        ]
        assert warehouse.execute(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = 'pix'"
            " AND indexname = 'organizations_day_idx'"
        ).fetchone() == (1,)
        warehouse.execute("SELECT 1")
    with lab.warehouse_server.admin(f"{lab.name}_warehouse") as admin:
        admin.execute("CHECKPOINT")
        row = admin.execute("SELECT pg_relation_filepath('pix.users')").fetchone()
    assert row is not None
    content = (lab.warehouse_server.data / row[0]).read_bytes()
    assert b"example.org" not in content
    assert b"$2b$10$" not in content


def test_columns_from_a_live_source(lab: Lab) -> None:
    """Left out and pseudonymised columns never reach the warehouse's disk."""
    lab.policy(POLICY)
    for _ in range(2):
        output = lab.night(PSEUDONYM_SECRET=SECRET)
    assert "fullName" in output, (
        "a generated column that needs a dropped one goes too, and is named"
    )
    assert_columns_are_safe(lab)
    assert "job" not in tables_of(lab, "pix_pgboss")
    assert "job_2024" not in tables_of(lab, "pix_pgboss")
    assert SECRET not in "".join(lab.outputs)
    lab.run("drop-previous")
    lab.assert_clean()


@pytest.mark.parametrize("options", [["-Fc"], ["-Fp"], ["-Fp", "--inserts"]])
def test_columns_from_a_dump_are_the_same(lab: Lab, options: list[str]) -> None:
    lab.policy(POLICY)
    path = lab.folder / "dump"
    subprocess.run(
        [
            str(embedded_binaries() / "pg_dump"),
            *options,
            "-f",
            str(path),
            lab.source_url(),
        ],
        check=True,
    )
    lab.night(PSEUDONYM_SECRET=SECRET, SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    assert_columns_are_safe(lab)


@pytest.mark.parametrize(
    ("policy", "variables", "words"),
    [
        (
            "tables: {anwsers: {mode: none}}",
            {},
            ["no table 'anwsers'", "Did you mean 'answers'?"],
        ),
        (
            "tables: {users: {columns: {mail: exclude}}}",
            {},
            ["no column 'mail'", "'email'"],
        ),
        ("tables: {users: {mode: incremetal}}", {}, ["'incremental'"]),
        ("tables: {users: {colums: {email: exclude}}}", {}, ["'columns'"]),
        ("tables: {users: {columns: {id: exclude}}}", {}, ["primary key", "users"]),
        (
            "tables: {users: {columns: {email: pseudonymise}}}",
            {},
            ["PSEUDONYM_SECRET is missing"],
        ),
        ("tables: [", {}, ["is not YAML", "line 1"]),
        (
            "tables: {}",
            {"BACKUP_MODE": '{"answers": "Incremental"}'},
            ["'Incremental'", "'incremental'"],
        ),
        (
            "tables: {}",
            {"BACKUP_MODE": '{"knowledge-elements-snapshots": "none"}'},
            ["knowledge-element-snapshots"],
        ),
        (
            "tables: {}",
            {"BACKUP_MODE": '{"answers": "none"'},
            ["BACKUP_MODE is not JSON", "line 1"],
        ),
        (
            "tables: {}",
            {"BACKUP_MODE": '["answers"]'},
            ["BACKUP_MODE must be a JSON object"],
        ),
    ],
)
def test_a_policy_that_cannot_be_meant(
    lab: Lab, policy: str, variables: dict[str, str], words: list[str]
) -> None:
    """W11: a misspelt name stops the night before it begins."""
    lab.policy(policy)
    status, output = lab.run("run", **variables)
    assert status == 2, output
    for word in words:
        assert word in output


def test_two_nights_with_changes_of_every_kind(lab: Lab) -> None:
    """W8, W9, F45: schemas, enum values, overloads, renamed and dropped tables between nights."""
    lab.night()
    with lab.source() as connection:
        elearning.next_day(connection)
        connection.execute("ALTER TYPE organization_type ADD VALUE 'ART'")
        connection.execute(
            "INSERT INTO organizations (type, name) VALUES ('ART', 'École')"
        )
        connection.execute("CREATE SCHEMA later")
        connection.execute("CREATE TABLE later.things AS SELECT 1 AS id")
        connection.execute("DROP SCHEMA audit CASCADE")
        connection.execute("ALTER TABLE tags RENAME TO labels")
        connection.execute("ALTER TABLE answers ALTER timeout TYPE bigint")
        connection.execute(
            "CREATE FUNCTION next_ticket(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT 1'"
        )
    lab.night()
    lab.assert_replicated(
        {"public": "pix", "pgboss": "pix_pgboss", "later": "pix_later"}
    )
    status, output = lab.run("drop-previous")
    assert status == 0, output
    with lab.warehouse() as warehouse:
        schemas = warehouse.execute(
            "SELECT array_agg(nspname::text ORDER BY nspname) FROM pg_namespace"
            " WHERE nspname LIKE 'pix%'"
        ).fetchone()
    assert schemas == (["pix", "pix_later", "pix_pgboss"],)
    lab.assert_clean()
