"""A publication for partners, made without dbt."""

from __future__ import annotations

import json

import psycopg
from psycopg.rows import TupleRow

from entrepot_lab.postgres.warehouse import OWNER, PASSWORD, Lab

PARTNER = "external_reader"
BASE: dict[str, str | None] = {"participation": "organization_id", "months": "everyone"}
PEOPLE = "SELECT sum(people)::bigint FROM external.participation"


class Partners:
    """A warehouse, another database for partners, and the roles that read."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        server = lab.warehouse_server
        for role in (PARTNER, "rectorat", "region"):
            server.create_role(role, PASSWORD)
        server.create_database(f"{lab.name}_partners", OWNER)
        with server.admin() as admin:
            for database in (f"{lab.name}_warehouse", f"{lab.name}_partners"):
                admin.execute(
                    f'GRANT CONNECT ON DATABASE "{database}" TO {PARTNER}, rectorat, region'
                )
            admin.execute(f"GRANT {PARTNER} TO rectorat, region")

    def url(self, elsewhere: bool = False, role: str = OWNER) -> str:
        name = f"{self.lab.name}_{'partners' if elsewhere else 'warehouse'}"
        return self.lab.warehouse_server.url(name, role, PASSWORD)

    def build(self, factor: int = 1, tables: dict[str, str | None] = BASE) -> None:
        """Do what a whole dbt build does."""
        with psycopg.connect(self.url(), autocommit=True) as session:
            session.execute("CREATE SCHEMA IF NOT EXISTS external_next")
            session.execute("COMMENT ON SCHEMA external_next IS 'being built'")
            for table in tables:
                session.execute(f"DROP TABLE IF EXISTS external_next.{table}")
                session.execute(
                    f"CREATE TABLE external_next.{table}__dbt_tmp ("
                    "organization_id integer NOT NULL, month date NOT NULL,"
                    " people bigint NOT NULL, rate numeric(3, 2), label text,"
                    " PRIMARY KEY (organization_id, month))"
                )
                session.execute(
                    f"INSERT INTO external_next.{table}__dbt_tmp SELECT i,"
                    f" date '2024-01-01' + i, i * {factor}, i / 7.0, 'été ' || i"
                    " FROM generate_series(1, 5) AS i"
                )
                session.execute(
                    f"ALTER TABLE external_next.{table}__dbt_tmp RENAME TO {table}"
                )
                session.execute(f"CREATE INDEX ON external_next.{table} (month)")
                session.execute(
                    f"COMMENT ON COLUMN external_next.{table}.people IS 'People''s number'"
                )
            said = [{"name": name, "rows_of": rows} for name, rows in tables.items()]
            text = json.dumps({"sealed_by": str(factor), "tables": said})
            session.execute(f"COMMENT ON SCHEMA external_next IS '{text}'")

    def publish(self, **variables: str) -> tuple[int, str]:
        return self.lab.run("publish-external", **variables)

    def must_publish(self, **variables: str) -> str:
        status, output = self.publish(**variables)
        assert status == 0, output
        return output

    def ask(
        self, query: str, role: str = PARTNER, elsewhere: bool = False
    ) -> list[TupleRow]:
        with psycopg.connect(self.url(elsewhere, role)) as session:
            return session.execute(query).fetchall()

    def people(self, role: str = PARTNER, elsewhere: bool = False) -> int:
        return int(self.ask(PEOPLE, role, elsewhere)[0][0])
