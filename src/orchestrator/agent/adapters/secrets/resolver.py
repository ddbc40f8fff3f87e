"""Where a secret's bytes come from (Secret in mesos.proto): the message itself, or a store."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

from orchestrator.mesos.types import Secret, SecretReference

MAX_SECRET_BYTES = 1024 * 1024
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class SecretError(Exception):
    """A secret cannot be given; one sentence that says which and why, and nothing of its value."""


class SecretResolver(Protocol):
    """A store of secrets. May block; is called from threads."""

    def resolve(self, secret: Secret) -> bytes:
        """The secret itself. Raises SecretError."""
        ...


class ValueResolver:
    """Knows only what the message brings along."""

    def resolve(self, secret: Secret) -> bytes:
        """See SecretResolver."""
        if secret.reference is not None or secret.type == "REFERENCE":
            name = secret.reference.name if secret.reference else ""
            raise SecretError(
                f"The secret '{name}' is in a store, and this agent has none; see --secrets-dir"
            )
        return value_of(secret)


class DirectoryResolver:
    """A directory of files: a reference's name is a file, or with a key a directory of keys.

    Symbolic links are not followed; a name leads nowhere but into the directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def resolve(self, secret: Secret) -> bytes:
        """See SecretResolver."""
        if secret.reference is None:
            return value_of(secret)
        names = _names(secret.reference)
        try:
            return self._read(names)
        except OSError as error:
            raise SecretError(
                f"The secret '{'/'.join(names)}' cannot be read: {error.strerror}"
            ) from None

    def _read(self, names: list[str]) -> bytes:
        fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for i, name in enumerate(names):
                flags = _FILE if i == len(names) - 1 else _DIRECTORY
                parent, fd = fd, os.open(name, flags, dir_fd=fd)
                os.close(parent)
            return _content(fd, "/".join(names))
        finally:
            os.close(fd)


def _names(reference: SecretReference) -> list[str]:
    """A name may have parts, as in "databases/orders"; each is the name of a file or directory."""
    names = [*reference.name.split("/"), *([reference.key] if reference.key is not None else [])]
    for name in names:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise SecretError(f"'{'/'.join(names)}' cannot be the name of a secret")
    return names


def _content(fd: int, name: str) -> bytes:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise SecretError(f"The secret '{name}' is no file; does the reference lack its key?")
    with os.fdopen(os.dup(fd), "rb") as file:
        data = file.read(MAX_SECRET_BYTES + 1)
    if len(data) > MAX_SECRET_BYTES:
        raise SecretError(f"The secret '{name}' is larger than {MAX_SECRET_BYTES} bytes")
    return data


def value_of(secret: Secret) -> bytes:
    """A secret that came by value. Raises SecretError where it was not kept."""
    if secret.value is None:
        raise SecretError("A secret has neither a value nor a reference")
    if not secret.value.data:
        raise SecretError(
            "A secret that came by value was lost, as it is kept in memory only: launch anew"
        )
    return secret.value.data


def resolver_from(directory: str) -> SecretResolver:
    """The resolver that ``--secrets-dir`` asks for; none but values where it is empty."""
    return DirectoryResolver(Path(directory)) if directory else ValueResolver()
