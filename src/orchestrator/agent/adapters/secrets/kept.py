"""Secrets that frameworks sent by value, kept in memory as long as their container lasts.

They are in no checkpoint; but an agent that starts anew has to know them, to finish a launch or to
run a check beside the task. One file a container, that only the agent can read.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from orchestrator.agent.adapters.secrets import memory
from orchestrator.agent.core.checkpoint import Checkpoint, has_secrets
from orchestrator.agent.core.executor import Executor
from orchestrator.agent.core.redaction import secrets_of, with_secrets
from orchestrator.agent.core.task import Task

T = TypeVar("T", Task, Executor)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
logger = logging.getLogger(__name__)


class KeptSecrets:
    """Those of one agent, told apart from others' by its work directory."""

    def __init__(self, work_dir: Path, *, root: Path | None = None) -> None:
        self._directory = memory.directory_for("kept", work_dir, root)

    def keep(self, owner: Task | Executor) -> None:
        """What a task or an executor brought along; nothing where it brought nothing."""
        if self._directory is None or not has_secrets(owner):
            return
        secrets = secrets_of(owner.info)
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            if memory.is_own(self._directory):
                self._write(self._directory, owner.id, secrets)
        except OSError as error:
            logger.warning("the secrets of %s end with this agent: %s", owner.id, error.strerror)

    def restored(self, kept: Checkpoint) -> Checkpoint:
        """The checkpoint with the secrets that are left, which is all of a machine that ran on."""
        return replace(
            kept,
            tasks=[self._complete(task) for task in kept.tasks],
            executors=[self._complete(executor) for executor in kept.executors],
        )

    def forget(self, container_id: str) -> None:
        """The container has ended, and that is known for good."""
        if self._directory is not None:
            with contextlib.suppress(OSError):
                (self._directory / container_id).unlink(missing_ok=True)
                self._directory.rmdir()  # unless others have some

    def sweep(self, is_in_use: Callable[[str], bool]) -> None:
        """Forget what a killed agent left of containers that are no longer in use."""
        if self._directory is not None and self._directory.is_dir():
            for path in list(self._directory.iterdir()):
                if not is_in_use(path.name):
                    self.forget(path.name)

    def _complete(self, owner: T) -> T:
        if self._directory is None:
            return owner
        try:
            if not memory.is_own(self._directory):
                return owner
            secrets = msgspec.json.decode(
                (self._directory / owner.id).read_bytes(), type=list[bytes]
            )
        except (OSError, msgspec.MsgspecError):  # it brought none, or the machine was restarted
            return owner
        return replace(owner, info=with_secrets(owner.info, secrets))

    def _write(self, directory: Path, name: str, secrets: Sequence[bytes]) -> None:
        fd = os.open(directory / name, _NEW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(msgspec.json.encode(secrets))
