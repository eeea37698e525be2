"""What `init` writes: addresses and variables, without a change to what is decided."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict

from entrepot_ops.init import findings, policy_file
from entrepot_ops.init.env_file import EnvFile, as_other, as_url

ADDRESSES = [
    "postgresql://app:app@db.example.org:5432/shop?sslmode=verify-full",
    "postgres://app@db/shop",
    "host=db port=6000 user='o''wner' password='p $HOME #x \\'' dbname='my shop'",
    "postgresql://a:p%24s%23@one:1,two:2/shop?target_session_attrs=read-write",
    "host=/run/postgresql dbname=shop user=app",
    "host=::1 port=5432 dbname=shop user=app password='${X}'",
    "postgresql:///shop?host=/run/postgresql&port=5433",
    "postgresql://app:p$w@db/shop",
]


@pytest.mark.parametrize(
    "given", [each.replace("o''wner", "owner") for each in ADDRESSES]
)
def test_an_address_means_the_same_in_a_file(given: str, tmp_path: Path) -> None:
    url = as_url(given)
    assert conninfo_to_dict(url) == conninfo_to_dict(given)
    assert not set(url) & set("$#'\" ")
    EnvFile(tmp_path / ".env").complete({"A": url}, {}, "")
    assert dotenv_values(tmp_path / ".env")["A"] == url
    other = conninfo_to_dict(as_other(given, "new", "p/w"))
    assert (other["user"], other["password"]) == ("new", "p/w")
    assert other["dbname"] == conninfo_to_dict(given)["dbname"]


def test_what_is_decided_stays(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nA=1\nB=\nexport C='two words'\n#D=later\n")
    env = EnvFile(path)
    assert env.waiting() == {"D": "later"}
    given = {"A": "9", "B": "2", "C": "9", "E": "5"}
    assert env.complete(given, {"D": "9", "F": "6"}, "why") == ["B", "E", "F"]
    assert path.read_text() == (
        "# mine\nA=1\nB=2\nexport C='two words'\n#D=later\nE=5\n# why\n#F=6\n"
    )
    before = path.read_text()
    assert EnvFile(path).complete(given, {"D": "9", "F": "6"}, "why") == []
    assert path.read_text() == before
    assert EnvFile(path).complete({"D": "later"}, {}, "") == ["D"]
    assert "\nD=later\n" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def found(*schemas: str) -> findings.Findings:
    return findings.Findings("", [], Counter(), Counter(), list(schemas), [], 0)


@pytest.mark.parametrize(
    ("database", "schemas", "taken", "name"),
    [
        ("shop", [], set(), "shop"),
        ("My-Shop", [], set(), "my_shop"),
        ("postgres", [], set(), "replica"),
        ("staging", [], set(), "staging_2"),  # the models' own
        ("shop", [], {"shop"}, "shop_2"),
        ("shop", ["shop"], set(), "shop_2"),
        ("shop", ["shop_old", "x" * 40], set(), "shop_2"),
        ("été", [], set(), "t"),
        ("1", [], set(), "replica"),
        ("x" * 63, [], set(), "x" * 30),
    ],
)
def test_a_replica_is_called_after_its_source(
    database: str, schemas: list[str], taken: set[str], name: str
) -> None:
    assert findings.replica_schema(database, found(*schemas), taken) == name


def test_a_policy_is_written_once(tmp_path: Path) -> None:
    path = policy_file.write(tmp_path, ["pg_cron"])
    assert path is not None
    assert "tables: {}" in path.read_text()
    assert "- EXTENSION pg_cron" in path.read_text()
    path.write_text("tables: {a: {mode: none}}\n")
    assert policy_file.write(tmp_path, []) is None
    assert path.read_text() == "tables: {a: {mode: none}}\n"
