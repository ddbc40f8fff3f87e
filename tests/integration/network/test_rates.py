"""A container's limits of its network rate hold: it tries to send, and to be sent, a lot more."""

from __future__ import annotations

import sys

from tests.integration.network.containers import container, joins
from tests.support.hosts import Host, Inside

from orchestrator.agent.adapters.network.networks import ContainerNetworks

LIMIT_MBITS = 10
TRIAL_S = 1.0

_SINK = """
import socket, sys
server = socket.create_server(("0.0.0.0", 5000))
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    while connection.recv(1 << 20):
        pass
    connection.close()
"""
_SOURCE = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 5000))
connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
end = time.monotonic() + float(sys.argv[2])
connection.settimeout(0.05)
sent = 0
while time.monotonic() < end:
    try:
        sent += connection.send(bytes(1 << 16))
    except TimeoutError:
        pass
print(sent * 8 / 1e6 / float(sys.argv[2]))
"""


def mbits(source: Inside, sink: Inside, address: str) -> float:
    """How much comes from one to the other within a second."""
    try:
        sink.start("ready", sys.executable, "-S", "-c", _SINK)
        words = (sys.executable, "-S", "-c", _SOURCE, address, str(TRIAL_S))
        return float(source.run(*words))
    finally:
        sink.end()


async def test_the_rates_of_a_container_hold_in_both_directions(
    networks: ContainerNetworks, host: Host
) -> None:
    limit = str(LIMIT_MBITS)
    labels = {"network_egress_mbits": limit, "network_ingress_mbits": limit}
    limited = await networks.attach(container("c1", joins(labels=labels)))
    free = await networks.attach(container("c2", joins()))
    try:
        inside, address = Inside(limited.namespace or ""), limited.ip_addresses[0]
        unlimited = Inside(free.namespace or "")
        assert mbits(unlimited, host, "10.214.0.1") > LIMIT_MBITS * 10
        assert mbits(inside, host, "10.214.0.1") < LIMIT_MBITS * 3
        assert mbits(host, inside, address) < LIMIT_MBITS * 3
    finally:
        await networks.detach("c1")
        await networks.detach("c2")
