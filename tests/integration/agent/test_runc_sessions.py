"""Commands in a container of runc, made by the test: streams, a terminal, and the end."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.support import images

from orchestrator.agent.adapters.checks.beside import HostBeside
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.native.runc import Runc
from orchestrator.agent.adapters.sessions.host import HostPlace
from orchestrator.agent.adapters.sessions.running import Command, Running
from orchestrator.agent.core.task import Container, Containerizer
from orchestrator.mesos.agent_api import DataType
from orchestrator.mesos.types import CommandInfo, TTYInfo, WindowSize

ID = "session-test"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """runc's directory, with a container that sleeps."""
    if shutil.which("runc") is None or os.geteuid() != 0:
        reason = "containers need runc (Debian: runc) and root"
        if os.environ.get("CI") == "true":
            raise RuntimeError(reason)
        pytest.skip(reason)
    bundle = tmp_path_factory.mktemp("bundle")
    with tarfile.open(fileobj=io.BytesIO(images.root_file_system())) as archive:
        archive.extractall(bundle / "rootfs")
    subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"] |= {"args": ["sleep", "1000"], "terminal": False}
    (bundle / "config.json").write_text(json.dumps(config))
    state = bundle / "state"
    runc = ["runc", "--root", str(state)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run([*runc, "run", "--detach", ID], cwd=bundle, check=True, **streams)  # type: ignore[call-overload]
    yield state
    subprocess.run([*runc, "delete", "--force", ID], check=True)


async def start(state: Path, tmp_path: Path, script: str, tty: TTYInfo | None = None) -> Running:
    around = Surroundings(ip="127.0.0.1", port=1)
    runc = Runc(state)
    plain, in_terminal = (
        HostBeside(
            tmp_path,
            around,
            switch_user=False,
            enter=lambda container, variables, pid_file, has_terminal=has_terminal: runc.enter(  # type: ignore[misc]
                container.id, variables, pid_file, has_terminal=has_terminal
            ),
        )
        for has_terminal in (False, True)
    )
    container = Container(
        id=ID,
        containerizer=Containerizer.MESOS,
        framework_id="f",
        framework_user="root",
        agent_id="a",
        executor_id="e",
    )
    return await HostPlace(plain, in_terminal).start(
        container, Command(info=CommandInfo(value=script), tty=tty)
    )


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def read(running: Running) -> dict[DataType, bytes]:
    found = {DataType.STDOUT: b"", DataType.STDERR: b""}
    async with asyncio.timeout(60), aclosing(running.output()) as pieces:
        async for type_, data in pieces:
            found[type_] += data
    return found


async def test_a_command_runs_inside(state: Path, tmp_path: Path) -> None:
    running = await start(state, tmp_path, "cat; ls / >&2; exit 3")
    await running.write(b"in")
    await running.end_input()
    found = await read(running)
    assert found[DataType.STDOUT] == b"in"
    assert b"rootfs" not in found[DataType.STDERR]
    assert b"proc" in found[DataType.STDERR]
    assert (await running.end()).code == 3
    await running.close()
    assert not files_below(tmp_path)


async def test_a_terminal_inside_has_the_size_of_that_outside(state: Path, tmp_path: Path) -> None:
    tty = TTYInfo(window_size=WindowSize(rows=24, columns=80))
    script = 'test -t 0 && echo terminal; read line; echo "<$line>$TERM"'
    running = await start(state, tmp_path, script, tty)
    await running.resize(50, 132)
    await running.write(b"hello\n")
    found = await read(running)
    assert b"terminal" in found[DataType.STDOUT]
    assert b"<hello>xterm" in found[DataType.STDOUT]
    assert (await running.end()).code == 0
    await running.close()


async def test_what_runs_inside_ends_when_it_is_closed(state: Path, tmp_path: Path) -> None:
    running = await start(state, tmp_path, "trap '' TERM HUP; sleep 1000 & echo x; sleep 1001")
    async with aclosing(running.output()) as pieces:
        assert await anext(pieces) == (DataType.STDOUT, b"x\n")
        await running.close()
    listed = await asyncio.to_thread(
        subprocess.run,
        ["runc", "--root", str(state), "ps", "--format", "json", ID],
        capture_output=True,
        check=True,
    )
    assert len(json.loads(listed.stdout)) == 1
