"""`orchestrator top` as a person sees it: a real app, a pseudo-terminal, keys and signals."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import signal
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.monitoring.apps import an_app, report
from tests.support import eventually, free_port
from tests.support.relay import Relay

_COMMAND = (sys.executable, "-m", "orchestrator.cli.main", "top")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


async def _run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """As a script does: exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class Screen:
    """The pseudo-terminal of a running `top`, and all that was written to it."""

    def __init__(self, number: int, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.raw = ""
        self._number = number
        os.set_blocking(number, False)
        asyncio.get_running_loop().add_reader(number, self._read)

    def shows(self, text: str) -> bool:
        """Whether it was written since the last key."""
        return text in _CONTROL.sub("", self.raw)

    def type(self, keys: str) -> None:
        """Press keys."""
        self.raw = ""
        os.write(self._number, keys.encode())

    def echoes(self) -> bool:
        """Whether the terminal is as it was before."""
        flags: int = termios.tcgetattr(self._number)[3]
        return bool(flags & termios.ECHO)

    def close(self) -> None:
        """Read no more."""
        asyncio.get_running_loop().remove_reader(self._number)

    def _read(self) -> None:
        try:
            self.raw += os.read(self._number, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            self.close()


@asynccontextmanager
async def _terminal(*arguments: str, **environment: str) -> AsyncIterator[Screen]:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, *arguments, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    screen = Screen(ours, process)
    try:
        yield screen
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        screen.close()
        os.close(theirs)
        os.close(ours)


async def test_a_script_gets_json(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, _):
        await client.report(report("a", time.time()))
        code, out, err = await _run("containers", "web", "--json", "--app", client.url)
    assert (code, err) == (0, "")
    [container] = json.loads(out)
    assert (container["label"], container["minor"]) == ("web", "a")
    assert container["metrics"]["cpu_percent"] == 3.0


async def test_a_filter_leaves_out_what_does_not_pass(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, _):
        await client.report(report("a", time.time()))
        code, out, _ = await _run("containers", "cpu > 50%", "--json", "--app", client.url)
    assert (code, json.loads(out)) == (0, [])


async def test_a_pipe_gets_the_table_once_and_without_colour(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, _):
        await client.report(report("a", time.time()))
        code, out, _ = await _run("hosts", "--app", client.url)
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["NAME", "WHERE"], ["a", "a"]]
    assert "\x1b" not in out


async def test_an_app_that_is_not_there_is_one_sentence() -> None:
    code, out, err = await _run("--once", "--app", f"http://127.0.0.1:{free_port()}")
    assert (code, out) == (3, "")
    assert err.strip().endswith("cannot be reached: Connection refused")


async def test_a_view_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, _, err = await _run("ships", "--once")
    assert code == 2
    assert "no view 'ships'" in err


async def test_a_refused_token_is_one_sentence(tmp_path: Path) -> None:
    access = tmp_path / "access.yaml"
    access.write_text("tokens: [{name: ann, role: viewer, token: at-least-16-characters}]\n")
    settings = {"access_file": str(access), "anonymous_role": "none"}
    async with an_app(tmp_path / "data", **settings) as (client, _):
        code, _, err = await _run("--once", "--app", client.url)
        right, _, _ = await _run(
            "--once", "--app", client.url, ORCHESTRATOR_APP_TOKEN="at-least-16-characters"
        )
    assert code == 1
    assert "Traceback" not in err
    assert right == 0


async def test_the_screen_follows_the_app_and_the_keys(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, _):
        await client.report(report("host-a", time.time() - 5))
        async with _terminal("--app", client.url) as screen:
            await eventually(lambda: screen.shows("containers: 1"))
            await client.report(report("host-b", time.time()))
            await eventually(lambda: screen.shows("containers: 2"))
            screen.type("h")
            await eventually(lambda: screen.shows("hosts: 2"))
            screen.type("/host-b\r")
            await eventually(lambda: screen.shows("hosts: 1, by cpu, filter: host-b"))
            screen.type("q")
            assert await screen.process.wait() == 0
            assert screen.echoes()


async def test_ctrl_c_ends_it_and_gives_the_terminal_back(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, _):
        await client.report(report("a", time.time()))
        async with _terminal("--app", client.url) as screen:
            await eventually(lambda: screen.shows("containers: 1"))
            screen.process.send_signal(signal.SIGINT)
            assert await screen.process.wait() == 0
            assert screen.echoes()
            await eventually(lambda: "\x1b[?1049l" in screen.raw)  # the screen of before
            assert "Traceback" not in screen.raw


async def test_no_color_is_respected(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, _):
        await client.report(report("a", time.time()))
        async with _terminal("--app", client.url, NO_COLOR="1") as screen:
            await eventually(lambda: screen.shows("running"))
            assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", screen.raw)


async def test_an_app_that_comes_back_is_shown_again(tmp_path: Path) -> None:
    relay = Relay()
    async with (
        an_app(tmp_path) as (client, app),
        relay.serving() as url,
        _terminal("--app", url) as screen,
    ):
        await eventually(lambda: screen.shows("cannot be reached") or screen.shows("closed"))
        await client.report(report("a", time.time() - 5))
        relay.target = int(app.url.rpartition(":")[2])
        await eventually(lambda: screen.shows("containers: 1"))
        screen.type("x")  # does nothing; what was written before is not looked at again
        relay.cut()
        await eventually(lambda: screen.shows("closed") or screen.shows("cannot be reached"))
        await client.report(report("b", time.time()))
        relay.target = int(app.url.rpartition(":")[2])
        await eventually(lambda: screen.shows("containers: 2"))
        screen.type("q")
        assert await screen.process.wait() == 0
