"""Who may do what: tokens have a name and a role, roles have permissions and controls.

| role | may |
|---|---|
| viewer | read everything but the audit record |
| operator | that, and the controls that are allowed to operators |
| admin | everything, also probes' settings and the audit record |
| probe | register, report, and carry out controls |

Without a file of tokens everybody has the anonymous role. Requests that change something, and all
WebSockets, must not come from a page of another site: a browser sends those without asking. Nor is
somebody on this machine an admin who asks for another name than this machine's own: a site can have
its name lead here, and then its pages are not those of another one (DNS rebinding).
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import parse_qs

import msgspec
import yaml
from msgspec import Meta
from starlette.types import Scope

from orchestrator.monitoring.report import control
from orchestrator.runtime.config import ConfigError

Role = Literal["admin", "operator", "viewer", "probe"]
Permission = Literal["read", "control", "admin", "report", "none"]
"""What an endpoint needs; with "none" it is open to all."""

_PERMISSIONS: Final[Mapping[str, frozenset[str]]] = {
    "admin": frozenset({"read", "control", "admin", "report"}),
    "operator": frozenset({"read", "control"}),
    "viewer": frozenset({"read"}),
    "probe": frozenset({"report"}),
    "viewer+probe": frozenset({"read", "report"}),
    "none": frozenset(),
}
_OPERATORS = [
    control.START, control.STOP, control.RESTART, control.PAUSE, control.UNPAUSE, control.KILL,
    control.LOGS, control.INSPECT,
]  # fmt: skip
ALL = "*"
_PORT = re.compile(r":[0-9]*$")


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One token and whose it is."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    role: Role
    token: Annotated[str, Meta(min_length=16, max_length=1024)]


class AccessFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of tokens holds."""

    tokens: list[Token] = []
    controls: dict[Role, list[str]] = {}
    """Controls that a role may use, instead of the defaults; "*" is all of them."""


class Principal(NamedTuple):
    """Who asks."""

    name: str
    role: str


class DeniedError(Exception):
    """Not allowed: HTTP status (401 or 403) and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Access:
    """Decides."""

    def __init__(self, file: AccessFile, anonymous: str, *, is_local: bool = False) -> None:
        """``is_local`` gives nobody the anonymous role who asks for another host's name."""
        self._tokens = file.tokens
        self._anonymous = Principal("anonymous", anonymous)
        self._is_local = is_local
        self._controls: dict[str, frozenset[str]] = {
            "admin": frozenset({ALL}),
            "operator": frozenset(_OPERATORS),
        }
        self._controls.update({role: frozenset(every) for role, every in file.controls.items()})

    def check(self, scope: Scope, permission: Permission) -> Principal:
        """Who asks, if they may. Raises DeniedError."""
        who = self._who(scope)
        if permission == "none":
            return who
        if self._is_local and who is self._anonymous:
            _check_host(scope)
        if scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD"):
            _check_origin(scope)
        if permission not in _PERMISSIONS[who.role] and not self._has_controls(who, permission):
            if who is self._anonymous:
                raise DeniedError(401, "this needs a token: send Authorization: Bearer TOKEN")
            raise DeniedError(403, f"{who.name} has the role {who.role}, which may not do this")
        return who

    def may(self, who: Principal, name: str) -> bool:
        """Whether somebody may use a control."""
        allowed = self._controls.get(who.role, frozenset())
        return ALL in allowed or name in allowed

    def _has_controls(self, who: Principal, permission: str) -> bool:
        return permission == "control" and bool(self._controls.get(who.role))

    def _who(self, scope: Scope) -> Principal:
        given = _token_of(scope)
        if not given:
            return self._anonymous
        found = None
        for token in self._tokens:  # all of them, so that time tells nothing
            if hmac.compare_digest(token.token.encode(), given.encode()):
                found = Principal(token.name, token.role)
        if found is None:
            if not self._tokens:
                return self._anonymous
            raise DeniedError(401, "the token is not known")
        return found


def load(path: str, anonymous_role: str, host: str) -> Access:
    """Read the settings. Raises ConfigError."""
    known = ("", *_PERMISSIONS)
    if anonymous_role not in known:
        names = ", ".join(_PERMISSIONS)
        raise ConfigError(f"--anonymous-role: {anonymous_role!r} is none of {names}")
    file = _read(Path(path)) if path else AccessFile()
    if anonymous_role or file.tokens:
        return Access(file, anonymous_role or "none")
    is_local = _is_loopback(host)
    return Access(file, "admin" if is_local else "viewer+probe", is_local=is_local)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(path: Path) -> AccessFile:
    try:
        return msgspec.convert(yaml.safe_load(path.read_text()) or {}, AccessFile)
    except OSError as error:
        raise ConfigError(f"--access-file: cannot read {path}: {error.strerror}") from None
    except yaml.YAMLError:
        raise ConfigError(f"--access-file: {path} is not valid YAML") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"--access-file: {path} is not valid: {error}") from None


def _token_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return bytes(value[7:]).strip().decode("latin-1")
    if scope["type"] == "websocket":  # a browser cannot give one of these a header
        text: bytes = scope["query_string"]
        return parse_qs(text.decode("latin-1")).get("access_token", [""])[0]
    return ""


def _check_origin(scope: Scope) -> None:
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    if origin and origin.partition("://")[2] != host:
        raise DeniedError(403, f"a page of {origin[:200]} may not use this app")


def _check_host(scope: Scope) -> None:
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    if not _is_loopback(_PORT.sub("", host).strip("[]")):
        raise DeniedError(
            403, f"{host[:200]} is not this machine: ask for localhost, or set --anonymous-role"
        )
