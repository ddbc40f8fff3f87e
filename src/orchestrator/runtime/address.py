"""The address under which others find a server, from the one that it listens on."""

from __future__ import annotations

import socket

from orchestrator.runtime.config import ConfigError

ANY = "0.0.0.0"


def ip_of(host: str, towards: tuple[str, int] | None = None) -> str:
    """The IPv4 address to advertise; ``towards`` is a host that it should be good for.

    Raises ConfigError.
    """
    try:
        address = socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0]
    except OSError:
        raise ConfigError(f"--host {host} has no IPv4 address to advertise") from None
    return _own_address(towards) if address == ANY else str(address)


def _own_address(towards: tuple[str, int] | None) -> str:
    try:
        if towards is None:
            return str(socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)[0][4][0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(towards)  # sends nothing, but chooses the way
            return str(probe.getsockname()[0])
    except OSError:
        return "127.0.0.1"
