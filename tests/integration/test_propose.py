"""A proposed table policy: what it finds, what it never does, and how it is accepted."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
import yaml

from entrepot_lab.postgres.cluster import embedded_binaries
from entrepot_lab.postgres.warehouse import Lab

_SOURCE = """
CREATE SCHEMA hr;
CREATE DOMAIN postal_mail AS text;
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "fullName" text,
    email text UNIQUE, field7 text, notes text, status text, born date,
    shown text GENERATED ALWAYS AS (upper(email)) STORED);
INSERT INTO customers ("fullName", email, field7, notes, status, born)
    SELECT 'Marie Zebulon' || n, 'zebulon' || n || '@example.org', 'FR7630006000011234567890189',
    'Zebulon called again and was angry', 'open', '1980-01-01'::date + 400 * (n % 40)
    FROM generate_series(1, 300) AS n;
CREATE TABLE products (id serial PRIMARY KEY, name text, description text, price numeric);
INSERT INTO products (name, description)
    SELECT 'Lamp ' || n, 'A lamp' FROM generate_series(1, 60) AS n;
-- A plan for this table calls the function, which lets nobody plan.
CREATE FUNCTION seen(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql
    AS 'BEGIN IF current_setting(''application_name'') LIKE ''entrepot%'' THEN
        RAISE EXCEPTION ''code of the source has run''; END IF; RETURN true; END';
CREATE TABLE trapped (id int PRIMARY KEY, a1 text, a2 text);
INSERT INTO trapped
    SELECT n, 'zebulon' || n || '@example.org', NULL FROM generate_series(1, 30) AS n;
CREATE INDEX ON trapped (a1) WHERE id < 0 AND seen('now');
CREATE TABLE hr.events (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), what text);
CREATE TABLE visits (at date NOT NULL, ip inet, path text) PARTITION BY RANGE (at);
CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO visits SELECT '2024-02-03', '10.1.2.3', '/zebulon' FROM generate_series(1, 30);
CREATE TABLE hidden (id int PRIMARY KEY, phone text);
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; ALTER TABLE hidden FORCE ROW LEVEL SECURITY;
CREATE TABLE schema_migrations (version text PRIMARY KEY);
CREATE TABLE requests (id int PRIMARY KEY, payload jsonb);
INSERT INTO requests SELECT n, '{"user": {"lastName": "Zebulon"}}' FROM generate_series(1, 20) AS n;
"""
_POLICY = """\
# Ours, and it stays.
tables:
  products:
    reason: looked at   # by us
    columns: {name: keep}
"""


@pytest.fixture
def unknown(empty_lab: Lab) -> Lab:
    """Give a source of which the policy says almost nothing."""
    with empty_lab.source() as source:
        source.execute(_SOURCE)
        source.execute(
            "INSERT INTO hr.events (what) SELECT 'x' FROM generate_series(1, 20000)"
        )
        source.execute("ANALYZE")
    empty_lab.policy(_POLICY)
    _wait_for_statistics(empty_lab)
    return empty_lab


def _wait_for_statistics(lab: Lab) -> None:
    with lab.source() as source:
        for _ in range(50):
            row = source.execute(
                "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'events'"
            ).fetchone()
            if row and row[0] == 20000:
                return
            time.sleep(0.1)


def _tables(lab: Lab) -> dict[str, dict[str, object]]:
    return yaml.safe_load(Path(lab.env["TABLES_FILE"]).read_text())["tables"]


def test_a_policy_is_proposed_and_accepted_line_by_line(unknown: Lab) -> None:
    lab = unknown
    with lab.source() as source:
        source.execute("SET application_name = 'entrepot'")
        with pytest.raises(psycopg.errors.RaiseException):
            source.execute("SELECT a1 FROM trapped")
    status, diff = lab.run("propose")
    assert status == 0, diff
    assert "zebulon" not in diff.lower(), "no value of a row"
    assert _tables(lab) == yaml.safe_load(_POLICY)["tables"], (
        "nothing is applied silently"
    )
    status, answer = lab.run("propose", "--json")
    found = {
        (line["table"], line["column"]): line
        for line in json.loads(answer[answer.index("[\n") :])
    }
    assert {key: line["value"] for key, line in found.items()} == {
        ("customers", "fullName"): "pseudonymise",
        ("customers", "email"): "pseudonymise",
        ("customers", "field7"): "pseudonymise",
        ("customers", "notes"): "exclude",
        ("customers", "born"): "exclude",
        ("trapped", "a1"): "pseudonymise",
        ("visits", "ip"): "exclude",
        ("hidden", "phone"): "pseudonymise",
        ("requests", "payload"): "exclude",
        ("schema_migrations", None): "none",
        ("hr.events", None): "incremental",
    }
    assert "sampled values look like e-mail" in found["trapped", "a1"]["reason"]
    assert "20,000 inserts, 0 updates, 0 deletes" in found["hr.events", None]["reason"]

    lab.run("propose", "--accept", "customers.email", "--accept", "hr.events")
    lab.run("propose", "--keep", "customers.born")
    tables = _tables(lab)
    assert tables["customers"]["columns"] == {"email": "pseudonymise", "born": "keep"}
    assert tables["hr.events"] == {
        "mode": "incremental",
        "key": ["id"],
        "replication_key": "id",
    }
    status, output = lab.run("propose", "--accept", "customers.emial")
    assert status == 2
    assert "customers.email" not in output.split("did you mean")[0]
    lab.run("propose", "--accept")
    text = Path(lab.env["TABLES_FILE"]).read_text()
    assert text.startswith("# Ours, and it stays.\n")
    assert "# by us" in text
    status, output = lab.run("propose")
    assert "Nothing is proposed" in output
    status, output = lab.run("check", PSEUDONYM_SECRET="sixteen characters and more")
    assert "tables.yml" not in output, "what is accepted is a policy"


_NEXT_DAY = """
ALTER TABLE products ADD COLUMN maker_email text, ADD COLUMN colour text;
CREATE TABLE letters (mail text PRIMARY KEY, sent date);
ALTER TABLE visits ADD COLUMN telephone text;
CREATE VIEW makers AS SELECT id, maker_email FROM products;
"""
_SECRET = {"PSEUDONYM_SECRET": "sixteen characters and more"}


def _findings(lab: Lab) -> dict[str, str]:
    with lab.warehouse() as warehouse:
        rows = warehouse.execute(
            "SELECT subject, finding FROM entrepot_ops.findings"
            " WHERE run_id = (SELECT max(run_id) FROM entrepot_ops.runs)"
        )
        return dict(rows.fetchall())


def _columns(lab: Lab, table: str) -> set[str]:
    with lab.warehouse() as warehouse:
        rows = warehouse.execute(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped",
            [f"pix.{table}"],
        )
        return {row[0] for row in rows}


@pytest.mark.parametrize("from_dump", [False, True])
def test_new_personal_columns_are_told_or_held(empty_lab: Lab, from_dump: bool) -> None:
    lab = empty_lab
    with lab.source() as source:
        source.execute(
            "CREATE TABLE products (id int PRIMARY KEY, name text, price numeric);"
            "CREATE TABLE visits (at date NOT NULL, path text) PARTITION BY RANGE (at);"
            "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2024-01-01')"
            " TO ('2025-01-01'); INSERT INTO visits VALUES ('2024-02-03', '/');"
        )
    lab.night()
    assert not any("personal" in said for said in _findings(lab).values())
    with lab.source() as source:
        source.execute(_NEXT_DAY)
    variables = {"NEW_COLUMNS": "hold"}
    if from_dump:
        dump = lab.folder / "next_day.sql"
        pg_dump = embedded_binaries() / "pg_dump"
        subprocess.run([pg_dump, "-f", dump, lab.source_url()], check=True)
        variables["DUMP_PATH"] = str(dump)
    lab.night(**variables)
    found = _findings(lab)
    assert "stays out until then" in found["column products.maker_email"]
    assert "stays out until then" in found["column visits.telephone"]
    assert "its table stays out" in found["column letters.mail"]
    assert "column products.colour" not in found
    assert "maker_email" not in _columns(lab, "products")
    assert "colour" in _columns(lab, "products")
    assert "telephone" not in _columns(lab, "visits_1")
    assert not _columns(lab, "letters")
    assert not _columns(lab, "makers")
    assert any("makers" in subject for subject in found), "what goes with it is told"
    lab.policy(
        "tables:\n  products: {columns: {maker_email: keep}}\n"
        "  letters: {columns: {mail: pseudonymise}}\n"
    )
    lab.night(**variables, **_SECRET)
    assert "maker_email" in _columns(lab, "makers")
    assert _columns(lab, "letters") == {"mail", "sent"}
    assert "telephone" not in _columns(lab, "visits"), "not yet decided"
    if not from_dump:
        lab.night(**_SECRET)
        assert ": it comes;" in _findings(lab)["column visits.telephone"]
        lab.night(**_SECRET)
        assert "column visits.telephone" not in _findings(lab), "said once"
    lab.run("drop-previous")
