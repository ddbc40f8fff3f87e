"""Tasks on the host's network keep to the ports they were given."""

from __future__ import annotations

import os

import pytest
from tests.integration.agent.conftest import Serve
from tests.integration.agent.fake_master import FakeMaster, task
from tests.support import free_ports

from orchestrator.mesos.types import TaskState

LISTEN = (
    "exec python3 -c \"import socket, time; s = socket.create_server(('', {})); time.sleep(99)\""
)


@pytest.mark.skipif(os.geteuid() != 0, reason="processes are told apart by their cgroups")
async def test_a_task_that_takes_a_port_of_others_is_ended_and_says_which(
    serve: Serve, master: FakeMaster
) -> None:
    first = free_ports(4)
    settings = {
        "resources": f"cpus:4;mem:1024;disk:100;ports:[{first}-{first + 3}]",
        "enforce_container_ports": True,
        "container_ports_watch_interval_s": 0.1,
    }
    async with serve(**settings):
        own = f"cpus:0.1;mem:32;ports:[{first}-{first}]"
        await master.run(task("good", LISTEN.format(first), resources=own))
        await master.status("good", TaskState.RUNNING)
        own = f"cpus:0.1;mem:32;ports:[{first + 1}-{first + 1}]"
        await master.run(task("bad", LISTEN.format(first + 2), resources=own))
        status = await master.status("bad", TaskState.FAILED)
        assert status.reason == "REASON_CONTAINER_LIMITATION"
        told = f"The task listens on port {first + 2}, which it has not been given"
        assert status.message is not None and told in status.message
        assert master.states("good")[-1] is TaskState.RUNNING
