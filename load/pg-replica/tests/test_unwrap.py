"""Packed dumps are unpacked within limits, whatever their headers say."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot_core.base.errors import Refused, ReplicaError
from entrepot_core.storage import disk
from pg_replica.dump import tar
from pg_replica.dump.unwrap import is_archive, unwrap

_SQL = b"SELECT 1;\n" * 200


def _unwrapped(path: Path) -> Path:
    return unwrap(path, path.parent / "work", lambda _: None)


def _packed(path: Path, name: str, content: bytes, **header: object) -> Path:
    with tarfile.open(
        path, "w:gz", format=header.pop("format", tarfile.PAX_FORMAT)
    ) as file:  # type: ignore[call-overload]
        info = tarfile.TarInfo(name)
        info.size = len(content)
        for key, value in header.items():
            setattr(info, key, value)
        file.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("layers", range(5))
def test_a_few_layers_are_taken_off(layers: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.sql"
    content = _SQL
    for _ in range(layers):
        content = gzip.compress(content)
    path.write_bytes(content)
    assert _unwrapped(path).read_bytes() == _SQL
    assert not is_archive(_unwrapped(path))


@pytest.mark.timeout(60)
def test_many_layers_are_refused_without_recursion(tmp_path: Path) -> None:
    path = tmp_path / "dump.gz"
    content = _SQL
    for _ in range(1200):
        content = gzip.compress(content, 1)
    path.write_bytes(content)
    with pytest.raises(Refused, match="packed more than 4 times"):
        _unwrapped(path)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("name", ["a.sql", "deep/" * 40 + "a.sql", "é" * 100 + ".sql"])
def test_long_names_are_read(form: int, name: str, tmp_path: Path) -> None:
    path = _packed(tmp_path / "dump.tar.gz", name, _SQL, format=form)
    found = _unwrapped(path)
    assert found.read_bytes() == _SQL
    assert found.name == Path(name).name


def _zeros_behind(head: bytes, size: int) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    yield packer.compress(head)
    for _ in range(size // 1024**2):
        yield packer.compress(bytes(1024**2))
    yield packer.flush()


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K", b"X"])
def test_a_header_of_gigabytes_is_refused_unread(kind: bytes, tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type = kind
    header.size = 3 * 1024**3
    path = tmp_path / "dump.tar.gz"
    head = header.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(b"".join(_zeros_behind(head, 20 * 1024**2)))
    tracemalloc.start()
    with pytest.raises(Refused, match="header of 3,221,225,472 bytes"):
        _unwrapped(path)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_the_size_in_an_extended_header_counts(tmp_path: Path) -> None:
    path = _packed(
        tmp_path / "d.tar.gz", "a.sql", _SQL, pax_headers={"comment": "x" * 9000}
    )
    assert _unwrapped(path).read_bytes() == _SQL


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../a", tarfile.REGTYPE),
        ("/a", tarfile.REGTYPE),
        ("a", tarfile.SYMTYPE),
        ("a", tarfile.LNKTYPE),
        ("a", tarfile.CHRTYPE),
        ("a", tarfile.FIFOTYPE),
    ],
)
def test_what_is_no_file_below_is_refused(
    name: str, kind: bytes, tmp_path: Path
) -> None:
    path = _packed(tmp_path / "d.tar.gz", name, b"", type=kind, linkname="/etc/passwd")
    with pytest.raises(Refused, match="would be written elsewhere"):
        _unwrapped(path)


def test_unpacked_bytes_are_counted_over_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "BOMB_SIZE", 1_000_000)
    path = tmp_path / "dump.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for number in range(30):
            info = tarfile.TarInfo(str(number))
            info.size = 100_000
            file.addfile(info, io.BytesIO(bytes(100_000)))
    with pytest.raises(Refused, match="grows more than 200 times"):
        _unwrapped(path)


@pytest.mark.parametrize("cut", [20, 400, 700])
def test_a_cut_file_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.tar"
    with tarfile.open(path, "w") as file:
        info = tarfile.TarInfo("a.sql")
        info.size = len(_SQL)
        file.addfile(info, io.BytesIO(_SQL))
    path.write_bytes(path.read_bytes()[: 512 + cut])
    with pytest.raises(ReplicaError, match="truncated"):
        _unwrapped(path)


def test_a_size_below_zero_is_refused(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("a.sql").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 8 * 32)
    assert tar.is_tar(bytes(header))
    path = tmp_path / "dump.tar"
    path.write_bytes(bytes(header) + bytes(2048))
    with pytest.raises(Refused, match="damaged"):
        _unwrapped(path)
