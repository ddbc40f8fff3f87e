"""Layers become directories that overlayfs understands, and nothing leads out of them."""

from __future__ import annotations

import errno
import gzip
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import images

from orchestrator.agent.adapters.archives import MAX_EXTENSION_BYTES
from orchestrator.agent.adapters.images import merge, unpack
from orchestrator.agent.adapters.images.unpack import LayerError

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="owners and whiteouts of layers are for root to make"
)
LIMIT = 10_000_000


def unpacked(layer: bytes, directory: Path) -> str:
    blob = directory.with_suffix(".blob")
    blob.write_bytes(layer)
    directory.mkdir()
    return unpack.unpack(blob, directory, LIMIT)


def one_member(member: tarfile.TarInfo, content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    member.size = len(content)
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def tree(root: Path) -> dict[str, bytes | str | None]:
    """What a directory has: files' contents, links' targets, None for directories."""
    found: dict[str, bytes | str | None] = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_layer_is_unpacked_and_digested_as_it_was_before_it_was_packed(
    compress: type[bytes], tmp_path: Path
) -> None:
    files: dict[str, bytes | str | None] = {"etc": None, "etc/name": b"me", "link": "etc/name"}
    layer = images.layer_of(files)
    assert unpacked(compress(layer), tmp_path / "a") == images.digest_of(layer)
    assert tree(tmp_path / "a") == files


def test_owner_and_mode_are_those_of_the_image(tmp_path: Path) -> None:
    member = tarfile.TarInfo("sudo")
    member.mode, member.uid, member.gid = 0o4755, 12, 34
    unpacked(one_member(member, b"x"), tmp_path / "a")
    found = (tmp_path / "a/sudo").stat()
    assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (0o4755, 12, 34)


@pytest.mark.parametrize("name", ["../outside", "/../../outside", "a/../../outside"])
def test_a_name_leads_no_higher_than_the_root(name: str, tmp_path: Path) -> None:
    unpacked(images.layer_of({name: b"x"}), tmp_path / "a")
    assert not (tmp_path / "outside").exists()
    assert (tmp_path / "a/outside").read_bytes() == b"x"


@pytest.mark.parametrize("target", ["/", "/etc", "../..", "../../../../tmp"])
def test_a_link_of_the_image_is_followed_inside_only(target: str, tmp_path: Path) -> None:
    unpacked(images.layer_of({"link": target, "link/x/y": b"inside"}), tmp_path / "a")
    outside = [path for path in tmp_path.iterdir() if path.name not in ("a", "a.blob")]
    assert outside == []
    assert b"inside" in tree(tmp_path / "a").values()
    assert not Path("/etc/x").exists()
    assert not Path("/x").exists()


def test_a_link_to_a_file_outside_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("safe")
    layer = images.layer_of({"l": str(tmp_path / "victim")})
    second = images.layer_of({"l": b"overwritten"})
    both = layer[: -len(tarfile.NUL * 1024)].rstrip(b"\0")
    both = both + b"\0" * (-len(both) % 512) + second
    unpacked(both, tmp_path / "a")
    assert (tmp_path / "victim").read_text() == "safe"
    assert (tmp_path / "a/l").read_bytes() == b"overwritten"


def test_a_hard_link_to_a_file_outside_is_refused(tmp_path: Path) -> None:
    member = tarfile.TarInfo("shadow")
    member.type, member.linkname = tarfile.LNKTYPE, "../../../../etc/passwd"
    with pytest.raises(LayerError, match="is no file"):
        unpacked(one_member(member), tmp_path / "a")


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="circle"):
        unpacked(images.layer_of({"a": "b", "b": "a", "a/x": b""}), tmp_path / "a")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_are_left_out(kind: bytes, tmp_path: Path) -> None:
    member = tarfile.TarInfo("disk")
    member.type, member.devmajor, member.devminor = kind, 8, 0
    unpacked(one_member(member), tmp_path / "a")
    assert tree(tmp_path / "a") == {}


def test_attributes_that_speak_to_overlayfs_are_left_out(tmp_path: Path) -> None:
    member = tarfile.TarInfo("dir")
    member.type = tarfile.DIRTYPE
    member.pax_headers = {"SCHILY.xattr.trusted.overlay.opaque": "y"}
    unpacked(one_member(member), tmp_path / "a")
    assert os.listxattr(tmp_path / "a/dir") == []


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        (b"\x28\xb5\x2f\xfd rest", "zstd"),
        (b"\x1f\x8b\x08 no gzip", "damaged"),
        (gzip.compress(images.layer_of({"a": b"x" * 5000}))[:-300], "damaged"),
        (b"this is not a tar" * 100, "damaged"),
        (gzip.compress(b"\0" * (LIMIT + 1)), "larger"),
    ],
)
def test_a_layer_that_cannot_be_unpacked_says_why(
    layer: bytes, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(LayerError, match=complaint):
        unpacked(layer, tmp_path / "a")


def test_a_hole_counts_as_what_it_would_take_on_disk(tmp_path: Path) -> None:
    member = tarfile.TarInfo("hole")
    member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(LIMIT + 1)}
    with pytest.raises(LayerError, match="larger"):
        unpacked(one_member(member, b"x"), tmp_path / "a")


def test_a_header_is_not_read_into_memory_whatever_its_length(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a")
    member.pax_headers = {"comment": "x" * (MAX_EXTENSION_BYTES + 1)}
    with pytest.raises(LayerError, match="header"):
        unpacked(one_member(member), tmp_path / "a")


# --- whiteouts: the law is what the specification says, on a tree of names -----------------------

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LAYERS = st.dictionaries(PATHS, st.sampled_from(["file", "dir", "gone", "opaque"]), max_size=5)


def consistent(layer: Mapping[str, str]) -> dict[str, str]:
    """Without what cannot be in one layer: something below what is no directory."""
    kept: dict[str, str] = {}
    for path in sorted(layer):
        above = [path.rpartition("/")[0]] if "/" in path else []
        while above and "/" in above[-1]:
            above.append(above[-1].rpartition("/")[0])
        if all(kept.get(one, "dir") in ("dir", "opaque") for one in above):
            kept[path] = layer[path]
    return kept


def packed(layer: Mapping[str, str], mark: bytes) -> bytes:
    files: dict[str, bytes | str | None] = {}
    for path, kind in layer.items():
        parent, slash, name = path.rpartition("/")
        if kind == "gone":
            files[f"{parent}{slash}.wh.{name}"] = b""
        else:
            files[path] = mark if kind == "file" else None
        if kind == "opaque":
            files[f"{path}/.wh..wh..opq"] = b""
    return images.layer_of(files)


def applied(state: dict[str, bytes | None], layer: Mapping[str, str], mark: bytes) -> None:
    """The layer on top of a tree of files (bytes) and directories (None)."""

    def drop(path: str, *, itself: bool) -> None:
        for other in list(state):
            if other.startswith(f"{path}/") or (itself and other == path):
                del state[other]

    for path, kind in layer.items():
        if kind in ("gone", "opaque"):
            drop(path, itself=kind == "gone")
    for path, kind in layer.items():
        if kind == "gone" and "/" not in path:
            continue
        above = path.split("/")[:-1]
        for depth in range(1, len(above) + 1):
            _put_directory(state, "/".join(above[:depth]))
        if kind == "file":
            drop(path, itself=True)
            state[path] = mark
        elif kind != "gone":
            _put_directory(state, path)


def _put_directory(state: dict[str, bytes | None], path: str) -> None:
    state[path] = None  # a file of this name below is hidden by it


@settings(max_examples=60)
@given(st.lists(LAYERS.map(consistent), min_size=1, max_size=4))
def test_layers_on_top_of_each_other_are_what_the_specification_says(
    tmp_path_factory: pytest.TempPathFactory, layers: list[dict[str, str]]
) -> None:
    base = tmp_path_factory.mktemp("layers")
    expected: dict[str, bytes | None] = {}
    directories = []
    for number, layer in enumerate(layers):
        mark = str(number).encode()
        applied(expected, layer, mark)
        unpacked(packed(layer, mark), base / str(number))
        directories.append(base / str(number))
    (base / "merged").mkdir()
    merge.merge(directories, base / "merged")
    assert tree(base / "merged") == expected


def test_a_directory_on_an_overlay_is_marked_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """overlayfs lets nobody make what it reads as marks of its own."""
    mknod, setxattr = os.mknod, os.setxattr

    def refusing_mknod(path: str, mode: int, device: int) -> None:
        if device == 0:
            raise PermissionError(errno.EPERM, "Operation not permitted", path)
        mknod(path, mode, device)

    def refusing_setxattr(path: str, name: str, value: bytes) -> None:
        if name.startswith("trusted.overlay."):
            raise OSError(errno.EOPNOTSUPP, "Operation not supported", path)
        setxattr(path, name, value)

    monkeypatch.setattr(os, "mknod", refusing_mknod)
    monkeypatch.setattr(os, "setxattr", refusing_setxattr)
    unpacked(images.layer_of({"a/one": b"1", "b/two": b"2", "b/three": b"3"}), tmp_path / "0")
    unpacked(images.layer_of({"a/.wh.one": b"", "b/.wh..wh..opq": b""}), tmp_path / "1")
    (tmp_path / "merged").mkdir()
    merge.merge([tmp_path / "0", tmp_path / "1"], tmp_path / "merged")
    assert tree(tmp_path / "merged") == {"a": None, "b": None}
