"""How Marathon speaks to a master: in which form, as whom, and whose certificates it trusts."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple

import aiohttp
from yarl import URL

from orchestrator.marathon.config import MarathonConfig
from orchestrator.mesos import media
from orchestrator.mesos.media import Media
from orchestrator.runtime.config import ConfigError
from orchestrator.zookeeper import uri


class Access(NamedTuple):
    """What all requests to a master have in common."""

    media: Media = media.JSON
    authorization: str | None = None
    tls: ssl.SSLContext | None = None  # None: the system's certificates, and http for leaders

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        headers = {"Content-Type": self.media.type, "Accept": self.media.type}
        return headers | ({"Authorization": self.authorization} if self.authorization else {})

    def located(self, leader: str) -> URL:
        """A leader that the ensemble names: it does not say whether it speaks TLS."""
        return URL(leader).with_scheme("https") if self.tls else URL(leader)


def access(config: MarathonConfig) -> Access:
    """As the settings say. Raises ConfigError."""
    form = media.PROTOBUF if config.master_encoding == "protobuf" else media.JSON
    return Access(form, _authorization(config), _tls(config.master_ca_file))


def _authorization(config: MarathonConfig) -> str | None:
    if config.secret and config.secret_file:
        raise ConfigError("give either --secret or --secret-file, not both")
    if not config.principal:
        if config.secret or config.secret_file:
            raise ConfigError("a secret needs the --principal that it is of")
        return None
    secret = _secret_in(config.secret_file) if config.secret_file else config.secret
    return aiohttp.encode_basic_auth(config.principal, secret)


def _secret_in(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(f"--secret-file {file} cannot be read: {reason}") from None


def _tls(ca_file: str) -> ssl.SSLContext | None:
    if not ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"--master-ca-file {ca_file} cannot be used: {reason}") from None


def master_url(text: str) -> str:
    """Where the master is, given as URL or host:port."""
    try:
        url = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(f"--master {text} is neither a URL nor host:port")
    return str(url.origin())


def ensemble(master: str) -> uri.ZooKeeperUri | None:
    """The ensemble that says who leads, where the setting names one."""
    try:
        return uri.parse(master) if uri.is_zookeeper(master) else None
    except uri.UriError as error:
        raise ConfigError(f"--master: {error}") from None
