"""Tasks that run in a terminal: attached to, left again, and not ended by any of that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.agent.asking import sandbox_of
from tests.integration.agent.conftest import Serve
from tests.integration.agent.fake_master import FakeMaster, task
from tests.integration.agent.operating import Json, operator_of, size, stdin
from tests.support import eventually

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import CommandInfo, ContainerInfo, TTYInfo, WindowSize
from orchestrator.mesos.types import TaskState as State

ECHO = 'stty size; while read line; do [ "$line" = end ] && exit 7; echo "<$line>"; stty size; done'
TTY = ContainerInfo(type="MESOS", tty_info=TTYInfo(window_size=WindowSize(rows=10, columns=20)))


async def running(master: FakeMaster, script: str = ECHO, **fields: object) -> Json:
    await master.run(task("t", script, container=TTY, **fields))
    status = await master.status("t", State.RUNNING)
    assert status.container_status
    assert status.container_status.container_id
    return {"value": status.container_status.container_id.value}


async def test_a_task_in_a_terminal_is_written_to_and_its_end_is_its_own(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    container = await running(master)
    async with operator_of(agent) as operator:
        async with operator.attached(container) as output:
            assert await operator.give(container, stdin(b"one\n")) == (200, "")
            await output.until(b"<one>\r\n10 20")
            await operator.give(container, size(50, 132), stdin(b"two\n"))
            await output.until(b"<two>\r\n50 132")
        async with operator.attached(container) as first, operator.attached(container) as second:
            await operator.give(container, stdin(b"three\n"))
            await first.until(b"<three>")
            await second.until(b"<three>")
            async with operator.session(container, "echo", "beside") as beside:
                assert (await beside.rest()).stdout == b"beside\n"
            await operator.give(container, stdin(b"end\n"))
            await first.rest()
            await second.rest()
        await master.status("t", State.FAILED)
        assert await operator.exit_status(container) == 7 << 8
        assert await operator.give(container, stdin(b"late\n")) == (200, "")
    written = (sandbox_of(data_dir, "t") / "stdout").read_bytes()
    assert b"10 20\r\n" in written
    assert b"<one>" in written
    await eventually(lambda: not list((data_dir / "consoles").iterdir()))


async def test_a_terminal_outlives_the_agent(master: FakeMaster, serve: Serve) -> None:
    async with serve() as agent, operator_of(agent) as operator:
        container = await running(master)
        async with operator.attached(container) as output:
            await operator.give(container, stdin(b"before\n"))
            await output.until(b"<before>")
    async with serve() as agent, operator_of(agent) as operator:
        await eventually(lambda: agent.agent.is_recovered)
        async with operator.attached(container) as output:
            await operator.give(container, stdin(b"after\n"))
            await output.until(b"<after>")


async def test_a_task_in_a_terminal_is_killed_like_any_other(
    master: FakeMaster, agent: RunningAgent
) -> None:
    container = await running(master, "trap 'exit 3' TERM; while :; do sleep 0.1; done")
    async with operator_of(agent) as operator, operator.attached(container) as output:
        await master.kill("t")
        await master.status("t", State.KILLED)
        await output.rest()


async def test_a_terminal_that_nobody_reads_does_not_hold_its_task_up(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    script = "read line; yes 0123456789 | head -n 2000000; touch written; read line"
    container = await running(master, script)
    async with operator_of(agent) as operator:
        async with operator.attached(container):  # and it is never read
            await operator.give(container, stdin(b"go\n"))
            path = sandbox_of(data_dir, "t") / "written"
            await eventually(path.exists)
        async with operator.attached(container) as output:
            await operator.give(container, stdin(b"done\n"))
            await output.rest()
    await master.status("t", State.FINISHED)


async def test_what_cannot_be_started_in_a_terminal_fails_with_its_reason(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    command = CommandInfo(value="/no/such/program", shell=False)
    await master.run(task("t", container=TTY, command=command))
    await master.status("t", State.FAILED)
    said = (sandbox_of(data_dir, "t") / "stderr").read_text()
    assert said == "The command cannot be started: No such file or directory\n"


# --- in a container of runc ----------------------------------------------------------------------

needs_runc = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("runc") is None,
    reason="native containers need root and runc (Debian: runc)",
)
CONTAINED = replace(TTY, hostname="inside")


async def contained(master: FakeMaster, script: str, container: ContainerInfo = CONTAINED) -> Json:
    await master.run(task("t", script, container=container))
    status = await master.status("t", State.RUNNING)
    assert status.container_status
    assert status.container_status.container_id
    return {"value": status.container_status.container_id.value}


@needs_runc
async def test_a_container_in_a_terminal_is_written_to_and_its_end_is_its_own(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    container = await contained(master, f"hostname; {ECHO}")
    async with operator_of(agent) as operator:
        async with operator.attached(container) as output:
            await operator.give(container, stdin(b"one\n"))
            await output.until(b"<one>\r\n10 20")
            await operator.give(container, size(50, 132), stdin(b"two\n"))
            await output.until(b"<two>\r\n50 132")
            await operator.give(container, stdin(b"end\n"))
            await output.rest()
        failed = await master.status("t", State.FAILED)
        assert failed.message == "Command exited with status 7"
    stdout = sandbox_of(data_dir, "t") / "stdout"
    await eventually(lambda: stdout.read_bytes().endswith(b"end\r\n"))
    assert stdout.read_bytes().startswith(b"inside\r\n")
    await eventually(lambda: not list((data_dir / "consoles").iterdir()))


@needs_runc
async def test_a_container_in_a_terminal_outlives_the_agent_and_is_killed_like_any_other(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve() as agent:
        container = await contained(master, ECHO)
    async with serve() as agent, operator_of(agent) as operator:
        await eventually(lambda: agent.agent.is_recovered)
        async with operator.attached(container) as output:
            await operator.give(container, stdin(b"after\n"))
            await output.until(b"<after>")
            await master.kill("t")
            await master.status("t", State.KILLED)
            await output.rest()
        await eventually(lambda: not list((data_dir / "consoles").iterdir()))


@needs_runc
async def test_a_container_that_cannot_be_started_in_a_terminal_leaves_no_console(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    command = CommandInfo(value="/no/such/program", shell=False)
    await master.run(task("t", container=CONTAINED, command=command))
    failed = await master.status("t", State.FAILED)
    assert "/no/such/program" in (failed.message or "")
    await eventually(lambda: not list((data_dir / "consoles").iterdir()))
