"""A task that listens on a port it was not given is found among the processes of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.integration.network.containers import container, joins
from tests.support import free_ports

from orchestrator.agent.adapters.network.listening import PortWatch

_LISTEN = """
import socket, sys, time
server = socket.create_server(("", int(sys.argv[1])), family=getattr(socket, sys.argv[2]))
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def listening(port: int, family: str = "AF_INET") -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", _LISTEN, str(port), family],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.communicate()


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
async def test_who_listens_on_another_s_port_is_named_with_the_port(family: str) -> None:
    first = free_ports(4)
    good = container("good", resources=f"ports:[{first}-{first}]")
    bad = container("bad", resources=f"ports:[{first + 1}-{first + 1}]")
    inside = container("inside", joins(), resources="cpus:1")  # has ports of its own namespace
    told: list[tuple[str, str]] = []
    with listening(first, family) as one, listening(first + 2, family) as other:
        watch = PortWatch(
            [(first, first + 3)],
            lambda: [good, bad, inside],
            lambda: {"good": [one], "bad": [other, os.getpid()], "inside": [other]},
            lambda *stray: told.append(stray),
        )
        await watch.look()
    message = f"The task listens on port {first + 2}, which it has not been given"
    assert told == [("bad", message)]
    await watch.look()
    assert len(told) == 1
