"""How an image is called: ``[REGISTRY/]NAME[:TAG][@DIGEST]``, read as Docker reads it.

The first part is a registry when it has a dot or a colon or is "localhost"; otherwise the default
registry is meant, and on Docker Hub a name without a slash is below "library/".
Source: the grammar of github.com/distribution/reference.
"""

from __future__ import annotations

import re

from orchestrator.mesos.types import Message

DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"
MAX_NAME_LENGTH = 255
_HUB_HOST = "registry-1.docker.io"
_HUB_ALIASES = frozenset({DOCKER_HUB, "index.docker.io", _HUB_HOST})
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_HOST_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_HOST_NAME}(?:\.{_HOST_NAME})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?")


class ReferenceError(ValueError):
    """The text cannot be the name of an image; says why."""


class Reference(Message):
    """An image in a registry. ``tag`` is None only where there is a ``digest``."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        """The complete name, which reads back as the same reference."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def host(self) -> str:
        """Where the registry's API is: ``host[:port]``."""
        return _HUB_HOST if self.registry == DOCKER_HUB else self.registry

    @property
    def version(self) -> str:
        """What a manifest is asked for by; a digest, where there is one, for it cannot change."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine, where plain HTTP is as good as HTTPS."""
        return _LOOPBACK.fullmatch(self.registry) is not None


def parse(name: str, default_registry: str = DOCKER_HUB) -> Reference:
    """Read the name of an image. Raises ReferenceError."""
    rest, at, digest = name.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise ReferenceError(f"'{name}' is no image's name: a digest is sha256: and 64 hex digits")
    registry, repository = _split_registry(rest)
    repository, colon, tag = repository.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ReferenceError(f"'{name}' is no image's name: '{tag}' cannot be a tag")
    registry = registry or default_registry
    if not _HOST.fullmatch(registry):
        raise ReferenceError(f"'{name}' is no image's name: '{registry}' cannot be a registry")
    if registry in _HUB_ALIASES:
        registry = DOCKER_HUB
        repository = repository if "/" in repository else f"library/{repository}"
    _check_repository(name, repository)
    if not tag and not digest:
        tag = DEFAULT_TAG
    return Reference(
        registry=registry, repository=repository, tag=tag or None, digest=digest or None
    )


def _split_registry(name: str) -> tuple[str | None, str]:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return first, rest
    return None, name


def _check_repository(name: str, repository: str) -> None:
    if len(repository) > MAX_NAME_LENGTH:
        raise ReferenceError(f"An image's name has at most {MAX_NAME_LENGTH} characters")
    if not _NAME.fullmatch(repository):
        raise ReferenceError(
            f"'{name}' is no image's name: its parts are lower-case letters, digits, '.', '_', '-'"
        )
