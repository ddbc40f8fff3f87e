"""Sees to it that what is to be mounted is there, and is what it was when it is mounted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from orchestrator.agent.adapters import sandbox
from orchestrator.agent.adapters.native import rooted
from orchestrator.agent.adapters.native.accounts import Account
from orchestrator.agent.adapters.native.bundles import Bundles
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.volumes import Kind, Mount
from orchestrator.agent.core.task import Container


class Sources:
    """Of one container: ``directory`` is its sandbox, ``account`` whose new directories are."""

    def __init__(
        self,
        bundles: Bundles,
        container: Container,
        work_dir: Path,
        directory: Path,
        account: Account,
    ) -> None:
        self._bundles = bundles
        self._container = container
        self._work_dir = work_dir
        self._directory = directory
        self._account = account

    def make(self, mounts: Iterable[Mount], secrets: list[bytes]) -> list[Mount]:
        """The mounts with sources that are there; ``secrets`` are their contents in order.

        Raises NativeError, OSError.
        """
        contents = iter(secrets)
        made = []
        for number, mount in enumerate(mounts):
            if mount.kind is Kind.SECRET:
                data = next(contents)
                source = self._bundles.write_secret(self._container.id, number, data, self._account)
            else:
                source = self._source(number, mount)
            made.append(replace(mount, source=str(source)))
        return made

    def _source(self, number: int, mount: Mount) -> Path:
        match mount.kind:
            case Kind.SANDBOX:
                return self._of_sandbox(number, mount.source, self._directory)
            case Kind.PARENT if self._container.parent_id is not None:
                run = sandbox.run_of(self._work_dir, self._container)
                return self._of_sandbox(number, mount.source, run)
            case Kind.PARENT:
                raise NativeError("The task is no member of a group: it has no parent's sandbox")
            case Kind.PERSISTENT:
                _make_directory(Path(mount.source), self._account)
            case Kind.IN_VOLUME:
                _make_directory(Path(mount.within), self._account)
                return self._of_sandbox(number, mount.source, Path(mount.within))
            case _ if not Path(mount.source).exists():
                raise NativeError(f"The host path '{mount.source}' of a volume does not exist")
        return Path(mount.source)

    def _of_sandbox(self, number: int, source: str, directory: Path) -> Path:
        """A path in a sandbox or volume, where other members of the group may be at work."""
        path = rooted.resolve(directory, source)
        if not path.exists():
            _make_directory(path, self._account)
        return self._bundles.pin(self._container.id, number, path, directory)


def _make_directory(path: Path, account: Account) -> None:
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for one in missing[:1]:
        os.chown(one, account.uid, account.gid)
