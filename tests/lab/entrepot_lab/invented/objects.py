"""Makers of objects that are no tables: types, functions, views, triggers, comments."""

from __future__ import annotations

from psycopg import sql

from entrepot_lab.invented.schema import Column, Relation, Schema, UserType


def user_type(here: Schema) -> None:
    """Make an enum, a domain, a composite or a range."""
    chance, name = here.chance, here.fresh("y")
    kind = chance.number(1, 4)
    if kind == 1:
        labels = [f"{number}{chance.text()}"[:20] for number in range(3)]
        literals = [sql.Literal(label) for label in labels]
        if here.do(
            "CREATE TYPE {n} AS ENUM ({l})", n=name, l=sql.SQL(", ").join(literals)
        ):
            here.types.append(UserType(name, list(literals)))
    elif kind == 2:
        text = sql.Literal(chance.text())
        if here.do(
            "CREATE DOMAIN {n} AS text DEFAULT {d} CONSTRAINT {c} CHECK (VALUE <> {x})",
            n=name,
            d=text,
            c=chance.name("c"),
            x=sql.Literal(chance.text() + "!"),
        ):
            here.types.append(UserType(name, [text, sql.Literal("'\\")]))
    elif kind == 3:
        first, second = here.type(), here.type()
        if here.do(
            "CREATE TYPE {n} AS ({a} {t}, {b} {u})",
            n=name,
            a=chance.name("a"),
            b=chance.name("b"),
            t=first[1],
            u=second[1],
        ):
            values = [here.value(Column(name, *each)) for each in (first, second)]
            row = sql.SQL("ROW({}, {})::{}").format(*values, name)
            here.types.append(UserType(name, [row]))
    elif here.do(
        "CREATE TYPE {n} AS RANGE (subtype = float8, subtype_diff = float8mi)", n=name
    ):
        here.types.append(
            UserType(
                name, [sql.Literal(v) for v in ("empty", "[1,NaN)", "(,Infinity]")]
            )
        )


def function(here: Schema) -> None:
    """Make a function of SQL text, of a standard body or of plpgsql, or a procedure."""
    chance, name = here.chance, here.fresh("f")
    body = sql.Literal(f"SELECT $1 + 1 /* {chance.text()} */".replace("*/ */", "*/"))
    plpgsql = sql.Literal(f"BEGIN\n-- {chance.text()!r}\nRETURN $1 * 2; END")
    text, parameter = sql.Literal(chance.text()), chance.name("p")
    made = here.do(
        chance.of(
            [
                "CREATE FUNCTION {n}(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS {b}",
                (
                    "CREATE FUNCTION {n}(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE"
                    " COST 7 SET work_mem = '1MB' AS {p}"
                ),
                "CREATE FUNCTION {n}(integer) RETURNS integer IMMUTABLE RETURN $1 + 2",
                (
                    "CREATE FUNCTION {n}(integer) RETURNS integer IMMUTABLE BEGIN ATOMIC"
                    " SELECT CASE WHEN $1 > 1 THEN length({x}) ELSE 2 END; END"
                ),
            ]
        ),
        n=name,
        b=body,
        p=plpgsql,
        x=text,
    )
    if made:
        here.functions.append(name)
    elif chance.maybe():
        here.do(
            "CREATE PROCEDURE {n}(IN {p} text DEFAULT {x}) LANGUAGE sql AS {b}",
            n=name,
            p=parameter,
            x=text,
            b=sql.Literal("SELECT 1"),
        )


def aggregate(here: Schema) -> None:
    """Make an aggregate and an operator."""
    here.do(
        "CREATE AGGREGATE {n}(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')",
        n=here.fresh("g"),
    )
    here.do(
        "CREATE OPERATOR {S}.{o} (FUNCTION = int4pl, LEFTARG = integer, RIGHTARG = integer)",
        o=sql.SQL(here.chance.of(["===", "<%>", "|&", "@#@"])),
    )


def sequence(here: Schema) -> None:
    """Make a sequence and take a value from it."""
    name = here.fresh("s")
    options = here.chance.of(
        [
            "",
            "AS smallint INCREMENT -3 CYCLE",
            "START 7 MINVALUE -9 MAXVALUE 99 CACHE 5",
        ]
    )
    if here.do("CREATE SEQUENCE {n} {o}", n=name, o=sql.SQL(options)):
        here.sequences.append(name)
        if here.chance.maybe():
            here.do(
                "SELECT nextval({n})", n=sql.Literal(name.as_string(here.connection))
            )


def view(here: Schema) -> None:
    """Make a view or a materialized view on a table or another view."""
    chance, relations = here.chance, here.tables("rpvm")
    if not relations:
        return
    below, name = chance.of(relations), here.fresh("v")
    columns = chance.some(below.columns, 1, 4)
    if not columns:
        return
    stored = chance.maybe(3)
    written = [
        Column(chance.name("c"), each.type, each.spelled, is_written=False)
        for each in columns
    ]
    query = sql.SQL("SELECT {}, {}::text AS {} FROM {}").format(
        sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(old.name, new.name)
            for old, new in zip(columns, written, strict=True)
        ),
        sql.Literal(chance.text()),
        chance.name("x"),
        below.name,
    )
    options = "" if stored else chance.of(["", "WITH (security_barrier)"])
    if here.do(
        "CREATE {k} VIEW {n} {o} AS {q}",
        k=sql.SQL("MATERIALIZED" if stored else ""),
        n=name,
        o=sql.SQL(options),
        q=query,
    ):
        made = Relation(name, "m" if stored else "v", written, has_rows=False)
        here.relations.append(made)
        if stored:
            here.do(
                "CREATE INDEX {i} ON {n} ({c})",
                i=chance.name("i"),
                n=name,
                c=written[0].name,
            )


def trigger(here: Schema) -> None:
    """Make a trigger with its function, a rule, or a policy."""
    chance, tables = here.chance, here.tables("r")
    if not tables:
        return
    on, name, function_name = chance.of(tables).name, chance.name("t"), here.fresh("h")
    text = sql.Literal(chance.text())
    if chance.maybe(3):
        here.do(
            "CREATE RULE {n} AS ON DELETE TO {t} WHERE {x} = 'never' DO INSTEAD NOTHING",
            n=name,
            t=on,
            x=text,
        )
        here.do("CREATE POLICY {n} ON {t} USING (true)", n=name, t=on)
        return
    here.do(
        "CREATE FUNCTION {f}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
        f=function_name,
    )
    here.do(
        "CREATE TRIGGER {n} BEFORE INSERT OR UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION {f}({x})",
        n=name,
        t=on,
        f=function_name,
        x=text,
    )
    state = sql.SQL(chance.of(["DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA", "ENABLE"]))
    here.do("ALTER TABLE {t} {s} TRIGGER {n}", t=on, s=state, n=name)


def comment(here: Schema) -> None:
    """Comment on a table, a column, a type, a function or a sequence."""
    chance, text = here.chance, sql.Literal(here.chance.text() + "x")
    if here.relations:
        each = chance.of(here.relations)
        kind = {"v": "VIEW", "m": "MATERIALIZED VIEW"}.get(each.kind, "TABLE")
        here.do("COMMENT ON {k} {n} IS {x}", k=sql.SQL(kind), n=each.name, x=text)
        if each.columns:
            column = chance.of(each.columns).name
            here.do("COMMENT ON COLUMN {n}.{c} IS {x}", n=each.name, c=column, x=text)
    for kind, names in (
        ("TYPE", [each.name for each in here.types]),
        ("FUNCTION", here.functions),
        ("SEQUENCE", here.sequences),
    ):
        if names and chance.maybe():
            name = chance.of(names)
            here.do("COMMENT ON {k} {n} IS {x}", k=sql.SQL(kind), n=name, x=text)
