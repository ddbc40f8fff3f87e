"""What the names of images stood for when they were last looked up, in a file each."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import msgspec

from orchestrator.agent.adapters.images.documents import Config, Settings
from orchestrator.mesos.types import Message


class Provisioned(Message):
    """An image that is here: its layers as directories, the lowest first, and its settings."""

    layers: tuple[Path, ...]
    settings: Settings


class _Record(msgspec.Struct, frozen=True):
    """``layers`` are diff ids; ``stamp`` is what a local file looked like then."""

    name: str
    layers: list[str]
    settings: Settings
    stamp: str = ""


class Names:
    """Those of a store. Looking one up marks it as used."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def find(self, name: str, stamp: str = "") -> Provisioned | None:
        """The image, if the name is known and all of it is here. Raises OSError."""
        path = self._path(name)
        try:
            record = msgspec.json.decode(path.read_bytes(), type=_Record)
        except (FileNotFoundError, msgspec.MsgspecError):  # never pulled, or by another release
            return None
        layers = tuple(layer_path(self._store, diff_id) for diff_id in record.layers)
        if record.name != name or record.stamp != stamp or not all(map(Path.exists, layers)):
            return None
        os.utime(path)
        return Provisioned(layers=layers, settings=record.settings)

    def keep(self, name: str, config: Config, layers: list[Path], stamp: str = "") -> Provisioned:
        """Write down what the name stands for from now on. Raises OSError."""
        settings = config.settings or Settings()
        record = _Record(name, [f"sha256:{one.name}" for one in layers], settings, stamp)
        path = self._path(name)
        fresh = path.with_suffix(f".{threading.get_ident()}")
        fresh.write_bytes(msgspec.json.encode(record))
        fresh.replace(path)
        return Provisioned(layers=tuple(layers), settings=settings)

    def _path(self, name: str) -> Path:
        return self._store / "names" / hashlib.sha256(name.encode()).hexdigest()


def layer_path(store: Path, diff_id: str) -> Path:
    """Where the unpacked layer is, or will be."""
    return store / "layers" / hex_of(diff_id)


def hex_of(digest: str) -> str:
    """The digest without its algorithm, as files are called."""
    return digest.removeprefix("sha256:")
