"""Amounts of type money: the same amount on the warehouse, or none at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_lab.postgres.cluster import Cluster, embedded_binaries
from entrepot_lab.postgres.servers import SETTINGS, Servers
from entrepot_lab.postgres.warehouse import Lab

_SOURCE = """
CREATE TABLE bills (id int PRIMARY KEY, amount money DEFAULT 0::money, note text);
INSERT INTO bills VALUES (1, 1234.56::numeric::money, 'a'), (2, (-7.5)::numeric::money, 'b'),
    (3, NULL, 'c');
CREATE TABLE more (id int, amount money) PARTITION BY RANGE (id);
CREATE TABLE more_1 PARTITION OF more DEFAULT;
INSERT INTO more VALUES (1, 5::money);
CREATE VIEW totals AS SELECT sum(amount) AS amount FROM bills;
"""


def _dump(lab: Lab) -> Path:
    path = lab.folder / "dump.sql"
    command = [
        str(embedded_binaries() / "pg_dump"),
        "-Fp",
        "-f",
        str(path),
        lab.source_url(),
    ]
    subprocess.run(command, check=True)
    return path


def test_amounts_of_one_locale_arrive(empty_lab: Lab) -> None:
    with empty_lab.source() as source:
        source.execute("SET search_path = public")
        source.execute(_SOURCE)
    empty_lab.night()
    empty_lab.assert_replicated()
    empty_lab.night(SOURCE_DATABASE_URL="", DUMP_PATH=str(_dump(empty_lab)))
    empty_lab.assert_replicated()


@pytest.mark.parametrize("written", ["1 234,56 €", "$1.234", "￥1,235", "12.345,00"])
def test_a_dump_of_another_locale_is_refused(empty_lab: Lab, written: str) -> None:
    with empty_lab.source() as source:
        source.execute("SET search_path = public")
        source.execute(_SOURCE)
    path = _dump(empty_lab)
    text = path.read_text()
    assert text.count("$1,234.56") == 1
    path.write_text(text.replace("$1,234.56", written))
    status, output = empty_lab.run("run", SOURCE_DATABASE_URL="", DUMP_PATH=str(path))
    assert status == 1
    assert "table bills, line 1 of its rows, column amount" in output
    assert written not in output
    empty_lab.assert_clean()


@pytest.fixture(scope="module")
def yen(
    all_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A server that knows a locale which counts amounts without decimal places."""
    localedef = shutil.which("localedef")
    if localedef is None:
        pytest.skip("no localedef on this machine")
    folder = tmp_path_factory.mktemp("locales")
    command = [localedef, "-i", "ja_JP", "-f", "UTF-8", str(folder / "ja_JP.UTF-8")]
    subprocess.run(command, check=False, capture_output=True)
    if not (folder / "ja_JP.UTF-8").exists():
        pytest.skip("no sources of locales on this machine")
    before = os.environ.get("LOCPATH")
    os.environ["LOCPATH"] = str(folder)
    try:
        server = all_servers.create(embedded_binaries(), SETTINGS)
    finally:
        if before is None:
            del os.environ["LOCPATH"]
        else:
            os.environ["LOCPATH"] = before
    yield server
    server.stop("immediate")


def test_other_units_arrive_as_numeric(
    yen: Cluster, servers: dict[str, Cluster], tmp_path: Path
) -> None:
    lab = Lab(yen, servers["wheel"], "money", tmp_path).create()
    with yen.admin() as admin:
        admin.execute("ALTER DATABASE money_source SET lc_monetary = 'ja_JP.UTF-8'")
    with lab.source() as source:
        source.execute("SET search_path = public")
        source.execute(_SOURCE)
    status, output = lab.run("check")
    assert status == 0, output
    assert "3 columns of type money arrive as numeric" in output
    lab.night()
    with lab.warehouse() as warehouse:
        query = "SELECT string_agg(amount::text, ' ' ORDER BY id) FROM pix.bills"
        assert warehouse.execute(query).fetchone() == ("1235 -8",)
        query = "SELECT amount::text FROM pix.totals"
        assert warehouse.execute(query).fetchone() == ("1227",)
    with lab.source() as source:
        source.execute("ALTER TABLE public.bills ADD many money[]")
    status, output = lab.run("run")
    assert status == 2
    assert "amounts of type money would change (bills.many)" in output
    lab.drop()
