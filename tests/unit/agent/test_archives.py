"""Archives that nobody has vouched for."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from orchestrator.agent.adapters import archives
from orchestrator.agent.adapters.archives import ArchiveError

PLENTY = 10**9


def unpacked(archive: Path, max_bytes: int = PLENTY) -> Path:
    directory = archive.parent / "sandbox"
    directory.mkdir()
    with archive.open("rb") as file:
        archives.unpack(file, archive.name, directory, max_bytes)
    return directory


def file(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def link(name: str, to: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, to
    return member, b""


def directory(name: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    return member, b""


def device(name: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = tarfile.CHRTYPE
    return member, b""


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *(("a.tar", "w"), ("a.tgz", "w:gz"), ("a.tar.gz", "w:gz"), ("a.tbz2", "w:bz2")),
        *(("a.tar.bz2", "w:bz2"), ("a.txz", "w:xz"), ("a.tar.xz", "w:xz")),
    ],
)
def test_every_kind_of_tar_is_unpacked(tmp_path: Path, name: str, mode: str) -> None:
    archive = tar(tmp_path / name, file("d/inside", b"hi"), mode=mode)
    assert (unpacked(archive) / "d/inside").read_bytes() == b"hi"


def test_a_zip_keeps_what_is_executable(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        tool = zipfile.ZipInfo("bin/tool")
        tool.external_attr = 0o104755 << 16
        archive.writestr(tool, "x")
        archive.writestr("plain", "y")
    directory = unpacked(tmp_path / "a.zip")
    assert (directory / "bin/tool").stat().st_mode & 0o7777 == 0o755
    assert (directory / "plain").read_text() == "y"


def test_a_single_gz_becomes_the_file_it_holds(tmp_path: Path) -> None:
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(b"1,2"))
    assert (unpacked(tmp_path / "data.csv.gz") / "data.csv").read_bytes() == b"1,2"


@pytest.mark.parametrize(
    "members",
    [
        [file("../../../escaped")],
        [file("/tmp/escaped")],
        [link("l", "/etc")],
        [link("l", "../..")],
        [link("a", "."), link("a/b", "a/.."), file("b/../../escaped")],
        [device("null")],
    ],
)
def test_an_archive_cannot_reach_outside_the_sandbox(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    with pytest.raises(ArchiveError):
        unpacked(tar(tmp_path / "a.tar", *members))
    assert not list(tmp_path.rglob("escaped"))


def test_a_path_that_becomes_too_long_on_its_way_does_not_lead_out_either(tmp_path: Path) -> None:
    long, names = "d" * 247, "abcdefghijklmnop"
    members, place = [], ""
    for name in names:
        members += [directory(f"{place}{long}"), link(f"{place}{name}", long)]
        place += f"{long}/"
    up = "/".join(names) + "/" + "l" * 254
    members += [link(up, "../" * len(names)), link("escape", f"{up}/../../..")]
    members.append(file("escape/escaped", b"x"))
    with pytest.raises(ArchiveError, match="follow"):
        unpacked(tar(tmp_path / "1/2/3/a.tar", *members))
    assert not list(tmp_path.glob("*/escaped"))
    assert not list(tmp_path.glob("escaped"))


def test_a_zip_cannot_either(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../escaped", "x")
    with pytest.raises(ArchiveError, match="outside the sandbox"):
        unpacked(tmp_path / "a.zip")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("name", ["a.tar", "a.tgz", "a.zip", "a.gz", "a.txz"])
def test_a_damaged_archive_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is no archive")
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        unpacked(tmp_path / name)


def test_an_archive_gives_nobody_special_rights(tmp_path: Path) -> None:
    member, content = file("tool")
    member.mode, member.uid = 0o6777, 12345
    found = (unpacked(tar(tmp_path / "a.tar", (member, content))) / "tool").stat()
    assert (found.st_mode & 0o7777, found.st_uid) == (0o755, os.geteuid())


@pytest.mark.parametrize("name", ["bomb.tgz", "bomb.zip", "bomb.gz"])
def test_a_bomb_is_cut_off(tmp_path: Path, name: str) -> None:
    zeros, path = b"\0" * 1_000_000, tmp_path / name
    if name.endswith(".tgz"):
        tar(path, file("zeros", zeros), mode="w:gz")
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", zeros)
    else:
        path.write_bytes(gzip.compress(zeros))
    with pytest.raises(ArchiveError, match="more than the 100000 bytes"):
        unpacked(path, max_bytes=100_000)
    assert sum(one.stat().st_size for one in (tmp_path / "sandbox").iterdir()) <= 100_000


def test_a_header_is_not_read_into_memory_whatever_its_length(tmp_path: Path) -> None:
    member, content = file("a")
    member.pax_headers = {"comment": "x" * (archives.MAX_EXTENSION_BYTES + 1)}
    with pytest.raises(ArchiveError, match="header"):
        unpacked(tar(tmp_path / "a.tar", (member, content)))
