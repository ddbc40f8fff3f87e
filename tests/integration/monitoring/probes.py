"""Real probes for the tests, in this process, and what they make of this machine."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.server import RunningProbe, serve_probe
from orchestrator.monitoring.report import Node, Report

HOST = "machine"


@asynccontextmanager
async def probing(app: str, **settings: Any) -> AsyncIterator[RunningProbe]:
    """A probe that reports to an app every second."""
    defaults: dict[str, Any] = {
        "app": app,
        "port": 0,
        "interval_s": 1.0,
        "host_id": HOST,
        "docker_socket": "",
        "resolve_names": False,
    }
    async with serve_probe(ProbeConfig(**{**defaults, **settings})) as probe:
        yield probe


def by_id(report: Report, topology: Any) -> dict[str, Node]:
    """The nodes of a topology."""
    return {node.id: node for node in report.nodes.get(topology, [])}


@contextmanager
def program(code: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program of its own that runs until the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def joined() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a TCP connection: who opened it, and who accepted it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        opener = stack.enter_context(socket.create_connection(listener.getsockname()))
        accepted, _ = listener.accept()
        yield opener, stack.enter_context(accepted)


def carry(source: socket.socket, target: socket.socket, size: int) -> None:
    """Send so many bytes, and read them."""
    left = size
    while left:
        source.sendall(bytes(min(left, 32768)))
        read = 0
        while read < min(left, 32768):
            read += len(target.recv(65536))
        left -= read
