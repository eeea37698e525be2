"""The table policy: what happens to each table and column, from `extract/tables.yml`.

A domain that is on may bring a part of its own, in `contents/` or `local/`; what
`extract/tables.yml` says of a table replaces it, and what the owner's own `local/tables.yml` says
replaces both. Another file that `TABLES_FILE` names is the whole policy.
`BACKUP_MODE` overrides the modes. A name that does not exist is an error that suggests the
nearest one: a misspelt table that is silently copied is how personal data leaks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from entrepot_core.base.errors import Refused
from entrepot_core.base.suggest import nearest
from entrepot_core.config import domains
from entrepot_core.config.local import FOLDER, SECOND_SOURCE
from entrepot_core.config.project import project_root
from entrepot_core.postgres.identifiers import PUBLIC, TableName

Mode = Literal["full", "incremental", "none"]
ColumnRule = Literal["exclude", "pseudonymise", "numeric", "text"]
KEEP = "keep"  # of a column: brought as it is, by somebody's decision
MODES = get_args(Mode)


class TableRule(BaseModel):
    """What `extract/tables.yml` says of one table."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "full"
    key: list[str] = []
    replication_key: str | None = None
    lookback: int | None = Field(default=None, ge=0)
    columns: dict[str, ColumnRule] = {}
    indexes: dict[str, str] = {}
    distribution: str | None = None
    shrink_limit: float | None = Field(default=None, ge=0, le=100)
    keep_deleted: bool = False
    personal: list[str] = []
    reason: str = ""
    kept: list[str] = []

    @model_validator(mode="before")
    @classmethod
    def _set_kept_apart(cls, value: Any) -> Any:
        """Take columns that are brought as they are out of those that change."""
        columns = value.get("columns") if isinstance(value, dict) else None
        if not isinstance(columns, dict) or KEEP not in columns.values():
            return value
        changed = {name: how for name, how in columns.items() if how != KEEP}
        kept = [name for name in columns if name not in changed]
        return {**value, "columns": changed, "kept": kept}

    @property
    def pseudonymised(self) -> list[str]:
        """The columns that arrive as pseudonyms."""
        return [name for name, how in self.columns.items() if how == "pseudonymise"]

    @property
    def changed(self) -> list[str]:
        """The columns whose values are written in another type, by the source."""
        return [
            name for name, how in self.columns.items() if how in ("numeric", "text")
        ]

    @property
    def emptied(self) -> list[str]:
        """The columns that are emptied in rows that stay although the source has deleted them."""
        return list(dict.fromkeys([*self.personal, *self.pseudonymised]))

    @property
    def amounts(self) -> list[str]:
        """The columns of type money that arrive as numeric."""
        return [name for name, how in self.columns.items() if how == "numeric"]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tables: dict[str, TableRule] = {}
    tolerated_items: list[str] = Field(default=[])
    former_names: dict[str, str] = {}


@dataclass
class Policy:
    """The rules, once the tables' real names are known.

    Attributes:
        rules: By table; a table without an entry is copied whole.
        tolerated: Items of a dump that may fail, as `DESCRIPTION name`.
        former_names: The name that each table had before, of tables of schema public.
        problems: What could not be resolved, one sentence each.
        notes: What is odd but harmless, one sentence each.
    """

    rules: dict[TableName, TableRule] = field(default_factory=dict)
    tolerated: frozenset[str] = frozenset()
    former_names: Mapping[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def rule(self, table: TableName) -> TableRule:
        """Give a table's rule.

        Args:
            table: Any table of the source.

        Returns:
            Its rule, or the default one.
        """
        return self.rules.get(table, _DEFAULT_RULE)

    def as_numeric(self, table: TableName, column: str) -> None:
        """Let a column of type money arrive as numeric.

        Args:
            table: Its table.
            column: Its name.
        """
        rule = self.rule(table)
        columns: dict[str, ColumnRule] = {**rule.columns, column: "numeric"}
        self.rules[table] = rule.model_copy(update={"columns": columns})

    def inherit(self, parents: Mapping[TableName, TableName]) -> None:
        """Let a parent's mode and columns hold for its partitions and children.

        Args:
            parents: The parent of each child.
        """
        for child in parents:
            ancestor = child
            while ancestor in parents and ancestor not in self.rules:
                ancestor = parents[ancestor]
            if ancestor in self.rules and child not in self.rules:
                rule = self.rules[ancestor]
                self.rules[child] = TableRule(
                    mode=rule.mode,
                    columns=rule.columns,
                    kept=rule.kept,
                    shrink_limit=rule.shrink_limit,
                )

    @property
    def kept_out(self) -> dict[TableName, Mode]:
        """The tables that the replica does not hold, with their mode."""
        return {
            table: rule.mode
            for table, rule in self.rules.items()
            if rule.mode != "full"
        }

    @property
    def pseudonymises(self) -> bool:
        """Whether a secret is needed."""
        return any(rule.pseudonymised for rule in self.rules.values())


_DEFAULT_RULE = TableRule()


@dataclass
class PolicyText:
    """The policy as written, before the tables' names are known.

    Attributes:
        entries: Rules by the tables' names as written.
        backup_mode: Modes that override those of the entries.
        tolerated: Items of a dump that may fail, as `DESCRIPTION name`.
        former_names: The name that each table had before.
        files: The file of each entry.
    """

    entries: dict[str, TableRule]
    backup_mode: dict[str, str]
    tolerated: frozenset[str]
    former_names: dict[str, str]
    files: dict[str, Path]

    @property
    def distributes(self) -> bool:
        """Whether any table is to be distributed over several machines."""
        return any(rule.distribution is not None for rule in self.entries.values())

    def is_incremental(self, table: TableName) -> bool:
        """Say whether a table, there or not, is said to be of mode `incremental`.

        Args:
            table: The table.

        Returns:
            Whether it is.
        """
        written = {str(table), f"{table.schema}.{table.name}"}
        return any(
            rule.mode == "incremental" and name in written
            for _, name, rule in self._rules()
        )

    def resolve(
        self,
        columns: Mapping[TableName, list[str] | None],
        *,
        absent_is_fine: bool = False,
    ) -> Policy:
        """Match the policy's names with those of the source.

        Args:
            columns: The source's tables, each with its columns; None where they are not known
                yet, and so not checked.
            absent_is_fine: True for a dump, from which kept out tables may be missing.

        Returns:
            The policy, with its problems.
        """
        policy = Policy(tolerated=self.tolerated, former_names=self.former_names)
        spellings = _spellings(columns)
        for origin, written, rule in self._rules():
            table = spellings.get(written)
            if table is None:
                sentence = f"{origin}: there is no table {written!r}."
                if absent_is_fine and rule.mode != "full":
                    policy.notes.append(sentence)
                else:
                    policy.problems.append(sentence + nearest(written, list(spellings)))
                continue
            policy.rules[table] = rule
            if rule.keep_deleted and rule.mode == "full":
                policy.problems.append(
                    f"{origin}: table {written!r}: keep_deleted is for tables of mode incremental: "
                    "of a table that is copied whole no row stays"
                )
            known = columns[table]
            if known is not None:
                policy.problems += _unknown_columns(origin, written, rule, known)
        return policy

    def _rules(self) -> Iterable[tuple[str, str, TableRule]]:
        """Give each entry with its origin, the file's first, then the modes that override it."""
        for written, rule in self.entries.items():
            if written not in self.backup_mode:
                yield str(self.files[written]), written, rule
        for written, mode in self.backup_mode.items():
            base = self.entries.get(written, _DEFAULT_RULE)
            yield "BACKUP_MODE", written, base.model_copy(update={"mode": mode})


def read(file: Path, backup_mode: dict[str, str]) -> tuple[PolicyText, list[str]]:
    """Read the policy.

    Args:
        file: `extract/tables.yml`, to which the domains' own parts belong, or another file.
        backup_mode: The modes that override the files'.

    Returns:
        The policy as written, and every problem found in it.
    """
    problems: list[str] = []
    text = PolicyText({}, {}, frozenset(), {}, {})
    for each in _files(file):
        content = _content(each, problems)
        text.entries.update(content.tables)
        text.files.update(dict.fromkeys(content.tables, each))
        text.former_names.update(content.former_names)
        text.tolerated |= frozenset(content.tolerated_items)
    for table, mode in backup_mode.items():
        if mode not in MODES:
            problems.append(
                f"BACKUP_MODE: {mode!r} (table {table!r}) is not a mode; "
                f"the modes are {', '.join(MODES)}.{nearest(mode, list(MODES))}"
            )
        else:
            text.backup_mode[table] = mode
    return text, problems


def default_file() -> Path:
    """Give the file of the policy, where no variable names another.

    Returns:
        The project's; of a second source its own, which need not be there.
    """
    if name := os.environ.get(SECOND_SOURCE):
        return project_root() / FOLDER / name / "tables.yml"
    return project_root() / "extract" / "tables.yml"


def domain_to_switch_on(source: Iterable[TableName]) -> str | None:
    """Find a domain whose tables the source has, where `DOMAINS` says nothing.

    Args:
        source: The source's tables.

    Returns:
        One sentence that says what to add to `.env`; None where nothing hints at a domain.
    """
    if os.environ.get("DOMAINS") or os.environ.get(SECOND_SOURCE):
        return None
    spellings = _spellings(source)
    for name in sorted(domains.replicated()):
        part = domains.everything()[name].policy()
        if part is None:
            continue
        named = _content(part, []).tables
        if named and named.keys() <= spellings.keys():
            return (
                f"DOMAINS is not set, and the source has the tables of {name} "
                f"({', '.join(sorted(named)[:3])}, …): for its models, indexes and former names "
                f"write DOMAINS={name} into .env; DOMAINS=replica if that is not meant"
            )
    return None


def _files(file: Path) -> list[Path]:
    """List the files of a policy, each of which replaces what those before it say of a table."""
    if file.resolve() != default_file().resolve():
        return [file]
    if os.environ.get(SECOND_SOURCE):
        return [file] if file.is_file() else []
    own = project_root() / FOLDER / "tables.yml"
    return [*_of_domains(), file, *([own] if own.is_file() else [])]


def _of_domains() -> list[Path]:
    try:
        known, on = domains.everything(), domains.enabled() & domains.replicated()
    except Refused:  # said where the variables are read
        return []
    return [part for name in sorted(on) if (part := known[name].policy())]


def _content(file: Path, problems: list[str]) -> _File:
    """Read one file; what is wrong with it is added to the problems."""
    try:
        return _File.model_validate(
            yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        )
    except FileNotFoundError:
        problems.append(
            f"{file}: no such file; it may hold no more than 'tables: {{}}'"
        )
    except OSError as error:
        problems.append(f"{file}: {error.strerror}")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.append(f"{file} is not YAML: {' '.join(str(error).split())}")
    except ValidationError as error:
        problems += [_sentence(file, item) for item in error.errors()]
    return _File()


def _sentence(file: Path, error: Mapping[str, Any]) -> str:
    """Say one validation error with its place and, for a misspelt word, the nearest one."""
    place = " → ".join(str(part) for part in error["loc"])
    hint = ""
    if error["type"] == "extra_forbidden":
        hint = nearest(
            str(error["loc"][-1]), [*TableRule.model_fields, *_File.model_fields]
        )
    elif error["type"] == "literal_error":
        hint = nearest(str(error["input"]), [*MODES, *get_args(ColumnRule), KEEP])
    return f"{file}: {place}: {error['msg']}.{hint}"


def _spellings(tables: Iterable[TableName]) -> dict[str, TableName]:
    """List the ways to write each table: `name` in public, `schema.name` anywhere."""
    spellings = {f"{table.schema}.{table.name}": table for table in tables}
    spellings.update({table.name: table for table in tables if table.schema == PUBLIC})
    return spellings


def _unknown_columns(
    origin: str, table: str, rule: TableRule, known: list[str]
) -> list[str]:
    """Name the columns of a rule that the table does not have."""
    written = [
        *rule.columns,
        *rule.personal,
        *rule.kept,
        *rule.key,
        *([rule.replication_key] if rule.replication_key else []),
    ]
    return [
        f"{origin}: table {table!r} has no column {column!r}.{nearest(column, known)}"
        for column in dict.fromkeys(written)
        if column not in known
    ]
