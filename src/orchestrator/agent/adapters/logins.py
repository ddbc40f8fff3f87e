"""Logins of image registries, as ``docker login`` writes them.

A configuration is ``{"auths": {REGISTRY: LOGIN}}`` (``~/.docker/config.json``) or, older, the inner
object alone (``.dockercfg``). A login has ``auth`` (base64 of ``user:password``), or ``username``
and ``password``, or a token. The operator gives one for the agent; a task brings its own among its
URIs, as Mesos' users do, and that one is asked first. Nothing of a login is ever put into an error.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from orchestrator.mesos.types import Message

DOCKER_HUB = "docker.io"
MAX_FILE_BYTES = 1024 * 1024
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_IN_SANDBOX = (".docker/config.json", ".dockercfg")
_MAYBE_IN_SANDBOX = "config.json"  # may as well be the task's own, of something else


class CredentialError(Exception):
    """A configuration of logins cannot be used; says why, and nothing of what is in it."""


class Login(Message):
    """What one registry wants to hear. ``registry`` is as it was written."""

    registry: str
    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""

    def __repr__(self) -> str:
        return f"Login(registry={self.registry!r})"

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def header(self) -> str:
        """The value of ``X-Registry-Auth``."""
        fields = {
            "username": self.username,
            "password": self.password,
            "serveraddress": self.registry,
            "identitytoken": self.identity_token,
            "registrytoken": self.registry_token,
        }
        given = {key: value for key, value in fields.items() if value}
        return base64.urlsafe_b64encode(json.dumps(given).encode()).decode()


Logins = Mapping[str, Login]  # by the registry's host


class _Entry(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


def registry_of(image: str) -> str:
    """The host of an image's registry: what stands before the first slash, if it looks like one."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return _host(first)
    return DOCKER_HUB


def parse(text: str | bytes, where: str) -> Logins:
    """Read a configuration of either form. Raises CredentialError that names ``where``."""
    try:
        document = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        entries = _entries(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CredentialError(f"{where} is not a Docker configuration with 'auths'") from None
    logins = (_login(registry, entry, where) for registry, entry in entries.items())
    return {_host(login.registry): login for login in logins if login is not None}


def of_setting(setting: str) -> Logins:
    """What the operator gave: nothing, JSON, or the absolute path of a file."""
    if not setting.strip():
        return {}
    if setting.lstrip().startswith("{"):
        return parse(setting, "the setting docker_config")
    path = Path(setting.removeprefix("file://"))
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise CredentialError(f"{path} cannot be read: {error.strerror}") from None


def shown(setting: str) -> str:
    """The setting as others may see it: where the logins are, not what they are."""
    return "{...}" if setting.lstrip().startswith("{") else setting


def of_sandbox(sandbox: Path) -> Logins:
    """What the task brought along. Raises CredentialError."""
    for name in _IN_SANDBOX:
        if (text := _read(sandbox, name)) is not None:
            return parse(text, f"{name} in the sandbox")
    text = _read(sandbox, _MAYBE_IN_SANDBOX)
    if text is None or b'"auths"' not in text:
        return {}
    return parse(text, f"{_MAYBE_IN_SANDBOX} in the sandbox")


def _read(sandbox: Path, name: str) -> bytes | None:
    """A small regular file of the sandbox itself: the agent reads it with its own rights."""
    path = sandbox / name
    if path.parent.is_symlink():
        return None
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise CredentialError(f"{name} in the sandbox is larger than {MAX_FILE_BYTES} bytes")
    return data


def _entries(document: dict[str, msgspec.Raw]) -> dict[str, _Entry]:
    if "auths" in document:
        return msgspec.json.decode(document["auths"], type=dict[str, _Entry])
    older = {key: value for key, value in document.items() if b'"auth"' in bytes(value)}
    return {key: msgspec.json.decode(value, type=_Entry) for key, value in older.items()}


def _login(registry: str, entry: _Entry, where: str) -> Login | None:
    username, password = entry.username, entry.password
    if entry.auth:
        username, password = _decoded(entry.auth, registry, where)
    if not (username or entry.identitytoken or entry.registrytoken):
        return None
    return Login(
        registry=registry,
        username=username,
        password=password,
        identity_token=entry.identitytoken,
        registry_token=entry.registrytoken,
    )


def _decoded(auth: str, registry: str, where: str) -> tuple[str, str]:
    try:
        padded = auth + "=" * (-len(auth) % 4)
        decoded = base64.b64decode(padded, validate=True).decode().rstrip("\0")
    except (binascii.Error, ValueError):
        decoded = ""
    username, colon, password = decoded.partition(":")
    if not colon:
        raise CredentialError(
            f"the 'auth' of {registry} in {where} is not base64 of 'user:password'"
        )
    return username, password


def _host(registry: str) -> str:
    """``https://index.docker.io/v1/`` and ``docker.io`` are the same registry."""
    host = registry.partition("://")[2] or registry
    host = host.partition("/")[0].lower()
    return DOCKER_HUB if host in _HUB_NAMES else host
