from __future__ import annotations

import subprocess
import sys

import click
from click.testing import CliRunner

from entrepot_ops.cli import cli


def test_the_help_teaches() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrepot_ops", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Exit status" in done.stdout


def test_an_unknown_verb_is_refused_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "entrepot_ops", "nigthly"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_verbs_of_packages_beside_it_are_listed_with_its_own() -> None:
    helps = CliRunner().invoke(cli, ["--help"], standalone_mode=False).output
    verbs = cli.list_commands(click.Context(cli))
    assert {"nightly", "metabase-backup", "metabase-restore"} <= set(verbs)
    for verb in verbs:
        assert f"\n  {verb} " in helps
        done = CliRunner().invoke(cli, [verb, "--help"])
        assert done.exit_code == 0, done.output
        assert done.output.startswith("Usage: ")


def test_a_verb_of_its_own_loads_no_other_package() -> None:
    script = (
        "import sys; from click.testing import CliRunner; from entrepot_ops.cli import cli;"
        "CliRunner().invoke(cli, ['push-dump', '--help']);"
        "sys.exit('entrepot_metabase_backup' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
