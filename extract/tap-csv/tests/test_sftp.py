"""Files of an SFTP server: patterns, what is unchanged, and servers that are not the known one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import paramiko
import pytest

from entrepot_lab.sources.sftp import PASSWORD, USER, Served, served
from entrepot_tap_csv.errors import CannotRead
from entrepot_tap_csv.places import Places


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    root = tmp_path / "root"
    (root / "out" / "in").mkdir(parents=True)
    (root / "out" / "a.csv").write_text("a\n1\n")
    (root / "out" / "in" / "b.csv").write_text("a\n2\n")
    (root / "out" / ".hidden.csv").write_text("x")
    with served(root) as running:
        yield running


def places(tmp_path: Path, keys: str, limit: int = 10**6) -> Places:
    known = tmp_path / "known_hosts"
    known.write_text(keys)
    return Places(lambda: tmp_path / "here", 10, limit, known_hosts=str(known))


def url(server: Served, path: str, password: str = PASSWORD) -> str:
    return f"sftp://{USER}:{quote(password, safe='')}@127.0.0.1:{server.port}{path}"


def test_files_of_a_server(tmp_path: Path, server: Served) -> None:
    ours = places(tmp_path, server.known_hosts)
    found = ours.find(url(server, "/out"))
    assert [each.name for each in found] == ["a.csv", "in/b.csv"]
    assert [each.fetch().read_text() for each in found] == ["a\n1\n", "a\n2\n"]
    assert found[0].mark["size"] == 4 and found[0].mark["modified"]
    assert [each.name for each in ours.find(url(server, "/out/*.csv"))] == ["a.csv"]
    assert [each.name for each in ours.find(url(server, "/out/in/b.csv"))] == ["b.csv"]
    with pytest.raises(CannotRead, match="no such file"):
        ours.find(url(server, "/none/*.csv"))
    (tmp_path / "root/out/a.csv").write_text("a\n1\n3\n")
    with pytest.raises(CannotRead, match="changes while it is fetched"):
        found[0].fetch()
    with pytest.raises(CannotRead, match="more than 3 bytes"):
        places(tmp_path, server.known_hosts, 3).find(url(server, "/out"))


def test_a_server_that_is_not_known_is_given_nothing(
    tmp_path: Path, server: Served
) -> None:
    other = paramiko.RSAKey.generate(2048)
    wrong = f"[127.0.0.1]:{server.port} {other.get_name()} {other.get_base64()}\n"
    for keys, word in (("", "known_hosts"), (wrong, "another key")):
        with pytest.raises(CannotRead, match=word) as error:
            places(tmp_path, keys).find(url(server, "/out"))
        assert PASSWORD not in str(error.value)
    with pytest.raises(CannotRead, match="does not take"):
        places(tmp_path, server.known_hosts).find(url(server, "/out", "wrong one"))
