"""A proposal as a change of the policy's file: comments and order of what is there stay."""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from entrepot_core.base.errors import RunFailed
from entrepot_core.base.text import visible
from entrepot_core.config.local import FOLDER, SECOND_SOURCE
from entrepot_core.config.project import project_root
from entrepot_core.policy.tables import KEEP, TableRule, default_file
from pg_replica.proposal.lines import Line, spelled

_WIDE = 4096  # characters, so that no line of the owner's is broken


class PolicyDocument:
    """The file of the policy, and what it would be with decisions in it.

    Attributes:
        file: Where it is.
        before: Its text.
    """

    def __init__(self, file: Path, elsewhere: Mapping[str, TableRule]) -> None:
        """Read the file.

        Args:
            file: As `own_file` gives it; it need not be there.
            elsewhere: Entries of other files that an entry of this one replaces, by name.
        """
        self.file = file
        self.before = file.read_text(encoding="utf-8") if file.is_file() else ""
        self._elsewhere = elsewhere

    def after(self, lines: Iterable[Line], kept: Iterable[Line] = ()) -> str:
        """Write the file with decisions.

        Args:
            lines: What is accepted.
            kept: What is not wanted: the column is brought as it is, the table copied whole.

        Returns:
            The whole text.
        """
        yaml = _yaml()
        content = yaml.load(self.before)
        if content is None:
            content = CommentedMap()
        tables = _block(content, "tables")
        for line in lines:
            self._put(tables, line, line.value, line.settings)
        for line in kept:
            self._put(tables, line, KEEP if line.column else "full", ())
        written = io.StringIO()
        yaml.dump(content, written)
        return written.getvalue()

    def diff(self, after: str) -> str:
        """Compare.

        Args:
            after: As `after` gives it.

        Returns:
            A unified diff; empty where nothing changes.
        """
        return "".join(
            difflib.unified_diff(
                self.before.splitlines(keepends=True),
                after.splitlines(keepends=True),
                str(self.file),
                f"{self.file} (proposed)",
            )
        )

    def write(self, after: str) -> None:
        """Replace the file as a whole.

        Args:
            after: Its new text.

        Raises:
            RunFailed: If it cannot be written.
        """
        beside = self.file.with_name(f".{self.file.name}.new")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(after, encoding="utf-8")
            beside.replace(self.file)
        except OSError as error:
            raise RunFailed(f"{self.file}: {error.strerror}") from None

    def _put(
        self,
        tables: CommentedMap,
        line: Line,
        value: str,
        settings: Iterable[tuple[str, str | list[str]]],
    ) -> None:
        entry = self._entry(tables, line)
        if line.column is None:
            entry["mode"] = value
            entry.yaml_add_eol_comment(visible(line.remark), "mode")
            entry.update(settings)
            return
        columns = _block(entry, "columns")
        columns[line.column] = value
        columns.yaml_add_eol_comment(visible(line.remark), line.column)

    def _entry(self, tables: CommentedMap, line: Line) -> CommentedMap:
        """Find a table's entry, or make it of what another file says of the table."""
        name = spelled(line.table)
        full = f"{line.table.schema}.{line.table.name}"
        for written in (name, full):
            if written in tables:
                return _block(tables, written)
        entry = _block(tables, name)
        for written in (name, full):
            if written in self._elsewhere:
                entry.update(_written(self._elsewhere[written]))
        return entry


def own_file(file: Path) -> Path:
    """Say which file of the policy is the owner's to change.

    Args:
        file: The policy's file, as the variables name it.

    Returns:
        Of the project's policy `local/tables.yml`, which an upgrade leaves alone; else the file.
    """
    if os.environ.get(SECOND_SOURCE) or file.resolve() != default_file().resolve():
        return file
    return project_root() / FOLDER / "tables.yml"


def _written(rule: TableRule) -> dict[str, Any]:
    """Write a rule as a file has it."""
    content = rule.model_dump(exclude_defaults=True, exclude={"kept"})
    if rule.kept:
        columns = dict.fromkeys(rule.kept, KEEP)
        content["columns"] = {**content.get("columns", {}), **columns}
    return content


def _block(parent: CommentedMap, key: str) -> CommentedMap:
    """Give a mapping of its own lines, made where there is none."""
    found = parent.get(key)
    if not isinstance(found, CommentedMap):
        found = CommentedMap(found or {})
        parent[key] = found
    parent.fa.set_block_style()
    found.fa.set_block_style()
    return found


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDE
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
