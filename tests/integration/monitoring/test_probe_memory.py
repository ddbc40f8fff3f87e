"""What has ended and was told is freed at once, as the probe's collector hardly ever runs."""

from __future__ import annotations

import gc
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.integration.monitoring.probes import HOST, joined
from tests.support import eventually

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.source import Connections
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Setup


@pytest.fixture
def connections() -> Iterator[Connections]:
    table = ProcessTable()
    table.refresh(time.time())
    source = Connections(Setup(ProbeConfig(), HOST, Hiding(), table))
    gc.disable()
    yield source
    gc.enable()
    source.close()
    table.close()


async def test_both_ends_of_a_connection_that_is_over_are_freed(connections: Connections) -> None:
    with ExitStack() as stack:
        pairs = [stack.enter_context(joined()) for _ in range(5)]
        ends = {_ends(one) for pair in pairs for one in pair}
        connections.report(0.0)
        assert len(_known(ends)) == 10
    await _are_freed(connections, ends)


async def test_so_are_those_of_one_whose_ends_are_closed_one_after_the_other(
    connections: Connections,
) -> None:
    with joined() as (opener, accepted):
        ends = {_ends(opener), _ends(accepted)}
        connections.report(0.0)
        opener.close()
        connections.report(1.0)
    await _are_freed(connections, ends)


async def _are_freed(connections: Connections, ends: set[Ends]) -> None:
    """Soon: the kernel takes a moment to close what the other end has closed before."""

    def is_freed() -> bool:
        connections.report(2.0)
        return not _known(ends)

    await eventually(is_freed, 10)


def _ends(one: socket.socket) -> Ends:
    return Ends(*one.getsockname(), *one.getpeername())


def _known(ends: set[Ends]) -> list[Known]:
    return [one for one in gc.get_objects() if isinstance(one, Known) and one.ends in ends]
