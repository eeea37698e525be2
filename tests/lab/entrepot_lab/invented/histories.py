"""Rows with a history: what production does to them between nights, drawn by chance."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import psycopg
from psycopg import sql

# Of each kind of key one, and of each thing that a change of rows could stumble over.
_TABLES = """
CREATE SCHEMA {S};
CREATE TYPE {S}.mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE {S}.numbers (id bigint PRIMARY KEY, v text, n double precision, at timestamptz
    DEFAULT '2020-01-01Z', m {S}.mood, long text, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE {S}.texts (code text PRIMARY KEY, v text, u integer UNIQUE);
CREATE TABLE {S}.pairs (a integer, b text, v numeric, PRIMARY KEY (a, b));
ALTER TABLE {S}.pairs CLUSTER ON pairs_pkey;
CREATE TABLE {S}.amounts (k numeric PRIMARY KEY, v jsonb, f real);
CREATE TABLE {S}.moods (k {S}.mood PRIMARY KEY, v integer);
CREATE TABLE {S}.bag (a integer, b text, c json);
CREATE TABLE {S}.slots (id integer PRIMARY KEY, place integer UNIQUE, other integer,
    EXCLUDE USING btree (other WITH =));
CREATE TABLE {S}.given (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    own integer GENERATED ALWAYS AS (1 + 1) STORED, v text);
CREATE TABLE {S}.tree (id integer PRIMARY KEY, parent integer REFERENCES {S}.tree
    ON DELETE CASCADE ON UPDATE CASCADE, v text);
CREATE TABLE {S}.left_side (id integer PRIMARY KEY, other integer);
CREATE TABLE {S}.right_side (id integer PRIMARY KEY, other integer
    REFERENCES {S}.left_side ON DELETE SET NULL DEFERRABLE);
ALTER TABLE {S}.left_side ADD FOREIGN KEY (other) REFERENCES {S}.right_side
    ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE {S}.parts (id integer, v text) PARTITION BY RANGE (id);
CREATE TABLE {S}.parts_low PARTITION OF {S}.parts FOR VALUES FROM (MINVALUE) TO (20);
CREATE TABLE {S}.parts_rest PARTITION OF {S}.parts DEFAULT;
ALTER TABLE {S}.parts_low ADD PRIMARY KEY (id);
ALTER TABLE {S}.parts_rest ADD PRIMARY KEY (id);
CREATE TABLE {S}.above (id integer, v text);
CREATE TABLE {S}.below (extra text) INHERITS ({S}.above);
CREATE FUNCTION {S}.noted() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.v := coalesce(NEW.v, '''') || ''.''; RETURN NEW; END';
CREATE TRIGGER noted BEFORE INSERT OR UPDATE ON {S}.texts FOR EACH ROW
    EXECUTE FUNCTION {S}.noted();
CREATE RULE two AS ON INSERT TO {S}.moods DO ALSO INSERT INTO {S}.bag VALUES (1, 'by a rule', '[]');
CREATE FUNCTION {S}.is_fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS 'SELECT length($1) >= 0 OR $1 IS NULL';
ALTER TABLE {S}.pairs ADD CHECK ({S}.is_fine(b));
CREATE INDEX ON {S}.pairs ({S}.is_fine(b));
CREATE SEQUENCE {S}.counter INCREMENT 3;
CREATE MATERIALIZED VIEW {S}.summed AS SELECT b, count(*) AS n FROM {S}.bag GROUP BY b;
CREATE UNIQUE INDEX ON {S}.summed (b);
CREATE MATERIALIZED VIEW {S}.counted AS SELECT count(*) AS n FROM {S}.numbers;
"""
_VALUES = ["NULL", "''", "'x'", "'é\\N'", "'NaN'", "repeat('long ', 900)", "'-0'"]
_NUMBERS = ["NULL", "'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0", "0.1"]
# {k} and {j} are small numbers, {v} and {n} values, {x} one in a few.
_ROWS = [
    (
        "INSERT INTO {S}.numbers (id, v, n, m) SELECT i, {v}, {n}, 'ok'"
        " FROM generate_series({k}, {k} + {j}) AS i ON CONFLICT (id) DO UPDATE SET v = {v}"
    ),
    (
        "INSERT INTO {S}.numbers (id, v) SELECT -i * 1000003, {v} FROM generate_series(1, {j}) AS i"
        " ON CONFLICT DO NOTHING"
    ),
    "UPDATE {S}.numbers SET v = {v}, n = {n} WHERE id % {x} = 0",
    "UPDATE {S}.numbers SET long = repeat(md5(id::text), 100) WHERE id % {x} = 1",
    "UPDATE {S}.numbers SET id = id + 100000 WHERE id % {x} = 0 AND id BETWEEN 0 AND 99999",
    "UPDATE {S}.numbers SET m = 'happy' WHERE id % {x} = 0",
    "DELETE FROM {S}.numbers WHERE id % {x} = 0",
    "DELETE FROM {S}.numbers WHERE id = (SELECT max(id) FROM {S}.numbers)",
    "INSERT INTO {S}.texts VALUES ('k{k}', {v}, {k}) ON CONFLICT DO NOTHING",
    (
        "INSERT INTO {S}.texts VALUES ('é {k}', {v}, NULL), (E'\\\\n{k}', {v}, NULL)"
        " ON CONFLICT DO NOTHING"
    ),
    "UPDATE {S}.texts SET code = code || '{k}' WHERE length(code) < 9 AND u % {x} = 0",
    "UPDATE {S}.texts SET v = NULL WHERE code > 'k{k}'",
    "DELETE FROM {S}.texts WHERE code < 'k{k}'",
    "INSERT INTO {S}.pairs VALUES ({k}, 'b{j}', {n}::numeric) ON CONFLICT DO NOTHING",
    "UPDATE {S}.pairs SET v = {k} WHERE a % {x} = 0",
    "UPDATE {S}.pairs SET b = b || 'z' WHERE a % {x} = 1",
    "DELETE FROM {S}.pairs WHERE a % {x} = 0",
    "INSERT INTO {S}.amounts VALUES ({k}.5, '[1]', {n}::real) ON CONFLICT DO NOTHING",
    "UPDATE {S}.amounts SET k = k::numeric(20, 3) WHERE k > {k}",
    "UPDATE {S}.amounts SET v = '{{\"a\": 1.0}}' WHERE k < {k}",
    "DELETE FROM {S}.amounts WHERE k % {x} = 0.5",
    "INSERT INTO {S}.moods VALUES ('sad', {k}), ('happy', {j}) ON CONFLICT DO NOTHING",
    "UPDATE {S}.moods SET v = {k}",
    "DELETE FROM {S}.moods WHERE k = 'sad'",
    "INSERT INTO {S}.bag SELECT {j}, {v}, '[1]' FROM generate_series(1, {x})",
    "UPDATE {S}.bag SET c = '[ 1]' WHERE a % {x} = 0",
    "DELETE FROM {S}.bag WHERE ctid IN (SELECT ctid FROM {S}.bag WHERE a = {j} LIMIT 1)",
    "INSERT INTO {S}.slots VALUES ({k}, {k}, {k}) ON CONFLICT DO NOTHING",
    "UPDATE {S}.slots SET place = place + 1000, other = NULL WHERE id % 2 = 0",
    "DELETE FROM {S}.slots WHERE id % {x} = 1",
    (
        "WITH gone AS (DELETE FROM {S}.slots WHERE id = {k} RETURNING place)"
        " UPDATE {S}.slots SET other = -id WHERE id = {j}"
    ),
    "INSERT INTO {S}.given (v) SELECT {v} FROM generate_series(1, {j})",
    "UPDATE {S}.given SET id = DEFAULT WHERE id % {x} = 0",
    "DELETE FROM {S}.given WHERE id % {x} = 0",
    (
        "INSERT INTO {S}.tree SELECT {k}, (SELECT min(id) FROM {S}.tree WHERE id <> {k}), {v}"
        " ON CONFLICT DO NOTHING"
    ),
    "UPDATE {S}.tree SET parent = (SELECT max(id) FROM {S}.tree) WHERE id % {x} = 0",
    "UPDATE {S}.tree SET id = id + 1000 WHERE id % {x} = 0 AND id < 1000",
    "UPDATE {S}.tree SET parent = id WHERE id = {k}",
    "DELETE FROM {S}.tree WHERE id % {x} = 0",
    (
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO {S}.left_side VALUES ({k}, {k})"
        " ON CONFLICT DO NOTHING;"
        " INSERT INTO {S}.right_side VALUES ({k}, {k}) ON CONFLICT DO NOTHING; COMMIT"
    ),
    "DELETE FROM {S}.left_side WHERE id % {x} = 0",
    "DELETE FROM {S}.right_side WHERE id % {x} = 1",
    "INSERT INTO {S}.parts VALUES ({k}, {v}) ON CONFLICT DO NOTHING",
    "UPDATE {S}.parts SET id = id + 25 WHERE id % {x} = 0 AND id < 60",
    "UPDATE {S}.parts SET id = id - 30 WHERE id > 40 AND id % {x} = 0",
    "DELETE FROM {S}.parts WHERE id % {x} = 0",
    "INSERT INTO {S}.above VALUES ({k}, {v})",
    "INSERT INTO {S}.below VALUES ({k}, {v}, {v})",
    "DELETE FROM {S}.above WHERE id % {x} = 0",
    "SELECT nextval('{S}.counter')",
    "SELECT setval('{S}.counter', {k}, false)",
    # What undoes itself, in whole or in part.
    "BEGIN; DELETE FROM {S}.numbers; UPDATE {S}.pairs SET v = 9; ROLLBACK",
    (
        "BEGIN; UPDATE {S}.numbers SET v = 'before' WHERE id % {x} = 0; SAVEPOINT a;"
        " DELETE FROM {S}.numbers; ROLLBACK TO a; SAVEPOINT b; UPDATE {S}.pairs SET v = {k};"
        " RELEASE b; COMMIT"
    ),
    "SELECT count(*) FROM (SELECT FROM {S}.numbers FOR UPDATE) AS locked",
    "SELECT count(*) FROM (SELECT FROM {S}.tree FOR KEY SHARE) AS locked",
]
_SWAP = """
BEGIN; UPDATE {S}.slots SET place = -place WHERE place > 0;
UPDATE {S}.slots AS one SET place = -other.place FROM {S}.slots AS other
WHERE one.id = other.id + 1 - 2 * (one.id %% 2) AND one.place < 0 AND other.place < 0; COMMIT
"""
# What leaves definitions as they are, and files or numbers of transactions not.
_UPKEEP = [
    "TRUNCATE {S}.bag",
    "TRUNCATE {S}.tree",
    "TRUNCATE {S}.parts",
    "VACUUM (FREEZE) {S}.numbers",
    "VACUUM FULL {S}.numbers",
    "VACUUM FULL {S}.bag",
    "CLUSTER {S}.pairs USING pairs_pkey",
    "REINDEX TABLE {S}.texts",
    "ANALYZE {S}.numbers",
]
_MIGRATIONS = [
    "ALTER TABLE {S}.numbers ADD COLUMN z{k} text DEFAULT 'new'",
    "ALTER TABLE {S}.numbers DROP COLUMN v, ADD COLUMN v text",
    "ALTER TABLE {S}.texts ALTER u TYPE bigint",
    "ALTER TABLE {S}.bag ALTER b TYPE varchar(5000)",
    "ALTER TABLE {S}.numbers ALTER at TYPE timestamp",
    "ALTER TABLE {S}.numbers RENAME COLUMN n TO n{k}",
    "ALTER TYPE {S}.mood ADD VALUE 'mood {k}'",
    "ALTER TYPE {S}.mood RENAME VALUE 'ok' TO 'fine {k}'",
    "ALTER TABLE {S}.parts DETACH PARTITION {S}.parts_low",
    "CREATE TABLE {S}.parts_{k} PARTITION OF {S}.parts FOR VALUES FROM (9{k}0) TO (9{k}9)",
    "CREATE TABLE {S}.made_{k} AS SELECT * FROM {S}.pairs",
    "ALTER TABLE {S}.bag RENAME TO old_{k}; CREATE TABLE {S}.bag (a integer, b text, c json)",
    "ALTER TABLE {S}.pairs DROP CONSTRAINT pairs_pkey",
    "CREATE INDEX ON {S}.numbers (at)",
    "DROP TABLE {S}.given",
    "CREATE VIEW {S}.shown_{k} AS SELECT id FROM {S}.numbers",
]


@dataclass
class Histories:
    """Schemas whose rows have histories, in one source.

    Attributes:
        source: A session on it, in autocommit.
        other: Another, whose transactions stay open over nights.
        chance: Decides.
        names: The schemas.
        taken: The statements that the server took.
    """

    source: psycopg.Connection
    other: psycopg.Connection
    chance: Random
    names: list[str]
    taken: list[str] = field(default_factory=list)
    _prepared: list[str] = field(default_factory=list)
    _is_open: bool = False

    def create(self) -> None:
        """Make the schemas, and first rows."""
        self.source.execute(
            "SET client_min_messages = error; SET lock_timeout = '100ms'"
        )
        for name in self.names:
            self.source.execute(sql.SQL(_TABLES).format(S=sql.Identifier(name)))
        for _ in range(6):
            self.day()

    def day(self) -> None:
        """Change rows of every schema, some in transactions that others outlive."""
        self._each(_ROWS, self.chance.randint(6, 20))
        self._each([_SWAP, *_UPKEEP], self.chance.randint(0, 2))
        self._end_transactions()
        self._begin_transactions()
        self._each(_ROWS, self.chance.randint(1, 5))
        self._refresh()

    def migrate(self) -> None:
        """Change definitions of some schemas."""
        for name in self.chance.sample(self.names, max(1, len(self.names) // 3)):
            for _ in range(self.chance.randint(1, 3)):
                self._do(self.source, self.chance.choice(_MIGRATIONS), name)

    def close(self) -> None:
        """End what is open."""
        self._end_transactions()

    def _each(self, choices: list[str], count: int) -> None:
        for name in self.names:
            for _ in range(count):
                self._do(self.source, self.chance.choice(choices), name)

    def _do(self, session: psycopg.Connection, statement: str, name: str) -> bool:
        chance = self.chance
        text = statement.format(
            S=name,
            k=chance.randint(1, 60),
            j=chance.randint(1, 9),
            x=chance.randint(2, 7),
            v=chance.choice(_VALUES),
            n=chance.choice(_NUMBERS),
        ).replace("%%", "%")
        try:
            session.execute(text.encode())
        except psycopg.Error:
            with suppress(psycopg.Error):
                session.execute("ROLLBACK")
            return False
        self.taken.append(text)
        return True

    def _begin_transactions(self) -> None:
        """Write rows that the coming night cannot see."""
        name = self.chance.choice(self.names)
        way: Callable[[str], None] = self.chance.choice([self._open, self._prepare])
        way(name)

    def _open(self, name: str) -> None:
        self.other.execute("BEGIN; SET LOCAL lock_timeout = '100ms'")
        statement = (
            "INSERT INTO {S}.numbers (id, v) VALUES ({k}000001, 'from an open one')"
        )
        self._is_open = self._do(self.other, statement, name)

    def _prepare(self, name: str) -> None:
        mark = f"{name} {self.chance.random()}"
        self.other.execute("BEGIN; SET LOCAL lock_timeout = '100ms'")
        statement = (
            "SAVEPOINT a; INSERT INTO {S}.texts VALUES ('prepared {k}', 'v'); RELEASE a;"
            " INSERT INTO {S}.bag VALUES ({k}, 'prepared', '[]')"
        )
        if self._do(self.other, statement, name):
            self.other.execute(f"PREPARE TRANSACTION '{mark}'")
            self._prepared.append(mark)

    def _end_transactions(self) -> None:
        if self._is_open:
            self.other.execute(self.chance.choice(["COMMIT", "ROLLBACK"]))
        self._is_open = False
        for mark in self._prepared:
            end = self.chance.choice(["COMMIT", "ROLLBACK"])
            self.other.execute(f"{end} PREPARED '{mark}'")
        self._prepared = []

    def _refresh(self) -> None:
        for name in self.names:
            for view in ("summed", "counted"):
                self._do(self.source, f"REFRESH MATERIALIZED VIEW {{S}}.{view}", name)
