"""Small container images made of programs of this machine, as no registry can be reached.

An image is a list of layers (uncompressed tars) and a configuration; ``registry`` serves it,
``to_layout`` and ``to_docker_archive`` write it as tools do, and Docker imports its first layer.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PROGRAMS = (
    *("sh", "sleep", "cat", "env", "echo", "true", "touch", "ls", "id", "seq", "kill"),
    *("hostname", "mkdir", "rm", "stat", "readlink", "unshare", "head"),
)
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
Document = dict[str, Any]


@dataclass(frozen=True)
class Image:
    """``settings`` is the "config" of the configuration: Env, Entrypoint, Cmd, User, WorkingDir."""

    layers: tuple[bytes, ...]
    settings: Document = field(default_factory=dict)
    architecture: str = "amd64"

    @property
    def config(self) -> bytes:
        """The configuration as it lies in a registry."""
        diff_ids = [digest_of(layer) for layer in self.layers]
        return encoded(
            {
                "architecture": self.architecture,
                "os": "linux",
                "config": self.settings,
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        )

    def with_layer(self, layer: bytes) -> Image:
        """The same with one more layer on top."""
        return Image((*self.layers, layer), self.settings, self.architecture)


@dataclass(frozen=True)
class Packed:
    """An image as a registry has it: the blobs by digest, and the manifest that names them."""

    manifest: bytes
    media_type: str
    blobs: Mapping[str, bytes]


def tiny(**settings: Any) -> Image:
    """``PROGRAMS`` in one layer, with these settings."""
    defaults = {"Env": ["PATH=/usr/bin:/bin", "FROM_IMAGE=yes"], "Cmd": ["/bin/sh"]}
    return Image((root_file_system(),), defaults | settings)


def packed(
    image: Image,
    *,
    docker: bool = True,
    compress: Callable[[bytes], bytes] = lambda raw: gzip.compress(raw, 1, mtime=0),
    suffix: str = "gzip",
) -> Packed:
    """As Docker's or OCI's manifest; ``compress`` and ``suffix`` say how the layers are packed."""
    layers = [compress(layer) for layer in image.layers]
    separator = "." if docker else "+"
    layer_type = (DOCKER_LAYER if docker else OCI_LAYER) + (separator + suffix if suffix else "")
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": described(image.config, DOCKER_CONFIG if docker else OCI_CONFIG),
        "layers": [described(layer, layer_type) for layer in layers],
    }
    blobs = {digest_of(blob): blob for blob in (image.config, *layers)}
    return Packed(encoded(manifest), media_type, blobs)


def described(blob: bytes, media_type: str) -> Document:
    """A descriptor: how one document of an image names another."""
    return {"mediaType": media_type, "digest": digest_of(blob), "size": len(blob)}


def digest_of(blob: bytes) -> str:
    """How a registry names a blob."""
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def encoded(document: Document) -> bytes:
    """JSON as a registry keeps it."""
    return json.dumps(document, separators=(",", ":")).encode()


def to_layout(image: Image, directory: Path, tag: str = "latest") -> Path:
    """Write an OCI image layout into the directory."""
    made = packed(image, docker=False)
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for digest, blob in {**made.blobs, digest_of(made.manifest): made.manifest}.items():
        (blobs / digest.partition(":")[2]).write_bytes(blob)
    entry = described(made.manifest, made.media_type)
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (directory / "index.json").write_bytes(encoded({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return directory


def to_docker_archive(image: Image, path: Path, name: str = "test:latest") -> Path:
    """Write what ``docker save`` writes."""
    config_name = digest_of(image.config).partition(":")[2] + ".json"
    layer_names = [f"{index}/layer.tar" for index, _ in enumerate(image.layers)]
    entry = {"Config": config_name, "RepoTags": [name], "Layers": layer_names}
    files = dict(zip(layer_names, image.layers, strict=True))
    files |= {config_name: image.config, "manifest.json": json.dumps([entry]).encode()}
    path.write_bytes(layer_of(files))
    return path


def layer_of(files: Mapping[str, bytes | str | None]) -> bytes:
    """A layer: bytes are a file's content, a text is where a link points, None is a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


@cache
def root_file_system() -> bytes:
    """A tar of ``PROGRAMS``, what they need, and a few users."""
    files = {f"/bin/{name}": path for name in PROGRAMS if (path := shutil.which(name))}
    for path in list(files.values()):
        files |= {library: library for library in _libraries(path)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("tmp", "mnt", "etc"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777
            archive.addfile(directory)
        for name, text in _ACCOUNTS.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
        for target, source in files.items():
            archive.add(Path(source).resolve(), target.lstrip("/"))
    return buffer.getvalue()


_ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\napp:x:4711:4712::/home/app:/bin/sh\n",
    "etc/group": b"root:x:0:\napp:x:4712:\nextra:x:4713:app\n",
}


def _libraries(program: str) -> list[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", listed)
