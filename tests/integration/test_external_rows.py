"""Row security of what is published: a partner sees its own rows."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from entrepot_lab.postgres.partners import PARTNER, Partners
from entrepot_lab.postgres.warehouse import OWNER, Lab


@pytest.fixture
def partners(empty_lab: Lab) -> Iterator[Partners]:
    partners = Partners(empty_lab)
    yield partners
    empty_lab.warehouse_server.drop_database(f"{empty_lab.name}_partners")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_partner_sees_its_own_organisations_rows(
    partners: Partners, elsewhere: bool
) -> None:
    variables = {"EXTERNAL_ROW_SECURITY": "true"}
    if elsewhere:
        variables["EXTERNAL_DATABASE_URL"] = partners.url(elsewhere=True)
    partners.build()
    partners.must_publish()
    with partners.lab.warehouse() as warehouse:
        warehouse.execute(
            "INSERT INTO entrepot_ops.external_rows VALUES"
            " ('rectorat', 2), ('rectorat', 3), ('region', NULL), ('nobody', 4)"
        )
    partners.build()
    assert "nobody" in partners.must_publish(**variables)
    rows = "SELECT organization_id FROM external.participation ORDER BY 1"
    for role, seen in {
        "rectorat": [2, 3],
        "region": [1, 2, 3, 4, 5],
        PARTNER: [],
    }.items():
        assert [row[0] for row in partners.ask(rows, role, elsewhere)] == seen
        months = "SELECT count(*) FROM external.months"
        assert partners.ask(months, role, elsewhere) == [(5,)], "everyone's"
    for forbidden in (
        "TABLE entrepot_ops.external_rows",
        "SELECT entrepot_ops.external_rows_of('region')",
        "SET ROLE region",
        f"SET ROLE {OWNER}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            partners.ask(forbidden, "rectorat", elsewhere)
    # The switch goes with the next publication.
    partners.build()
    variables["EXTERNAL_ROW_SECURITY"] = "false"
    partners.must_publish(**variables)
    assert len(partners.ask(rows, "rectorat", elsewhere)) == 5


def test_row_security_wants_every_table_to_say_whose_rows_it_holds(
    partners: Partners,
) -> None:
    for rows_of, said in ((None, "does not say"), ("organisation", "organisation")):
        partners.build(1, {"participation": rows_of})
        status, output = partners.publish(EXTERNAL_ROW_SECURITY="true")
        assert (status, said in output) == (1, True), output
        assert "participation" in output


@pytest.mark.parametrize(
    ("gift", "named"),
    [
        (
            """CREATE SCHEMA s CREATE TABLE t (i int);
            GRANT USAGE ON SCHEMA s TO PUBLIC; GRANT SELECT (i) ON s.t TO PUBLIC""",
            "may read s.t",
        ),
        (
            "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "may call public.f",
        ),
        ("GRANT CREATE ON SCHEMA public TO external_reader", "may make objects"),
    ],
)
def test_nothing_new_is_shown_to_who_sees_more(
    partners: Partners, gift: str, named: str
) -> None:
    partners.build()
    with partners.lab.warehouse() as warehouse:
        warehouse.execute(gift)
    status, output = partners.publish()
    assert (status, named in output) == (1, True), output
    assert named in partners.lab.run("check")[1]


def test_a_reader_that_becomes_another_is_found_out(partners: Partners) -> None:
    partners.build()
    with partners.lab.warehouse_server.admin() as admin:
        admin.execute("CREATE ROLE wanderer LOGIN; GRANT pg_read_all_data TO wanderer")
    status, output = partners.publish(EXTERNAL_READER="wanderer")
    assert (status, "is a member of pg_read_all_data" in output) == (1, True), output
    with partners.lab.warehouse_server.admin() as admin:
        admin.execute("DROP ROLE wanderer")


def test_without_the_role_nobody_is_given_anything(partners: Partners) -> None:
    partners.build()
    output = partners.must_publish(EXTERNAL_READER="no_such_role")
    assert "role no_such_role: there is none" in output
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        partners.people()
