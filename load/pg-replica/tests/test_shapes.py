"""An item is what pg_dump writes for its kind, on the dump's own objects, or it is refused."""

from __future__ import annotations

import pytest

from entrepot_core.base.errors import Refused
from pg_replica.dump import shapes
from pg_replica.dump.items import Item

_ALLOWED = {
    "AGGREGATE": [
        "CREATE AGGREGATE shop.total(integer) (SFUNC = int4_sum, STYPE = bigint);"
    ],
    "CAST": ["CREATE CAST (shop.a AS text) WITH FUNCTION shop.f(shop.a);"],
    "CHECK CONSTRAINT": [
        "ALTER TABLE shop.t ADD CONSTRAINT c CHECK ((a = ANY (ARRAY[1, 2]))) NOT VALID;",
        "ALTER DOMAIN shop.d ADD CONSTRAINT c CHECK ((VALUE > 0));",
    ],
    "COLLATION": ["CREATE COLLATION shop.c (provider = icu, locale = 'fr');"],
    "COMMENT": [
        "COMMENT ON TABLE shop.t IS '; DROP SCHEMA pix; --';",
        'COMMENT ON COLUMN shop."t t"."c;" IS $$x$$;',
        "COMMENT ON FUNCTION shop.f(integer DEFAULT 1) IS 'x';",
        "COMMENT ON CONSTRAINT c ON shop.t IS 'x';",
        "COMMENT ON CONSTRAINT c ON DOMAIN shop.d IS 'x';",
        "COMMENT ON OPERATOR shop.=== (integer, integer) IS 'x';",
        "COMMENT ON OPERATOR CLASS shop.ops USING btree IS 'x';",
        "COMMENT ON MATERIALIZED VIEW shop.m IS NULL;",
        "COMMENT ON TEXT SEARCH CONFIGURATION shop.c IS 'x';",
        "COMMENT ON SCHEMA shop IS 'x';",
        "COMMENT ON EXTENSION citext IS 'x';",
        "COMMENT ON CAST (shop.a AS text) IS 'x';",
    ],
    "CONSTRAINT": [
        "ALTER TABLE ONLY shop.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (a, b);",
        "ALTER TABLE ONLY shop.t ADD CONSTRAINT x EXCLUDE USING gist (a WITH =, b WITH &&);",
        "ALTER TABLE ONLY shop.t REPLICA IDENTITY USING INDEX t_pkey;",
        "ALTER TABLE shop.t CLUSTER ON t_pkey;",
        "ALTER TABLE shop.t ADD CONSTRAINT n NOT NULL a NOT VALID;",
    ],
    "DEFAULT": [
        "ALTER TABLE ONLY shop.t ALTER COLUMN a SET DEFAULT nextval('shop.s'::regclass);"
    ],
    "DOMAIN": ["CREATE DOMAIN shop.d AS text CONSTRAINT c CHECK ((VALUE ~ ';'));"],
    "EXTENSION": ["CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;"],
    "FK CONSTRAINT": [
        (
            "ALTER TABLE ONLY shop.t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES public.u(a, b)"
            " ON DELETE SET NULL (a) NOT VALID;"
        )
    ],
    "FUNCTION": [
        "CREATE FUNCTION shop.f() RETURNS integer LANGUAGE sql AS $_$ DROP TABLE x; $_$;",
        "CREATE FUNCTION shop.f() RETURNS integer BEGIN ATOMIC SELECT 1; END;",
    ],
    "INDEX": [
        "CREATE UNIQUE INDEX i ON ONLY shop.t USING btree (a, lower(b)) INCLUDE (c) WHERE a;",
        "ALTER INDEX shop.i ALTER COLUMN 1 SET STATISTICS 100;",
    ],
    "INDEX ATTACH": ["ALTER INDEX shop.i ATTACH PARTITION shop.j;"],
    "MATERIALIZED VIEW": ["CREATE MATERIALIZED VIEW shop.m AS SELECT 1 WITH NO DATA;"],
    "MATERIALIZED VIEW DATA": ["REFRESH MATERIALIZED VIEW shop.m;"],
    "OPERATOR": ["CREATE OPERATOR shop.=== (FUNCTION = shop.f, LEFTARG = integer);"],
    "OPERATOR CLASS": [
        "CREATE OPERATOR CLASS shop.o FOR TYPE integer USING btree AS STORAGE x;"
    ],
    "OPERATOR FAMILY": ["CREATE OPERATOR FAMILY shop.o USING btree;"],
    "PROCEDURE": ["CREATE PROCEDURE shop.p() LANGUAGE sql AS $$ SELECT 1; $$;"],
    "RULE": [
        "CREATE RULE r AS ON INSERT TO shop.v DO INSTEAD (INSERT INTO x VALUES (1); NOTIFY y);",
        "CREATE OR REPLACE VIEW shop.v AS SELECT a FROM shop.t GROUP BY a, b;",
        "ALTER TABLE shop.t DISABLE RULE r;",
    ],
    "SEQUENCE": [
        "CREATE SEQUENCE shop.s AS integer START WITH 1 NO MAXVALUE CACHE 1;",
        (
            "ALTER TABLE shop.t ALTER COLUMN a ADD GENERATED ALWAYS AS IDENTITY (\n"
            "    SEQUENCE NAME shop.s START WITH 1\n);"
        ),
    ],
    "SEQUENCE OWNED BY": ["ALTER SEQUENCE shop.s OWNED BY shop.t.a;"],
    "SEQUENCE SET": [
        "SELECT pg_catalog.setval('shop.s', 5, true);",
        "SELECT pg_catalog.setval('shop.\"it''s\"', -5, false);",
    ],
    "SHELL TYPE": ["CREATE TYPE shop.t;"],
    "STATISTICS": ["CREATE STATISTICS shop.s (ndistinct) ON a, b FROM shop.t;"],
    "TABLE": [
        "CREATE UNLOGGED TABLE shop.t (a integer, \"references\" text DEFAULT 'references');",
        "CREATE TABLE shop.t (x integer) INHERITS (public.a, shop.b);",
        "CREATE TABLE shop.t OF shop.y;",
        "CREATE TABLE shop.t PARTITION OF public.p FOR VALUES IN (1, 2);",
        "ALTER TABLE ONLY shop.t ALTER COLUMN a SET STATISTICS 500;",
        "ALTER TABLE ONLY shop.t REPLICA IDENTITY FULL;",
        "ALTER TABLE ONLY public.p ATTACH PARTITION shop.t FOR VALUES IN (1, 2);",
    ],
    "TABLE ATTACH": ["ALTER TABLE ONLY public.p ATTACH PARTITION shop.t DEFAULT;"],
    "TEXT SEARCH CONFIGURATION": [
        'CREATE TEXT SEARCH CONFIGURATION shop.c (PARSER = pg_catalog."default");',
        "ALTER TEXT SEARCH CONFIGURATION shop.c ADD MAPPING FOR word WITH shop.d;",
    ],
    "TRIGGER": [
        (
            "CREATE CONSTRAINT TRIGGER g AFTER UPDATE OF a, b ON shop.t FOR EACH ROW EXECUTE"
            " FUNCTION shop.f('x;');"
        ),
        "ALTER TABLE shop.t ENABLE ALWAYS TRIGGER g;",
    ],
    "TYPE": [
        "CREATE TYPE shop.y AS ENUM ('a;', 'b');",
        "CREATE TYPE shop.y AS RANGE (subtype = integer, multirange_type_name = shop.ys);",
        "CREATE TYPE shop.y AS (a integer, b text);",
    ],
    "VIEW": ["CREATE VIEW shop.v WITH (security_barrier='true') AS SELECT ';' AS x;"],
    "WONDER": ["CREATE WONDER shop.w (x);"],
}
_REFUSED = [
    ("TABLE", "CREATE TABLE shop.t (a integer); DROP SCHEMA pix CASCADE;"),
    ("TABLE", "DROP SCHEMA pix CASCADE;"),
    ("TABLE", "/* CREATE TABLE shop.t (a int) */ DROP SCHEMA pix CASCADE;"),
    ("TABLE", "CREATE TABLE shop.t AS SELECT * FROM pix.users;"),
    ("TABLE", "CREATE TABLE pix.t (a integer);"),
    ("TABLE", "CREATE TABLE t (a integer);"),
    ("TABLE", "CREATE TABLE shop.t (a integer) INHERITS (shop.b, pix.users);"),
    ("TABLE", "CREATE TABLE shop.t PARTITION OF pix.users DEFAULT;"),
    ("TABLE", "CREATE TABLE shop.t (a integer REFERENCES pix.users);"),
    ("TABLE", "ALTER TABLE shop.t ALTER COLUMN a SET STATISTICS 1, INHERIT pix.users;"),
    ("TABLE", "ALTER TABLE shop.t SET SCHEMA pix;"),
    ("TABLE", "ALTER TABLE pix.users ALTER COLUMN a SET STATISTICS 1;"),
    (
        "TABLE",
        "ALTER TABLE shop.t ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES pix.users;",
    ),
    ("TABLE ATTACH", "ALTER TABLE shop.p ATTACH PARTITION pix.users DEFAULT;"),
    ("DEFAULT", "ALTER TABLE shop.t ALTER COLUMN a SET DEFAULT 1, INHERIT pix.users;"),
    ("FUNCTION", "DO $$ CREATE FUNCTION shop.f() $$;"),
    ("FUNCTION", "CREATE FUNCTION pix.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';"),
    (
        "FUNCTION",
        "CREATE FUNCTION shop.f() BEGIN ATOMIC SELECT CASE; END; DROP SCHEMA pix;",
    ),
    ("VIEW", "ALTER ROLE entrepot PASSWORD 'x';"),
    ("INDEX", "CREATE INDEX i ON pix.users USING btree (a);"),
    ("INDEX ATTACH", "ALTER INDEX shop.i ATTACH PARTITION pix.users_pkey;"),
    (
        "TRIGGER",
        "CREATE TRIGGER g AFTER INSERT ON pix.users EXECUTE FUNCTION shop.f();",
    ),
    ("RULE", "CREATE RULE r AS ON INSERT TO pix.users DO INSTEAD NOTHING;"),
    ("RULE", "CREATE OR REPLACE VIEW pix.v AS SELECT 1;"),
    (
        "FK CONSTRAINT",
        "ALTER TABLE shop.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES pix.u(a);",
    ),
    ("SEQUENCE SET", "SELECT pg_catalog.setval('pix.s', 1, true);"),
    ("SEQUENCE SET", "SELECT pg_catalog.setval('shop.s', (SELECT 1), true);"),
    ("SEQUENCE SET", "SELECT pg_catalog.set_config('role', 1, true);"),
    ("SEQUENCE SET", "SELECT shop.setval('shop.s', 1, true);"),
    ("SEQUENCE OWNED BY", "ALTER SEQUENCE shop.s OWNED BY pix.users.id;"),
    ("COMMENT", "COMMENT ON TABLE pix.users IS 'x';"),
    ("COMMENT", "COMMENT ON SCHEMA pix IS 'x';"),
    ("COMMENT", "COMMENT ON ROLE entrepot IS 'x';"),
    ("MATERIALIZED VIEW DATA", "REFRESH MATERIALIZED VIEW pix.m;"),
    ("EXTENSION", "CREATE ROLE boss;"),
    ("WONDER", "DROP WONDER shop.w;"),
]


def _check(kind: str, sql: str) -> None:
    table = Item(0, 0, "TABLE", "shop", "t", "CREATE TABLE shop.t ();")
    shapes.check([table, Item(0, 0, kind, "shop", "x", sql)], lambda _: True)


@pytest.mark.parametrize(
    ("kind", "sql"), [(kind, sql) for kind, each in _ALLOWED.items() for sql in each]
)
def test_what_pg_dump_writes_is_run(kind: str, sql: str) -> None:
    _check(kind, sql)


@pytest.mark.parametrize(("kind", "sql"), _REFUSED)
def test_what_pg_dump_does_not_write_is_refused(kind: str, sql: str) -> None:
    with pytest.raises(Refused) as refusal:
        _check(kind, sql)
    assert f"{kind} shop x" in str(refusal.value)


def test_an_extensions_schema_may_be_referred_to_unless_it_is_the_warehouses() -> None:
    key = (
        "ALTER TABLE shop.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES topology.u(a);"
    )
    made = "CREATE EXTENSION IF NOT EXISTS postgis_topology WITH SCHEMA topology;"
    items = [
        Item(0, 0, "EXTENSION", None, "postgis_topology", made),
        Item(0, 0, "FK CONSTRAINT", "shop", "t f", key),
    ]
    shapes.check(items, lambda schema: schema == "pix")
    with pytest.raises(Refused):
        shapes.check(items, lambda schema: schema == "topology")


def test_what_is_left_out_is_not_looked_at() -> None:
    _check("EVENT TRIGGER", "anything at all")
