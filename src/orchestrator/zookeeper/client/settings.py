"""What a client is told: where the ensemble is, who the client is, and its bounds."""

from __future__ import annotations

import ssl

import msgspec

from orchestrator.zookeeper.uri import ZooKeeperUri

DEFAULT_PACKET_BYTES = 2**20 - 1
"""``jute.maxbuffer`` where nobody set it."""


class SaslCredentials(msgspec.Struct, frozen=True):
    """Who logs in by SASL's DIGEST-MD5, as in the server's JAAS file."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"SaslCredentials({self.user!r})"


class ClientSettings(msgspec.Struct, frozen=True):
    """``root`` is below what all paths are ("" or a path). ``digests`` are ``user:password``.

    ``max_packet_bytes`` is the servers' ``jute.maxbuffer``: longer requests are refused before
    they are sent. ``max_reply_bytes`` bounds what is read. ``max_requests`` and
    ``max_requests_bytes`` bound what is under way. ``renew``: begin a new session when one has
    expired, instead of ending.
    """

    hosts: tuple[tuple[str, int], ...]
    root: str = ""
    session_timeout_ms: int = 30_000
    digests: tuple[str, ...] = ()
    sasl: SaslCredentials | None = None
    tls: ssl.SSLContext | None = None
    max_packet_bytes: int = DEFAULT_PACKET_BYTES
    max_reply_bytes: int = 64 * 2**20
    max_requests: int = 2_000
    max_requests_bytes: int = 8 * 2**20
    renew: bool = False

    def __repr__(self) -> str:
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"ClientSettings({hosts}{self.root})"


def of_uri(uri: ZooKeeperUri) -> ClientSettings:
    """The settings of a ``zk://`` address, all else by default; change them with
    ``msgspec.structs.replace``."""
    digests = (uri.credentials,) if uri.credentials else ()
    return ClientSettings(uri.hosts, "" if uri.path == "/" else uri.path, digests=digests)
