"""Sessions in containers of a real Docker Engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.agent.conftest import Serve
from tests.integration.agent.docker_containers import docker_task
from tests.integration.agent.fake_master import FakeMaster
from tests.integration.agent.operating import Json, Operator, operator_of, size, stdin
from tests.support import eventually
from tests.support.docker_engine import DockerEngine

from orchestrator.mesos.types import TaskState as State
from orchestrator.mesos.types import TTYInfo, WindowSize


@pytest.fixture
async def operator(serve: Serve, clean_engine: DockerEngine) -> AsyncIterator[Operator]:
    async with serve(docker_socket=str(clean_engine.socket)) as agent:
        await eventually(lambda: agent.agent_id)
        async with operator_of(agent) as operator:
            yield operator


async def running(master: FakeMaster, script: str = "sleep 1000", **fields: Any) -> Json:
    await master.run(docker_task("d", script, **fields))
    status = await master.status("d", State.RUNNING)
    assert status.container_status
    assert status.container_status.container_id
    return {"value": status.container_status.container_id.value}


async def test_a_command_runs_inside_with_its_streams_apart(
    master: FakeMaster, operator: Operator
) -> None:
    parent = await running(master)
    script = "cat; echo $MESOS_TASK_ID; echo wrong >&2; exit 7"
    async with operator.session(parent, "sh", "-c", script) as output:
        assert await operator.give(output.id, stdin(b"in\n"), stdin(b"")) == (200, "")
        await output.rest()
    assert (output.stdout, output.stderr) == (b"in\nd\n", b"wrong\n")
    assert await operator.exit_status(output.id) == 7 << 8


async def test_a_command_inside_ends_when_nobody_reads_it_any_more(
    master: FakeMaster, operator: Operator, clean_engine: DockerEngine
) -> None:
    parent = await running(master)
    async with operator.session(parent, "sh", "-c", "echo x; sleep 1234") as output:
        await output.until(b"x")
        output.response.close()
    assert await operator.exit_status(output.id) == 137 << 8
    async with operator.session(parent, "sh", "-c", "ls -d /proc/[0-9]*") as output:
        await output.rest()
    assert len(output.stdout.splitlines()) <= 3  # the task, the shell, ls


async def test_a_command_inside_has_a_terminal_that_is_resized(
    master: FakeMaster, operator: Operator
) -> None:
    parent = await running(master)
    script = 'test -t 0 && echo terminal; read line; echo "<$line>"'
    tty = {"window_size": {"rows": 24, "columns": 80}}
    async with operator.session(parent, "sh", "-c", script, tty=tty) as output:
        await output.until(b"terminal")
        await operator.give(output.id, size(0, 0), size(50, 132), stdin(b"hello\n"))
        await output.until(b"<hello>")
        await output.rest()
    assert await operator.exit_status(output.id) == 0


async def test_a_task_with_a_terminal_is_attached_to(
    master: FakeMaster, operator: Operator
) -> None:
    tty = TTYInfo(window_size=WindowSize(rows=24, columns=80))
    heard = 'while read line; do echo "<$line>"; done'
    parent = await running(master, heard, tty_info=tty)
    for word in (b"one", b"two"):  # whoever leaves may come back
        async with operator.attached(parent) as output:
            assert await operator.give(parent, size(10, 20), stdin(word + b"\n")) == (200, "")
            await output.until(b"<" + word + b">")
    async with operator.attached(parent) as output:
        await operator.give(parent, stdin(b"\x04"))
        await output.rest()
    await master.status("d", State.FINISHED)
    assert await operator.exit_status(parent) == 0


async def test_images_that_nothing_uses_are_pruned(operator: Operator) -> None:
    assert await operator.call("PRUNE_IMAGES") == (200, "")
