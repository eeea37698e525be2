"""The verb `propose`: a table policy with its reasons, a diff that is applied only when told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from entrepot_core.base.errors import Refused
from entrepot_core.base.logs import event
from entrepot_core.base.redaction import redact
from entrepot_core.base.suggest import nearest
from entrepot_core.base.text import visible, visible_lines
from entrepot_core.policy import tables as policy
from entrepot_core.policy.tables import Policy, PolicyText
from entrepot_core.postgres import catalog
from entrepot_core.postgres.connection import explained
from entrepot_core.postgres.identifiers import TableName
from pg_replica.databases import databases
from pg_replica.proposal import catalog as source_catalog
from pg_replica.proposal.document import PolicyDocument, own_file
from pg_replica.proposal.lines import Line, lines
from pg_replica.proposal.sample import Sampler
from pg_replica.settings import Settings

EVERYTHING = "*"
_KEYS = "[a]ccept, [k]eep as it is, [n]ot now, accept a[l]l the rest, [q]uit"


@dataclass(frozen=True)
class Choice:
    """What is decided on the command line.

    Attributes:
        accept: Names of lines, or `*` for all.
        keep: Names of lines that are not wanted, now and later.
        samples: Whether rows are sampled.
        as_json: Whether the answer is for machines.
    """

    accept: Sequence[str] = ()
    keep: Sequence[str] = ()
    samples: bool = True
    as_json: bool = False


def propose(settings: Settings, choice: Choice) -> None:
    """Propose, and write into the policy what is accepted.

    Args:
        settings: The variables.
        choice: What is decided already.

    Raises:
        Refused: If the policy is wrong, or a name is none of a line.
    """
    text, problems = policy.read(settings.tables_file, settings.backup_mode)
    if problems:
        raise Refused(problems)
    found = _proposed(settings, text, samples=choice.samples)
    own = own_file(settings.tables_file)
    document = PolicyDocument(own, _elsewhere(own, text))
    accepted, kept = _chosen(found, choice.accept), _chosen(found, choice.keep)
    accepted = [line for line in accepted if line not in kept]
    if choice.as_json:
        click.echo(visible_lines(redact(_as_json(found))))
    elif not (choice.accept or choice.keep):
        _show(document.diff(document.after(found)), found)
        if found and sys.stdin.isatty() and sys.stdout.isatty():
            accepted, kept = _asked(found)
    if accepted or kept:
        _write(document, accepted, kept, settings)


def _proposed(settings: Settings, text: PolicyText, *, samples: bool) -> list[Line]:
    source, _ = databases(settings)
    if source is None:
        problem = (
            "propose reads the source itself: give SOURCE_DATABASE_URL, and leave DUMP_PATH out "
            "for this command"
        )
        raise Refused([problem])
    with explained("source"), source.connect(purpose="propose") as session:
        resolved = text.resolve(catalog.table_columns(session))
        if resolved.problems:
            raise Refused(resolved.problems)
        tables = source_catalog.read(session)
    modes = _decided_modes(text, resolved)
    if not samples:
        return lines(tables, resolved, lambda _: {}, modes)
    sampler = Sampler(source)
    try:
        found = lines(tables, resolved, sampler.sample, modes)
    finally:
        sampler.close()
    if sampler.unread:
        event(f"{sampler.unread} tables are judged by names alone: time was up")
    return found


def _decided_modes(text: PolicyText, resolved: Policy) -> set[TableName]:
    """List the tables whose mode somebody has written, `full` too."""
    written = {
        name for name, rule in text.entries.items() if "mode" in rule.model_fields_set
    }
    written |= set(text.backup_mode)
    return {
        table
        for table in resolved.rules
        if {str(table), table.name, f"{table.schema}.{table.name}"} & written
    }


def _elsewhere(own: Path, text: PolicyText) -> dict[str, policy.TableRule]:
    return {
        name: rule
        for name, rule in text.entries.items()
        if text.files[name].resolve() != own.resolve()
    }


def _chosen(found: list[Line], names: Sequence[str]) -> list[Line]:
    """Find the lines of names; a table's name alone is its mode, or else all of its columns."""
    if EVERYTHING in names:
        return found
    by_name = {line.name: line for line in found}
    chosen: list[Line] = []
    for name in names:
        if name in by_name:
            chosen.append(by_name[name])
            continue
        of_table = [line for line in found if line.name.startswith(f"{name}.")]
        if not of_table:
            raise Refused(
                [f"nothing is proposed for {name!r}.{nearest(name, list(by_name))}"]
            )
        chosen += of_table
    return chosen


def _show(diff: str, found: list[Line]) -> None:
    if not found:
        click.echo("Nothing is proposed that the policy does not decide already.")
        return
    click.echo(visible_lines(redact(diff)), nl=False)
    columns = sum(line.column is not None for line in found)
    click.echo(
        f"# {columns} columns and {len(found) - columns} tables. Nothing is written until it is "
        "accepted: --accept for all,\n# --accept TABLE.COLUMN or TABLE for one, "
        "--keep TABLE.COLUMN for what shall come as it is."
    )


def _asked(found: list[Line]) -> tuple[list[Line], list[Line]]:
    """Ask for each line on the terminal."""
    accepted: list[Line] = []
    kept: list[Line] = []
    for place, line in enumerate(found):
        click.echo(f"{visible(line.name)}: {line.value}  # {visible(line.remark)}")
        answer = click.prompt(
            _KEYS, type=click.Choice(list("aknlq")), default="n", show_choices=False
        )
        if answer == "l":
            return [*accepted, *found[place:]], kept
        if answer == "q":
            break
        if answer != "n":
            (accepted if answer == "a" else kept).append(line)
    return accepted, kept


def _write(
    document: PolicyDocument,
    accepted: list[Line],
    kept: list[Line],
    settings: Settings,
) -> None:
    after = document.after(accepted, kept)
    document.write(after)
    event(
        f"{document.file}: {len(accepted)} decisions accepted, {len(kept)} kept as they are"
    )
    needs_secret = any(line.value == "pseudonymise" for line in accepted)
    if needs_secret and not settings.pseudonym_secret:
        event(
            "the policy now pseudonymises columns: set PSEUDONYM_SECRET before the next night"
        )


def _as_json(found: Iterable[Line]) -> str:
    return json.dumps(
        [
            {
                "table": str(line.table),
                "column": line.column,
                "value": line.value,
                "confidence": line.confidence,
                "reason": line.reason,
                **dict(line.settings),
            }
            for line in found
        ],
        ensure_ascii=False,
        indent=2,
    )
