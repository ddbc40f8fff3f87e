"""`orchestrator exec` as a program, in a pipe and in a terminal, beside real tasks."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from tests.integration.agent.fake_master import AGENT, FakeMaster, task

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import ContainerInfo, TTYInfo
from orchestrator.mesos.types import TaskState as State

CLI = (sys.executable, "-m", "orchestrator.cli.main")


@pytest.fixture
async def master_url(master: FakeMaster, agent: RunningAgent) -> AsyncIterator[str]:
    """Where a master tells which agent runs what."""

    async def tasks(_: web.Request) -> web.Response:
        shown = [
            {
                "id": status.task_id.value,
                "slave_id": AGENT.value,
                "state": "TASK_RUNNING",
                "statuses": [{"container_status": {"container_id": {"value": _container(status)}}}],
            }
            for status in master.statuses
            if status.state is State.RUNNING
        ]
        return web.json_response({"tasks": shown})

    async def slaves(_: web.Request) -> web.Response:
        pid = f"slave(1)@{agent.url.removeprefix('http://')}"
        one = {"id": AGENT.value, "hostname": "h", "pid": pid, "active": True}
        return web.json_response({"slaves": [one]})

    app = web.Application()
    app.router.add_get("/tasks", tasks)
    app.router.add_get("/slaves", slaves)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await master.run(task("web.instance-1", "sleep 1000"), task("db.instance-2", "sleep 1000"))
    for name in ("web.instance-1", "db.instance-2"):
        await master.status(name, State.RUNNING)
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def _container(status: object) -> str:
    return str(status.container_status.container_id.value)  # type: ignore[attr-defined]


async def run(master_url: str, *args: str, stdin: bytes = b"") -> tuple[int | None, bytes, bytes]:
    program = await asyncio.create_subprocess_exec(
        *CLI,
        *args,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"ORCHESTRATOR_MASTER_URL": master_url},
    )
    async with asyncio.timeout(60):
        out, err = await program.communicate(stdin)
    return program.returncode, out, err


async def test_a_command_runs_and_its_exit_code_is_passed_on(master_url: str) -> None:
    script = "echo out; echo err >&2; exit 5"
    assert await run(master_url, "exec", "web", "--", "sh", "-c", script) == (5, b"out\n", b"err\n")
    assert (await run(master_url, "exec", "/web", "--", "sh", "-c", "kill -9 $$"))[0] == 137


async def test_input_is_piped_in(master_url: str) -> None:
    data = os.urandom(500_000)
    assert await run(master_url, "exec", "-i", "web", "cat", stdin=data) == (0, data, b"")


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (("exec", "nobody", "true"), 4, b"no task whose id begins with 'nobody' runs"),
        (("exec", "-t", "web", "true"), 1, b"needs a terminal"),
        (("exec", "web", "/no/such"), 1, b"cannot be started: No such file"),
        (("attach", "web"), 1, b"I/O switchboard server was disabled"),
        (("exec", "", "true"), 1, b"2 tasks are called like that"),
    ],
)
async def test_what_cannot_be_done_is_a_sentence(
    master_url: str, args: tuple[str, ...], code: int, sentence: bytes
) -> None:
    found, _, err = await run(master_url, *args)
    assert found == code
    assert sentence in err
    assert b"Traceback" not in err


@asynccontextmanager
async def in_terminal(master_url: str, *args: str) -> AsyncIterator[Screen]:
    ours, theirs = os.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    program = await asyncio.create_subprocess_exec(
        *CLI,
        *args,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"ORCHESTRATOR_MASTER_URL": master_url},
    )
    try:
        yield Screen(program, ours)
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
        os.close(ours)
        os.close(theirs)


class Screen:
    """What is seen in a terminal, and what is typed there."""

    def __init__(self, program: asyncio.subprocess.Process, terminal: int) -> None:
        self.program = program
        self.terminal = terminal
        self.seen = b""

    def types(self, keys: bytes) -> None:
        os.write(self.terminal, keys)

    async def until(self, wanted: bytes) -> None:
        try:
            async with asyncio.timeout(60):
                while wanted not in self.seen:
                    self.seen += await asyncio.to_thread(os.read, self.terminal, 4096)
        except TimeoutError:
            raise AssertionError(f"there is no {wanted!r}: {self.seen!r}") from None

    @property
    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.terminal)[3] & termios.ICANON


async def test_a_terminal_is_given_over_and_comes_back(master_url: str) -> None:
    async with in_terminal(master_url, "exec", "-it", "web", "--", "sh", "-i") as screen:
        screen.types(b"stty size; echo $((6*7))\r")
        await screen.until(b"42\r\n")
        assert b"33 77" in screen.seen
        assert screen.is_raw
        fcntl.ioctl(screen.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 30, 0, 0))
        os.kill(screen.program.pid, 28)  # SIGWINCH, as it has no controlling terminal here
        screen.types(b"sh -c 'echo slee\"\"ping; exec sleep 100'\r")
        await screen.until(b"sleeping\r\n")
        screen.types(b"\x03")
        await screen.until(b"^C")
        screen.types(b"while [ \"$(stty size)\" != '20 30' ]; do :; done; echo resi''zed; exit 9\r")
        await screen.until(b"resized")
        assert await screen.program.wait() == 9
        assert not screen.is_raw


async def test_a_task_in_a_terminal_is_attached_to_and_left_again(
    master: FakeMaster, master_url: str
) -> None:
    tty = ContainerInfo(type="MESOS", tty_info=TTYInfo())
    script = 'while read line; do [ "$line" = end ] && exit 7; echo "<$line>"; done'
    await master.run(task("tty", script, container=tty))
    await master.status("tty", State.RUNNING)
    async with in_terminal(master_url, "attach", "tty") as screen:
        screen.types(b"one\r")
        await screen.until(b"<one>")
        screen.types(b"\x10\x11")
        assert await screen.program.wait() == 0
    async with in_terminal(master_url, "attach", "tty") as screen:
        screen.types(b"two\r")
        await screen.until(b"<two>")
        screen.types(b"end\r")
        assert await screen.program.wait() == 7
