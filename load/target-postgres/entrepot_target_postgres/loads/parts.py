"""Tables of which a run replaces some parts, such as the files that have changed since."""

from __future__ import annotations

from itertools import islice
from typing import Any

import psycopg

from entrepot_core.postgres.identifiers import quote
from entrepot_core.singer.keywords import REPLACE, REPLACE_BY
from entrepot_core.warehouse import references
from entrepot_target_postgres.errors import CannotLoad
from entrepot_target_postgres.loads.upsert import Load
from entrepot_target_postgres.rows import text_of
from entrepot_target_postgres.tables.copying import (
    Duplicate,
    Rows,
    origin_of,
    values_of,
)
from entrepot_target_postgres.tables.shape import Shape


class Parts(Load):
    """A stream whose listed parts are replaced in one transaction; the others stay.

    Readers see the old rows until it commits, and wait for nothing.
    """

    def __init__(
        self,
        session: psycopg.Connection,
        shape: Shape,
        reader: str,
        timeout: float,
        schema: dict[str, Any],
    ) -> None:
        """Make the table or let it follow, and take the old rows of the listed parts away.

        Args:
            session: A session of this stream's own, in autocommit.
            shape: The table.
            reader: Who may read it.
            timeout: Seconds after which a silent network counts as cut.
            schema: The stream's JSON schema, with `x-replace-by` and `x-replace`.

        Raises:
            CannotLoad: If the schema's keywords contradict its properties.
        """
        self._by: list[str] = schema[REPLACE_BY]
        self._parts = {tuple(part) for part in schema.get(REPLACE, [])}
        self._is_open = False
        if wrong := [name for name in self._by if name not in shape.names]:
            raise CannotLoad(
                f"stream {shape.stream}: {REPLACE_BY} names {', '.join(wrong)}, which are not "
                "properties of the schema"
            )
        if any(len(part) != len(self._by) or None in part for part in self._parts):
            raise CannotLoad(
                f"stream {shape.stream}: each part in {REPLACE} needs a value for each of "
                f"{', '.join(self._by)}"
            )
        super().__init__(session, shape, reader, timeout)

    @property
    def is_open(self) -> bool:
        """Whether rows that were written are not yet committed."""
        return self._is_open

    def _prepare(self) -> None:
        self._settle(has_key=True)
        if self._parts:
            self._session.execute("BEGIN")
            self._is_open = True
            self._remove_old()

    def _remove_old(self) -> None:
        found = references.on_table(self._session, self.shape.table)
        if acting := [one.label for one in found if one.acts]:
            raise CannotLoad(
                f"table {self.shape.table}: rows are replaced, and {acting[0]} would act on "
                "another table then: drop that key, or make it ON DELETE NO ACTION"
            )
        columns = ", ".join(f"{quote(name)}::text" for name in self._by)
        arrays = ", ".join("%s::text[]" for _ in self._by)
        values = [
            [text_of(part[i]) for part in self._parts] for i in range(len(self._by))
        ]
        self._session.execute(
            f"DELETE FROM {self.shape.table.sql} WHERE ({columns}) IN"
            f" (SELECT * FROM unnest({arrays}))",
            values,
        )

    def check(self, record: dict[str, Any]) -> None:
        """Refuse a record of a part that this run does not replace.

        Args:
            record: Before it is written.

        Raises:
            CannotLoad: Naming the part.
        """
        part = tuple(record.get(name) for name in self._by)
        if part not in self._parts:
            raise CannotLoad(
                f"stream {self.shape.stream}: a record of {_named(self._by, part)}, which is not "
                f"in {REPLACE}: its older rows would stay beside it"
            )

    def write(self, rows: Rows) -> None:
        """Write rows; they are committed when the tap has sent all.

        Args:
            rows: What to write.

        Raises:
            CannotLoad: If the warehouse refuses them.
        """
        if not self._is_open:
            raise CannotLoad(
                f"stream {self.shape.stream}: rows without a part to replace ({REPLACE})"
            )
        self._session.execute("SAVEPOINT rows")
        try:
            self._copy(self.shape.table.sql, rows)
        except Duplicate as error:
            self._session.execute("ROLLBACK TO SAVEPOINT rows")
            raise CannotLoad(f"{error}{self._other(error, rows)}") from None
        self._session.execute("RELEASE SAVEPOINT rows")

    def _other(self, duplicate: Duplicate, rows: Rows) -> str:
        """Say where the row is from that has the same key, if rows tell."""
        shape, keys = self.shape, self.shape.keys
        key = [duplicate.row[name] for name in keys]
        for line in islice(rows.lines(), duplicate.line - 1):
            other = values_of(line, rows)
            if [other[name] for name in keys] == key:
                return f"; the other is of {origin_of(other, shape)}"
        where = " AND ".join(f"{quote(name)}::text = %s" for name in keys)
        listed = ", ".join(f"{quote(name)}::text" for name in shape.origin)
        if not listed:
            return ""
        row = self._session.execute(
            f"SELECT {listed} FROM {shape.table.sql} WHERE {where}",
            key,
        ).fetchone()
        if row is None:
            return ""
        found = dict(zip(shape.origin, row, strict=True))
        return f"; the other is of {origin_of(found, shape)}"

    def activate(self) -> None:
        """Commit: the tap has sent all rows of the listed parts."""
        if not self._is_open:
            return
        self._session.execute("COMMIT")
        self._is_open = False
        self._parts = set()
        self._session.execute(f"ANALYZE {self.shape.table.sql}")

    def finish(self) -> None:
        """Make sure, at the end of the input, that nothing was left open.

        Raises:
            CannotLoad: If the tap has not said that it had sent all; nothing is kept then.
        """
        if self._is_open:
            self._session.execute("ROLLBACK")
            raise CannotLoad(
                f"the tap ended before it had said that it had sent all of {self.shape.stream} "
                "(ACTIVATE_VERSION): its parts have not been replaced; see the tap's own error, "
                "and run again"
            )


def _named(names: list[str], values: tuple[Any, ...]) -> str:
    pairs = zip(names, values, strict=True)
    return ", ".join(f"{name} {value!r}" for name, value in pairs)
