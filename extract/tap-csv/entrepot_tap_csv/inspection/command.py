"""The verb `inspect`: proposes a definition for a file, and shows the rows that it reads."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import click

from entrepot_core.base.errors import Refused, ReplicaError
from entrepot_core.config.project import project_root
from entrepot_tap_csv.errors import CannotRead, Misfit
from entrepot_tap_csv.files import Part, parts_of
from entrepot_tap_csv.inspection import others
from entrepot_tap_csv.inspection.proposal import Text
from entrepot_tap_csv.inspection.trial import Proposal
from entrepot_tap_csv.places import Places

_NO_TABLE = re.compile(
    r"(?i)lisez|read_?me|notice|licen[cs]e|dictionn|metadonn|metadata|\.pdf$"
)
_WIDEST = 28  # signs of a cell that is shown


@click.command(
    "inspect",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Propose how tap-csv reads FILE: a path, pattern, http(s) or s3 URL.

    Delimiter, encoding, header, what surrounds the table, and types are taken from a sample of
    at most 8 MiB. The definition goes to standard output, as `files` and the file of
    `csv_files_definition` have it; the first rows as they will be read, and what is forgiven,
    to standard error. Nothing of it is guessed again at night: look at it, and keep it.""",
)
@click.argument("file")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the definition to this file; it must not be there.",
)
@click.option("--entity", help="The stream's name.  [default: made from the file's]")
@click.option(
    "--rows",
    "shows",
    type=click.IntRange(0, 100),
    default=5,
    show_default=True,
    help="How many rows are shown.",
)
@click.option(
    "--text", "is_text", is_flag=True, help="Propose no types: all columns are text."
)
def inspect(
    file: str, output: Path | None, entity: str | None, shows: int, is_text: bool
) -> None:
    """Run the verb."""
    if output is not None and output.exists():
        raise CannotRead(f"{output} is there already: remove it, or name another file")
    with tempfile.TemporaryDirectory() as folder:
        proposals = list(
            _proposals(file, entity, Path(folder), shows, typed=not is_text)
        )
    entries = [proposal.entry for proposal in proposals]
    text = json.dumps(entries, ensure_ascii=False, indent=2)
    if output is None:
        click.echo(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")
        click.echo(f"written to {output}", err=True)
    for proposal in proposals:
        _show(proposal)


def run(arguments: list[str]) -> None:
    """Run the verb as a command of its own.

    Args:
        arguments: Behind `inspect`.
    """
    try:
        inspect(arguments, prog_name="tap-csv inspect", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(Refused.exit_code)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except (ReplicaError, OSError) as error:
        click.echo(f"tap-csv inspect: {error}", err=True)
        sys.exit(getattr(error, "exit_code", 1))


def _proposals(
    file: str, entity: str | None, folder: Path, shows: int, *, typed: bool
) -> Iterator[Proposal]:
    """Propose for each table: the first file that is found, or the tables of an archive."""
    found = Places(lambda: folder, timeout=60).find(_below_here(file))
    first = found[0]
    path = first.fetch()
    if kind := others.workbook_kind(path):
        base_entry = {
            "entity": entity or _entity(PurePath(first.name).name),
            "path": file,
        }
        part = Part(first.name, path)
        yield from others.of_workbook(part, kind, base_entry, shows=shows, typed=typed)
        return
    parts = parts_of(path, first.name)
    tables = [part for part in parts if not _NO_TABLE.search(part.name)] or parts
    base = entity or _entity(PurePath(first.name).name)
    failures: list[Misfit] = []
    count = 0
    for part in tables:
        name = (
            base
            if len(tables) == 1
            else f"{base}_{_entity(PurePath(part.member).name)}"
        )
        try:
            proposal = _of_part(part, name, file, shows, typed=typed)
        except Misfit as error:
            failures.append(error)
            continue
        if len(parts) > 1:
            proposal.entry["members"] = [part.member]
        count += 1
        yield proposal
    if failures and not count:
        raise failures[0]
    for failure in failures:
        click.echo(f"not proposed: {failure}", err=True)


def _of_part(part: Part, name: str, file: str, shows: int, *, typed: bool) -> Proposal:
    if kind := others.json_kind(part):
        base = {"entity": name, "path": file}
        return others.of_json(part, kind, base, shows=shows, typed=typed)
    return Text(part).propose(name, file, shows=shows, typed=typed)


def _below_here(file: str) -> str:
    """Take a path of this machine from where the command is run, as people do."""
    here = Path(file)
    if "://" in file or "{" in file or not here.exists():
        return file
    try:
        return str(here.resolve().relative_to(project_root()))
    except ValueError:
        return str(here.resolve())


def _entity(name: str) -> str:
    stem = name.partition(".")[0] or name
    parts = unicodedata.normalize("NFD", stem.lower())
    plain = "".join(sign for sign in parts if not unicodedata.combining(sign))
    return re.sub(r"\W+", "_", plain).strip("_")[:50] or "rows"


def _show(proposal: Proposal) -> None:
    """Show what the definition reads."""
    whole = "" if proposal.is_whole else " of the sample, which is not the whole file"
    click.echo(
        f"\n{proposal.entry['entity']}: {proposal.count:,} rows{whole}", err=True
    )
    if said := str(proposal.counts):
        click.echo(f"forgiven: {said}", err=True)
    for row in proposal.rows:
        click.echo("", err=True)
        for name, value in row.items():
            if not name.startswith("_source"):
                click.echo(f"  {_cut(name):<{_WIDEST}}  {_cut(value)}", err=True)


def _cut(value: Any) -> str:
    text = (
        "NULL"
        if value is None
        else repr(value)
        if isinstance(value, str)
        else str(value)
    )
    return text if len(text) <= _WIDEST * 2 else f"{text[: _WIDEST * 2]}…"
