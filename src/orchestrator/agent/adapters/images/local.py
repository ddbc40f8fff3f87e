"""Images that lie on this machine, in whatever form tools leave them.

A directory with an ``oci-layout`` is an OCI layout, any other is a root file system as it is. A tar
(also packed) that has an ``oci-layout`` or a ``manifest.json`` at its top is what image tools save,
any other is a root file system. Nothing is asked of the network.
Sources: the OCI Image Layout specification; the format of ``docker save``.
"""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from orchestrator.agent.adapters import archives
from orchestrator.agent.adapters.archives import ArchiveError
from orchestrator.agent.adapters.images import documents
from orchestrator.agent.adapters.images.documents import (
    Config,
    Descriptor,
    DocumentError,
    Index,
    Manifest,
)
from orchestrator.agent.adapters.images.registry import digest_of_file
from orchestrator.mesos.types import Message

LAYOUT = "oci-layout"
SAVED = "manifest.json"
_REF_NAME = "org.opencontainers.image.ref.name"
_SUFFIXES = ("", ".tar", ".tar.gz", ".tgz")
MAX_ARCHIVE_BYTES = 64 * 1024**3
MAX_INDEXES = 4  # an index may name an index


class LocalError(Exception):
    """There is no such image here, or it cannot be read; says why."""


class Packed(Message):
    """Layers that have to be unpacked: path and diff id (None where nobody says it), lowest first.

    A ``digest`` is that of the file as it lies there, where somebody says it.
    """

    config: Config
    layers: tuple[tuple[Path, str | None, str | None], ...]


class Ready(Message):
    """A root file system as it is."""

    directory: Path


def find(store: Path, name: str) -> Path:
    """Where the image of this name lies in a directory of images. Raises LocalError.

    ``NAME`` or ``NAME:TAG``, a directory or a tar with or without a suffix, as Mesos' local store.
    """
    if ".." in Path(name).parts:
        raise LocalError(f"'{name}' cannot be the name of an image")
    name = name.lstrip("/")
    names = [name] if ":" in name.rpartition("/")[2] else [f"{name}:latest", name]
    for candidate in (store / f"{one}{suffix}" for one in names for suffix in _SUFFIXES):
        if candidate.exists():
            return candidate
    raise LocalError(f"there is no '{name}' in {store}")


def read(path: Path, scratch: Path, tag: str | None, machine: str) -> Packed | Ready:
    """Find out what is at a path; archives are laid out in ``scratch``, an empty directory.

    Raises LocalError, DocumentError, OSError.
    """
    if path.is_dir():
        return _of_layout(path, tag, machine) if (path / LAYOUT).exists() else Ready(directory=path)
    if not path.is_file():
        raise LocalError(f"there is nothing at {path}")
    names = _top_names(path)
    if not names & {LAYOUT, SAVED}:
        return Packed(config=Config(), layers=((path, None, None),))
    try:
        with path.open("rb") as file:
            archives.unpack(file, path.name, scratch, MAX_ARCHIVE_BYTES)
    except ArchiveError as error:
        raise LocalError(f"{path}: {error}") from None
    if SAVED in names:
        return _of_saved(scratch, tag)
    return _of_layout(scratch, tag, machine)


def _top_names(path: Path) -> set[str]:
    try:
        with tarfile.open(path) as archive:
            names = (member.name.removeprefix("./") for member in archive)
            return {name for name in names if "/" not in name}
    except (tarfile.TarError, EOFError) as error:
        raise LocalError(f"{path} is no tar: {error}") from None


def _of_layout(layout: Path, tag: str | None, machine: str) -> Packed:
    document = (layout / "index.json").read_bytes()
    found: Index | Manifest = documents.read_manifest(document)
    for _ in range(MAX_INDEXES):
        if isinstance(found, Manifest):
            return _of_manifest(layout, found)
        chosen = documents.for_platform(_tagged(found, tag, layout), machine)
        tag = None
        document = _blob(layout, chosen).read_bytes()
        found = documents.read_manifest(document, chosen.media_type)
    raise DocumentError("the image's lists of manifests name each other")


def _of_manifest(layout: Path, manifest: Manifest) -> Packed:
    config = documents.read_config(
        _blob(layout, manifest.config).read_bytes(), len(manifest.layers)
    )
    layers = zip(manifest.layers, config.diff_ids, strict=True)
    return Packed(
        config=config,
        layers=tuple((_path(layout, one.digest), id_, one.digest) for one, id_ in layers),
    )


def _tagged(index: Index, tag: str | None, layout: Path) -> Index:
    """What of the index has the tag; all of it, where nothing in it is tagged or nobody asks."""
    tags = {(one.annotations or {}).get(_REF_NAME) for one in index.manifests}
    if tag is None or tags == {None} or len(index.manifests) == 1:
        return index
    fitting = [
        one for one in index.manifests if _has_tag((one.annotations or {}).get(_REF_NAME), tag)
    ]
    if not fitting:
        raise LocalError(f"the layout {layout} has no tag '{tag}'")
    return Index(manifests=fitting)


def _has_tag(name: str | None, tag: str) -> bool:
    return name is not None and (name == tag or name.endswith(f":{tag}"))


def _of_saved(directory: Path, tag: str | None) -> Packed:
    images = documents.read_saved((directory / SAVED).read_bytes())
    fitting = [
        one
        for one in images
        if any(_has_tag(name, tag or "latest") for name in one.repo_tags or ())
    ]
    if not images or (not fitting and len(images) > 1):
        raise LocalError(f"the archive has {len(images)} images, none with the tag '{tag}'")
    image = (fitting or images)[0]
    config = documents.read_config(_inside(directory, image.config).read_bytes(), len(image.layers))
    layers = zip(image.layers, config.diff_ids, strict=True)
    return Packed(
        config=config,
        layers=tuple((_inside(directory, name), id_, None) for name, id_ in layers),
    )


def _blob(layout: Path, wanted: Descriptor) -> Path:
    """A document of the layout, checked. Raises DocumentError, LocalError, OSError."""
    documents.check_descriptor(wanted)
    path = _path(layout, wanted.digest)
    if not path.is_file() or path.stat().st_size > documents.MAX_DOCUMENT_BYTES:
        raise LocalError(f"the layout has no usable {wanted.digest}")
    if digest_of_file(path) != wanted.digest:
        raise LocalError(f"what the layout has as {wanted.digest} has another digest")
    return path


def _path(layout: Path, digest: str) -> Path:
    return layout / "blobs/sha256" / digest.removeprefix("sha256:")


def _inside(directory: Path, name: str) -> Path:
    """A file of an archive; ``docker save`` puts in links to layers that occur twice."""
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()) or not os.path.isfile(path):  # noqa: PTH113
        raise LocalError(f"the archive has no '{name}'")
    return path
