"""What an image is described by: manifests, lists of them by platform, and the configuration.

Docker's (schema 2) and OCI's forms differ in their media types only, so one reading serves both.
Sources: the OCI Image Specification 1.1, Docker's Image Manifest V2, Schema 2.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from msgspec import field

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024  # of a manifest or a configuration, as registries allow
MAX_LAYERS = 127
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
T = TypeVar("T")


class DocumentError(ValueError):
    """A manifest or configuration that cannot be used; says why."""


class Platform(msgspec.Struct, frozen=True):
    """For which machines an image is."""

    architecture: str = ""
    os: str = ""
    variant: str = ""


class Descriptor(msgspec.Struct, frozen=True, rename={"media_type": "mediaType"}):
    """How one document names another: by the digest of its bytes. ``size`` in bytes."""

    digest: str
    size: int
    media_type: str = ""
    platform: Platform | None = None
    annotations: dict[str, str] | None = None


class Index(msgspec.Struct, frozen=True):
    """A list of manifests by platform, or of all that a layout has."""

    manifests: list[Descriptor]


class Manifest(msgspec.Struct, frozen=True):
    """An image: its configuration and its layers, the lowest first."""

    config: Descriptor
    layers: list[Descriptor]


class Settings(msgspec.Struct, frozen=True, rename="pascal"):
    """How an image wants to be run (the part "config" of its configuration)."""

    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    user: str = ""
    working_dir: str = ""


class _RootFs(msgspec.Struct, frozen=True):
    diff_ids: list[str] = []


class Config(msgspec.Struct, frozen=True):
    """An image's configuration; ``diff_ids`` are the digests of its layers when unpacked."""

    settings: Settings | None = field(default=None, name="config")
    rootfs: _RootFs = _RootFs()
    architecture: str = ""
    os: str = ""

    @property
    def diff_ids(self) -> list[str]:
        """Digests of the uncompressed layers, the lowest first."""
        return self.rootfs.diff_ids


class SavedImage(msgspec.Struct, frozen=True, rename="pascal"):
    """An entry of the ``manifest.json`` that ``docker save`` writes; paths inside the archive."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


class _Kind(msgspec.Struct, frozen=True, rename={"media_type": "mediaType"}):
    media_type: str = ""
    schema_version: int = field(default=2, name="schemaVersion")
    manifests: list[msgspec.Raw] | None = None


def read_manifest(document: bytes, media_type: str = "") -> Manifest | Index:
    """Read what a registry or layout has under a name. Raises DocumentError."""
    kind = _decode(document, _Kind, "manifest")
    stated = kind.media_type or media_type.partition(";")[0].strip()
    if kind.schema_version != 2:
        raise DocumentError("the image has a manifest of schema 1, which is no longer pulled")
    if stated in INDEX_TYPES or (stated not in MANIFEST_TYPES and kind.manifests is not None):
        return _decode(document, Index, "manifest list")
    manifest = _decode(document, Manifest, "manifest")
    if len(manifest.layers) > MAX_LAYERS:
        raise DocumentError(f"the image has more than {MAX_LAYERS} layers")
    for part in (manifest.config, *manifest.layers):
        check_descriptor(part)
    return manifest


def read_config(document: bytes, layers: int) -> Config:
    """Read a configuration of an image with so many layers. Raises DocumentError."""
    config = _decode(document, Config, "configuration")
    if len(config.diff_ids) != layers:
        raise DocumentError(
            f"the image has {layers} layers, its configuration names {len(config.diff_ids)}"
        )
    for digest in config.diff_ids:
        check_digest(digest)
    if config.os not in ("", "linux"):
        raise DocumentError(f"the image is for {config.os}, not for linux")
    return config


def read_saved(document: bytes) -> list[SavedImage]:
    """Read the ``manifest.json`` of an archive. Raises DocumentError."""
    return _decode(document, list[SavedImage], "manifest.json")


def for_platform(index: Index, machine: str) -> Descriptor:
    """The manifest for a machine (as ``uname -m`` says it). Raises DocumentError."""
    wanted = architecture_of(machine)
    fitting = [one for one in index.manifests if _fits(one.platform, wanted)]
    if not fitting:
        offered = sorted({_name_of(one.platform) for one in index.manifests if one.platform})
        raise DocumentError(
            f"the image is not made for linux/{wanted}, but for {', '.join(offered) or 'nothing'}"
        )
    chosen = fitting[-1] if wanted == "arm" else fitting[0]  # of arm, the highest variant is last
    check_descriptor(chosen)
    return chosen


def architecture_of(machine: str) -> str:
    """What images call a machine of this kind."""
    return _ARCHITECTURES.get(machine, machine)


def check_descriptor(descriptor: Descriptor) -> None:
    """Raises DocumentError where a descriptor is not usable."""
    check_digest(descriptor.digest)
    if descriptor.size < 0:
        raise DocumentError(f"{descriptor.digest} has a negative size")


def check_digest(digest: str) -> None:
    """Digests become names of files, so nothing else may pass. Raises DocumentError."""
    if not _DIGEST.fullmatch(digest):
        raise DocumentError(f"'{digest[:100]}' is not a sha256 digest")


def _fits(platform: Platform | None, architecture: str) -> bool:
    if platform is None:
        return True
    return platform.os == "linux" and platform.architecture == architecture


def _name_of(platform: Platform | None) -> str:
    return f"{platform.os}/{platform.architecture}" if platform else ""


def _decode(document: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(document, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DocumentError(f"the image's {name} cannot be read: {error}") from None
