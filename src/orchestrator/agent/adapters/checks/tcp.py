"""Tries whether a port takes connections."""

from __future__ import annotations

from orchestrator.agent.adapters.checks.sockets import Sockets, connect
from orchestrator.agent.core.checking.probe import TcpProbe, TcpTried

LOOPBACK = {False: "127.0.0.1", True: "::1"}


async def try_tcp(sockets: Sockets, pid: int | None, probe: TcpProbe) -> TcpTried:
    """Connect and hang up. Raises NoSocketError."""
    with await sockets.open(pid, is_ipv6=probe.is_ipv6) as made:
        try:
            await connect(made, (LOOPBACK[probe.is_ipv6], probe.port))
        except OSError:
            return TcpTried(succeeded=False)
        return TcpTried(succeeded=True)
