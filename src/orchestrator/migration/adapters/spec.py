"""A sync as it is asked for, kept and shown: two ensembles, the engine's settings, thresholds."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from orchestrator.migration.core.settings import Settings
from orchestrator.zookeeper import uri
from orchestrator.zookeeper.client import ClientSettings, SaslCredentials, TlsError, tls_context
from orchestrator.zookeeper.client.settings import DEFAULT_PACKET_BYTES
from orchestrator.zookeeper.stream import Entry

_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_MOST_MEMBERS = 100


class SpecError(ValueError):
    """What cannot work about a sync, as a sentence."""


class EnsembleSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an ensemble is and who we are there; files are on the server of the sync.

    ``tls`` alone trusts the system's CAs; ``max_packet_bytes`` is its ``jute.maxbuffer``.
    ``source`` is how it is followed: by its transaction stream, by watches, or by the stream if it
    can be had. ``quorum`` are ``host:port`` of its members' quorum ports, where they are not as its
    configuration has them; ``quorum_tls`` and what else begins so is for these ports (the servers'
    ``sslQuorum`` and ``quorum.auth.enableSasl``).
    """

    address: str
    source: Literal["auto", "stream", "watch"] = "auto"
    quorum: Annotated[tuple[str, ...], Meta(max_length=_MOST_MEMBERS)] = ()
    sasl_user: str = ""
    sasl_password_file: str = ""
    tls: bool = False
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    quorum_sasl_user: str = ""
    quorum_sasl_password_file: str = ""
    quorum_tls: bool = False
    quorum_tls_ca: str = ""
    quorum_tls_cert: str = ""
    quorum_tls_key: str = ""
    max_packet_bytes: Annotated[int, Meta(ge=1_024)] = DEFAULT_PACKET_BYTES
    session_timeout_ms: Annotated[int, Meta(ge=1_000, le=600_000)] = 30_000


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Past these an alert is given, once until it is over again; 0: never."""

    lag_s: Annotated[float, Meta(ge=0)] = 10.0
    queue: Annotated[int, Meta(ge=0)] = 100_000
    held: Annotated[int, Meta(ge=0)] = 1
    webhook: str = ""


class SyncSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What keeps ``a`` and ``b`` equal. So often both are read afresh and compared; 0: never."""

    name: Annotated[str, Meta(pattern=_NAME)]
    a: EnsembleSpec
    b: EnsembleSpec
    settings: Settings = Settings()
    thresholds: Thresholds = Thresholds()
    verify_every_s: Annotated[float, Meta(ge=0)] = 3_600.0


def client_settings(spec: EnsembleSpec) -> ClientSettings:
    """For a client of the ensemble. Raises SpecError."""
    try:
        parsed = uri.parse(spec.address, root_allowed=True)
    except uri.UriError as error:
        raise SpecError(str(error)) from None
    return ClientSettings(
        parsed.hosts,
        "" if parsed.path == "/" else parsed.path,
        session_timeout_ms=spec.session_timeout_ms,
        digests=(parsed.credentials,) if parsed.credentials else (),
        sasl=_sasl(spec.sasl_user, spec.sasl_password_file),
        tls=_tls(spec.tls, spec.tls_ca, spec.tls_cert, spec.tls_key),
        max_packet_bytes=spec.max_packet_bytes,
    )


def quorum_ports(spec: EnsembleSpec) -> tuple[tuple[str, int], ...]:
    """Those that are named. Raises SpecError."""
    found = []
    for place in spec.quorum:
        host, _, port = place.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            raise SpecError(f"quorum: {place!r} is no host:port")
        found.append((host.strip("[]"), int(port)))
    return tuple(found)


def quorum_entry(spec: EnsembleSpec) -> Entry:
    """How its quorum ports are entered. Raises SpecError."""
    return Entry(
        _tls(spec.quorum_tls, spec.quorum_tls_ca, spec.quorum_tls_cert, spec.quorum_tls_key),
        _sasl(spec.quorum_sasl_user, spec.quorum_sasl_password_file),
    )


def shown(spec: SyncSpec) -> SyncSpec:
    """As it may be shown: without passwords."""
    hidden = [
        msgspec.structs.replace(each, address=uri.without_credentials(each.address))
        for each in (spec.a, spec.b)
    ]
    return msgspec.structs.replace(spec, a=hidden[0], b=hidden[1])


def _tls(wanted: bool, *names: str) -> ssl.SSLContext | None:
    files = [name or None for name in names]
    try:
        return tls_context(*files) if wanted or any(files) else None
    except TlsError as error:
        raise SpecError(str(error)) from None


def _sasl(user: str, password_file: str) -> SaslCredentials | None:
    if not user:
        return None
    try:
        password = Path(password_file).read_text().strip()
    except OSError as error:
        raise SpecError(f"{password_file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{password_file}: it is no text in UTF-8") from None
    return SaslCredentials(user, password)
