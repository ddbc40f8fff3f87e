"""Secrets that a task reads from files: in memory, in a directory of its container's own."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from orchestrator.agent.adapters.accounts import Account
from orchestrator.agent.adapters.secrets import memory
from orchestrator.agent.adapters.secrets.resolver import SecretError, SecretResolver
from orchestrator.mesos.types import Message, Volume


class SecretFile(Message):
    """To be mounted, read-only: the file ``source`` of the host at ``container_path``."""

    source: Path
    container_path: str


class SecretFiles:
    """The secret files of one agent, told apart from others' by its work directory."""

    def __init__(
        self, work_dir: Path, resolver: SecretResolver, *, root: Path | None = None
    ) -> None:
        self._directory = memory.directory_for("secrets", work_dir, root)
        self._resolver = resolver

    def prepare(
        self, container_id: str, volumes: Iterable[Volume], owner: Account | None
    ) -> list[SecretFile]:
        """The files of the volumes that are secrets, readable by ``owner`` (None: by this user).

        May be repeated. Blocks. Raises SecretError.
        """
        wanted = [volume for volume in volumes if volume.source and volume.source.secret]
        if not wanted:
            return []
        try:
            directory = self._make(container_id, owner)
            return [
                self._write(directory / str(number), volume, owner)
                for number, volume in enumerate(wanted)
            ]
        except SecretError:
            self.remove(container_id)
            raise
        except OSError as error:
            self.remove(container_id)
            raise SecretError(f"A secret file cannot be made: {error.strerror}") from None

    def remove(self, container_id: str) -> None:
        """The container is gone, or never was."""
        if self._directory is not None and _is_name(container_id):
            shutil.rmtree(self._directory / container_id, ignore_errors=True)
            with contextlib.suppress(OSError):  # others have some, or nobody ever had
                self._directory.rmdir()

    def sweep(self, is_in_use: Callable[[str], bool]) -> None:
        """Remove what an agent that was killed has left of containers no longer in use."""
        for path in self._left():
            if not is_in_use(path.name):
                self.remove(path.name)

    def _left(self) -> Iterator[Path]:
        if self._directory is not None and self._directory.is_dir():
            yield from self._directory.iterdir()

    def _make(self, container_id: str, owner: Account | None) -> Path:
        if self._directory is None:
            raise SecretError(
                "Neither /dev/shm nor /run is in memory: there is no place to keep a secret"
            )
        directory = self._directory / container_id
        for _ in range(2):  # another container's removal may just take the directory away
            with contextlib.suppress(FileNotFoundError):
                self._directory.mkdir(mode=0o711, exist_ok=True)
                if not memory.is_own(self._directory):
                    raise SecretError(f"{self._directory} belongs to somebody else")
                directory.mkdir(mode=0o700, exist_ok=True)
                break
        if owner is not None and owner.uid != os.geteuid():
            os.chown(directory, owner.uid, owner.gid)
        return directory

    def _write(self, path: Path, volume: Volume, owner: Account | None) -> SecretFile:
        secret = volume.source.secret if volume.source else None
        assert secret is not None
        data = self._resolver.resolve(secret)
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o400)
        with os.fdopen(fd, "wb") as file:
            if owner is not None and owner.uid != os.geteuid():
                os.fchown(fd, owner.uid, owner.gid)
            file.write(data)
        return SecretFile(source=path, container_path=volume.container_path)


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and "/" not in text and "\0" not in text
