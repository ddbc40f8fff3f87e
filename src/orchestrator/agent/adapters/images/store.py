"""The images of one agent: each downloaded once, each layer unpacked once, both verified.

Below the store's directory::

    names/     what an image's name stood for when it was last looked up: settings and layers
    layers/    unpacked layers by their diff ids; whatever is here is complete
    downloads/ blobs on their way; they go on after a restart
    scratch/   what is being unpacked; emptied at the start

Layers and names come into being by renaming, so a ``kill -9`` leaves nothing half done that counts.
Those who want the same image at the same time wait for one download. What nothing uses is removed,
the longest unused first, when the layers grow beyond the limit.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.agent.adapters.images import documents, local, prune, reference, unpack
from orchestrator.agent.adapters.images.documents import (
    Descriptor,
    DocumentError,
    Index,
    Manifest,
    Settings,
)
from orchestrator.agent.adapters.images.local import LocalError
from orchestrator.agent.adapters.images.names import Names, Provisioned, hex_of, layer_path
from orchestrator.agent.adapters.images.reference import Reference, ReferenceError
from orchestrator.agent.adapters.images.registry import (
    RegistryClient,
    RegistryError,
    digest_of_file,
)
from orchestrator.agent.adapters.images.shared import Shared, all_of
from orchestrator.agent.adapters.images.unpack import LayerError
from orchestrator.agent.adapters.logins import Login, Logins
from orchestrator.mesos.types import Message

MAX_PARALLEL = 4  # downloads and unpackings at a time
GIB = 1024**3
logger = logging.getLogger(__name__)


class ImageError(Exception):
    """The image cannot be had; says why, for the task's status."""


class Source(Message):
    """Where images come from when a name does not say it: a registry, or a directory of images."""

    registry: str = reference.DOCKER_HUB
    directory: Path | None = None
    insecure: frozenset[str] = frozenset()  # registries without TLS
    logins: Logins = {}
    max_layer_bytes: int = 32 * GIB  # of one layer, unpacked
    max_bytes: int = 64 * GIB  # of all layers, unpacked
    idle_s: float = 600.0  # what was looked up since then is not removed


class ImageStore:
    """See the module. ``is_in_use`` says whether a layer is part of a container."""

    def __init__(
        self,
        directory: Path,
        source: Source,
        is_in_use: Callable[[Path], bool] = lambda _: False,
        client: RegistryClient | None = None,
    ) -> None:
        self._directory = directory
        self._source = source
        self.is_in_use = is_in_use
        self._client = client or RegistryClient(source.insecure)
        self._names = Names(directory)
        self._slots = asyncio.Semaphore(MAX_PARALLEL)
        self._pruning = asyncio.Lock()
        self._held = Counter[Path]()  # by pulls that are under way
        self._images = Shared[Provisioned]()
        self._layers = Shared[Path]()
        self._machine = platform.machine()

    def open(self) -> None:
        """Make the directories and remove what an earlier agent did not finish. Raises OSError."""
        shutil.rmtree(self._directory / "scratch", ignore_errors=True)
        for name in ("names", "layers", "downloads", "scratch"):
            (self._directory / name).mkdir(parents=True, exist_ok=True)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._images.cancel()
        await self._layers.cancel()
        await self._client.close()

    async def get(
        self, name: str, *, is_fresh: bool = False, logins: Logins | None = None
    ) -> Provisioned:
        """The image of this name, brought here if need be; ``is_fresh``: look it up anew.

        Raises ImageError.
        """
        try:
            if (path := self._local_path(name)) is not None:
                tag = _tag_of(name)
                return await self._images.get(f"{path}:{tag}", lambda: self._take(path, tag))
            image = reference.parse(name, self._source.registry)
            login = {**self._source.logins, **(logins or {})}.get(image.registry)
            known = None if is_fresh else await asyncio.to_thread(self._names.find, str(image))
            if known is not None:
                return known
            key = f"{image} {login.basic if login else ''} {is_fresh}"
            return await self._images.get(key, lambda: self._pull(image, login))
        except (
            ReferenceError,
            RegistryError,
            LocalError,
            DocumentError,
            LayerError,
            OSError,
        ) as error:
            raise ImageError(f"the image '{name}' cannot be had: {error}") from None

    def registry_of(self, name: str) -> str:
        """Where the image of this name comes from. Raises ImageError."""
        try:
            return reference.parse(name, self._source.registry).registry
        except ReferenceError as error:
            raise ImageError(str(error)) from None

    # --- from a registry ------------------------------------------------------------------------

    async def _pull(self, image: Reference, login: Login | None) -> Provisioned:
        began = time.monotonic()
        manifest = await self._manifest(image, login)
        document = await self._client.document(image, login, manifest.config)
        config = documents.read_config(document, len(manifest.layers))
        wanted = zip(manifest.layers, config.diff_ids, strict=True)
        with self._holding(config.diff_ids):
            layers = await all_of(self._layer_from(image, login, *one) for one in wanted)
            logger.info("pulled the image %s in %.1f s", image, time.monotonic() - began)
            provisioned = await asyncio.to_thread(self._names.keep, str(image), config, layers)
        await self._tidy_up()
        return provisioned

    async def prune_all(self) -> None:
        """Remove all images that nothing uses. Raises OSError."""
        await self._prune(0)

    async def _tidy_up(self) -> None:
        """The image is here, whatever becomes of the others."""
        try:
            await self._prune(self._source.max_bytes)
        except OSError as error:
            logger.warning("unused images stay: %s", error)

    async def _prune(self, max_bytes: int) -> None:
        async with self._pruning:
            await asyncio.to_thread(
                prune.prune, self._directory, max_bytes, self._source.idle_s, self._is_needed
            )

    def _is_needed(self, layer: Path) -> bool:
        return self._held[layer] > 0 or self.is_in_use(layer)

    @contextmanager
    def _holding(self, diff_ids: Iterable[str]) -> Iterator[None]:
        """Keep layers of a pull, however long the rest of it takes to come."""
        layers = [self._layer_path(diff_id) for diff_id in diff_ids]
        self._held.update(layers)
        try:
            yield
        finally:
            self._held.subtract(layers)
            self._held = +self._held

    async def _manifest(self, image: Reference, login: Login | None) -> Manifest:
        body, media_type = await self._client.manifest(image, login)
        found = documents.read_manifest(body, media_type)
        if isinstance(found, Index):
            chosen = documents.for_platform(found, self._machine)
            body, media_type = await self._client.manifest(image, login, chosen.digest)
            found = documents.read_manifest(body, media_type)
        if isinstance(found, Index):
            raise DocumentError("its list of manifests names another list")
        return found

    async def _layer_from(
        self, image: Reference, login: Login | None, wanted: Descriptor, diff_id: str
    ) -> Path:
        async def make() -> Path:
            blob = self._directory / "downloads" / hex_of(wanted.digest)
            await self._client.blob(image, login, wanted, blob)
            layer = await asyncio.to_thread(self._unpack, blob, diff_id)
            await asyncio.to_thread(blob.unlink)
            return layer

        return await self._layer(diff_id, make)

    # --- from this machine ----------------------------------------------------------------------

    def _local_path(self, name: str) -> Path | None:
        """Where the name leads when it is a path, or names come from a directory."""
        if name.startswith(("/", "file://")):
            return Path(name.removeprefix("file://"))
        if self._source.directory is not None:
            return local.find(self._source.directory, name)
        return None

    async def _take(self, path: Path, tag: str | None) -> Provisioned:
        stamp = await asyncio.to_thread(_stamp, path)
        key = f"{path}:{tag or ''}"
        known = await asyncio.to_thread(self._names.find, key, stamp) if stamp else None
        if known is not None:
            return known
        scratch = self._scratch()
        try:
            found = await asyncio.to_thread(local.read, path, scratch, tag, self._machine)
            if isinstance(found, local.Ready):
                return Provisioned(layers=(found.directory,), settings=Settings())
            layers = [await self._layer_of_file(*layer) for layer in found.layers]
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, True)
        return await asyncio.to_thread(self._names.keep, key, found.config, layers, stamp)

    async def _layer_of_file(self, file: Path, diff_id: str | None, digest: str | None) -> Path:
        async def make() -> Path:
            if digest is not None and await asyncio.to_thread(digest_of_file, file) != digest:
                raise LocalError(f"{file} has another digest than its manifest says")
            return await asyncio.to_thread(self._unpack, file, diff_id)

        return await self._layer(diff_id or str(file), make)

    # --- layers ---------------------------------------------------------------------------------

    async def _layer(self, key: str, make: Callable[[], Awaitable[Path]]) -> Path:
        path = self._layer_path(key) if key.startswith("sha256:") else None
        if path is not None and path.exists():
            return path

        async def make_in_turn() -> Path:
            async with self._slots:
                return await make()

        return await self._layers.get(key, make_in_turn)

    def _unpack(self, blob: Path, diff_id: str | None) -> Path:
        scratch = self._scratch()
        try:
            found = unpack.unpack(blob, scratch, self._source.max_layer_bytes)
            if diff_id not in (None, found):
                raise LayerError(
                    f"a layer has the digest {found}, its configuration says {diff_id}"
                )
            path = self._layer_path(found)
            if not path.exists():
                prune.note_size(path, prune.size_of(scratch))
                scratch.rename(path)
            return path
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _layer_path(self, diff_id: str) -> Path:
        return layer_path(self._directory, diff_id)

    def _scratch(self) -> Path:
        path = Path(tempfile.mkdtemp(dir=self._directory / "scratch"))
        path.chmod(0o755)  # a layer that does not name its root leaves it as it is
        return path


def _tag_of(name: str) -> str | None:
    return name.rpartition("/")[2].partition(":")[2] or None


def _stamp(path: Path) -> str:
    """What changes when a file or a layout is written anew; empty for a root file system."""
    file = path / "index.json" if path.is_dir() else path
    try:
        found = file.stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
