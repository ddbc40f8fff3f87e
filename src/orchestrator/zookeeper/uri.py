"""``zk://[user:password@]host[:port][,host[:port]...]/path``, as Mesos and pymesos write it."""

from __future__ import annotations

import msgspec

_SCHEMES = ("zk://", "zoo://")
_DEFAULT_PORT = 2181


class UriError(ValueError):
    """The text does not name an ensemble; the text of the error is one sentence."""


class ZooKeeperUri(msgspec.Struct, frozen=True):
    """An ensemble and a path on it; ``credentials`` ("user:password") authenticate by digest."""

    hosts: tuple[tuple[str, int], ...]
    path: str
    credentials: str | None = None

    @property
    def connect_string(self) -> str:
        """``host:port,host:port``."""
        return ",".join(f"{host}:{port}" for host, port in self.hosts)

    def __str__(self) -> str:
        """For logs: without the password."""
        return f"zk://{self.connect_string}{self.path}"


def is_zookeeper(text: str) -> bool:
    """Whether a setting names an ensemble and not a server."""
    return text.startswith(_SCHEMES)


def parse(text: str, *, root_allowed: bool = False) -> ZooKeeperUri:
    """Read a URI; one without a path names the root, if that is allowed. Raises UriError."""
    scheme = next((scheme for scheme in _SCHEMES if text.startswith(scheme)), None)
    if scheme is None:
        raise UriError(f"{without_credentials(text)} does not begin with zk://")
    authority, slash, path = text.removeprefix(scheme).partition("/")
    credentials, at, hosts = authority.rpartition("@")
    if at and not all(credentials.partition(":")):
        raise UriError(f"{without_credentials(text)}: before the @ must stand user:password")
    return ZooKeeperUri(
        hosts=tuple(_host(part, text) for part in hosts.split(",")),
        path="/" if root_allowed and not path.strip("/") else _path(slash + path, text),
        credentials=credentials or None,
    )


def _host(part: str, text: str) -> tuple[str, int]:
    host, colon, port = part.strip().partition(":")
    if not host or (colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise UriError(f"{without_credentials(text)}: '{part}' is not host:port")
    return host, int(port) if colon else _DEFAULT_PORT


def _path(path: str, text: str) -> str:
    path = path.rstrip("/")
    if not path:  # detectors take every child for a master, and the root has others
        raise UriError(f"{without_credentials(text)} needs a path, such as /mesos, after the hosts")
    if any(name in ("", ".", "..") for name in path.split("/")[1:]):
        raise UriError(f"{without_credentials(text)}: {path} is not a path of ZooKeeper")
    return path


def without_credentials(text: str) -> str:
    """The setting as it may be shown."""
    scheme, slashes, rest = text.partition("://")
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"
