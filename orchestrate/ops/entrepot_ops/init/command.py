"""The verb `init`: asks for two URLs, tries them, says what it found, writes what nights need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from psycopg.conninfo import conninfo_to_dict

from entrepot_core.base.errors import Refused
from entrepot_core.base.redaction import redact
from entrepot_core.base.text import visible
from entrepot_core.command.help import EXIT_STATUS, examples
from entrepot_core.command.secrets import hide_environment
from entrepot_core.config import types
from entrepot_core.config.project import project_root
from entrepot_core.postgres import queries
from entrepot_ops.init import administrator, check, findings, policy_file, sample
from entrepot_ops.init.decisions import Decided, can_be_used, decide
from entrepot_ops.init.env_file import EnvFile, as_url
from entrepot_ops.init.findings import Findings
from entrepot_ops.init.places import Places, open_places

_SOURCE, _TARGET = "SOURCE_DATABASE_URL", "TARGET_DATABASE_URL"
_QUESTIONS = {
    _SOURCE: "URL of the PostgreSQL database to replicate; its role needs SELECT",
    _TARGET: "URL of the warehouse: another database, of the role that runs nights",
}
_OPTIONS = {_SOURCE: "--source", _TARGET: "--target"}
_COLUMN = 13  # characters of the first column
_WAITING = "Once an administrator has run the SQL that `init` prints, run `init` again:"


@click.command(
    "init",
    epilog=examples(
        ("init", "asks for two URLs"),
        ("init --source URL --target URL --yes", "asks nothing"),
        ("init --yes", "looks again; changes nothing that was decided"),
    )
    + "\n\n"
    + EXIT_STATUS,
)
@click.option(
    "--source", metavar="URL", help=f"The database.  [default: {_SOURCE}, else asked]"
)
@click.option(
    "--target", metavar="URL", help=f"The warehouse.  [default: {_TARGET}, else asked]"
)
@click.option("--yes", is_flag=True, help="Ask nothing, and run what the role may.")
@click.pass_context
def command(
    context: click.Context, *, source: str | None, target: str | None, yes: bool
) -> None:
    """Write what nights need: .env, an empty table policy, and the administrator's SQL.

    Looks at both databases and says what it found. An administrator's URL of an empty warehouse
    makes all roles; with another one, the SQL for an administrator is printed. What was decided
    before stays as it is.
    """  # noqa: DOC501 -- the docstring is the command's help
    del context
    root = project_root()
    env = EnvFile(root / ".env")
    given = {_SOURCE: source, _TARGET: target}
    hide_environment(
        {**os.environ, **env.values, **{k: v or "" for k, v in given.items()}}
    )
    source_url, warehouse_url = _addresses(
        env, given, asks=not yes and sys.stdin.isatty()
    )
    with open_places(source_url, warehouse_url) as places:
        found = findings.read(places.source) if places.source else None
        _show(places, found)
        decided = decide(places, env, found)
        hide_environment({**decided.values, **decided.roles})
        if not (yes or _agreed(env)):
            raise click.Abort
        left = _prepare(places, decided)
        _write(root, places, env, decided, found)
    sys.exit(_end(root, env, left))


def _addresses(
    env: EnvFile, given: dict[str, str | None], *, asks: bool
) -> tuple[str, str]:
    """Find both addresses: those given, those decided, or what is answered."""
    problems: list[str] = []
    urls = []
    for name, question in _QUESTIONS.items():
        is_needed = name == _TARGET or not (
            env.values.get("DUMP_PATH") or os.environ.get("DUMP_PATH")
        )
        value = given[name] or env.values.get(name) or os.environ.get(name) or ""
        if not value and asks and is_needed:
            value = click.prompt(question).strip()
        if value or is_needed:
            problems += _problems(name, value, env.values.get(name))
        urls.append(value)
    if problems:
        raise Refused(problems)
    source, target = (as_url(url) if url else "" for url in urls)
    return source, target


def _problems(name: str, value: str, decided: str | None) -> list[str]:
    option = _OPTIONS[name]
    if not value:
        return [f"{name} is missing: give {option} URL"]
    try:
        types.postgres_url(value)
        is_same = not decided or _place(value) == _place(decided)
    except ValueError as error:
        return [f"{option} {error}"]
    if is_same:
        return []
    return [
        (
            f"{option} is another database than {name} of .env, which stays: take that line out "
            "first, if it is to change"
        )
    ]


def _place(url: str) -> tuple[object, ...]:
    parts = conninfo_to_dict(url)
    return parts.get("host"), parts.get("port") or "5432", parts.get("dbname")


def _agreed(env: EnvFile) -> bool:
    return click.confirm(
        f"Write {env.path.name}, and run in the warehouse what its role may?",
        default=True,
    )


def _show(places: Places, found: Findings | None) -> None:
    """Say on one screen what was found."""
    if found and places.source:
        _say("source", f"{_name(places.source_url)}, {found.version}")
        for subject, sentence in findings.lines(found):
            _say(subject, sentence)
    version = places.warehouse.info.server_version
    what = f"{_name(places.warehouse_url)}, PostgreSQL {version // 10000}.{version % 10000}"
    _say("warehouse", what + (", made just now" if places.made else ""))
    if found and places.source:
        measured = sample.measure(places.source, places.warehouse, found)
        _say("a night", sample.line(found, measured))


def _name(url: str) -> str:
    host, port, database = _place(url)
    return f"{host or 'local socket'}:{port}/{database}"


def _say(subject: str, sentence: str) -> None:
    click.echo(f"{subject:{_COLUMN}}{visible(redact(sentence))}")


def _prepare(places: Places, decided: Decided) -> list[str]:
    """Run in the warehouse what the role may; give what is left for an administrator."""
    wanted = administrator.statements(places.warehouse, decided.wanted)
    left = administrator.run(places.warehouse, wanted)
    done = len(wanted) - len(left)
    if done:
        _say(
            "prepared",
            f"{done} statements were run in the warehouse: roles, rights, extensions",
        )
    return left


def _write(
    root: Path, places: Places, env: EnvFile, decided: Decided, found: Findings | None
) -> None:
    url = decided.values.get(_TARGET) or env.values.get(_TARGET) or places.warehouse_url
    if can_be_used(places, url, decided):
        written = env.complete({**decided.values, **decided.roles}, {}, "")
    else:
        written = env.complete(decided.values, decided.roles, _WAITING)
    if written:
        _say("written", f"{env.path.name}: {', '.join(written)}")
    else:
        _say("unchanged", f"{env.path.name}: all of it was decided")
    unneeded: list[str] = []
    if places.source and found:
        query = queries.read("entrepot_ops", "unneeded_extensions")
        without_use = {name for (name,) in places.source.execute(query)}
        unneeded = [
            name
            for name in administrator.out_of_reach(places.warehouse, found.extensions)
            if name in without_use
        ]
    path = policy_file.write(root, unneeded)
    if path:
        what = f", without {', '.join(unneeded)}" if unneeded else ""
        _say("written", f"{path.relative_to(root)}: the table policy, empty{what}")


def _end(root: Path, env: EnvFile, left: Iterable[str]) -> int:
    """Say what is still to be done; give the exit status."""
    if left := list(left):
        click.echo("\nAn administrator of the warehouse runs, once, in its database:\n")
        click.echo("".join(f"{visible(statement)};\n" for statement in left))
    status, said = check.run(root, env.values)
    shown = [line for line in said if not line.startswith("  ok ")]
    click.echo("\n".join(visible(redact(line)) for line in shown))
    if status == 0:
        click.echo(
            "Next: `entrepot night` (or `meltano invoke ops nightly`) for a first night, `entrepot "
            "propose` for what should stay out, `entrepot crontab --install` for all nights."
        )
    return status
