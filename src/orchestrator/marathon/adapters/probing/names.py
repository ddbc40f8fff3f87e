"""The addresses of hosts, remembered for a while: agents are few and are asked about often."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

_FRESH_S = 30.0
_MAX_NAMES = 50_000
_THREADS = 4
Key = tuple[str, bool]


class Names:
    """Resolves names in a few threads of its own; ``close`` ends them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="names-of-agents")
        self._known: dict[Key, tuple[float, asyncio.Future[str]]] = {}

    def close(self) -> None:
        """Resolve no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def address_of(self, host: str, is_ipv6: bool) -> str:
        """An address of the host, of the family wanted if it has one. Raises OSError."""
        if _is_address(host):
            return host
        loop = asyncio.get_running_loop()
        key = (host, is_ipv6)
        known = self._known.get(key)
        if known is None or known[0] < loop.time() or _has_failed(known[1]):
            if len(self._known) >= _MAX_NAMES:
                self._known.clear()
            found = loop.run_in_executor(self._threads, _resolve, host, is_ipv6)
            known = self._known[key] = (loop.time() + _FRESH_S, found)
        return await asyncio.shield(known[1])  # others may wait for the same


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _has_failed(found: asyncio.Future[str]) -> bool:
    return found.done() and (found.cancelled() or found.exception() is not None)


def _resolve(host: str, is_ipv6: bool) -> str:
    wanted = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    found.sort(key=lambda entry: entry[0] != wanted)
    return str(found[0][4][0])
