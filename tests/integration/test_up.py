"""`orchestrator up` as a process: what it says, what it leaves, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from tests.support import eventually, free_port

APP = {"id": "/sleep", "cmd": "echo $$ > pid; exec sleep 1000", "cpus": 0.01, "mem": 16}
START_S, STOP_S = 120.0, 120.0
_FLAGS = ("--master-port", "--agent-port", "--marathon-port", "--app-port")


class Up:
    """One run of ``orchestrator up``; its ports are those of the first run."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.ports = [free_port() for _ in _FLAGS]
        self.servers = len(_FLAGS)
        self.process: subprocess.Popen[str] | None = None

    def start(self, *flags: str) -> dict[str, str]:
        """Run it until all servers serve; the URL of each."""
        self.process = self.spawn(*flags)
        assert self.process.stdout is not None
        lines = [json.loads(self.process.stdout.readline()) for _ in range(self.servers)]
        return {line["server"]: line["url"] for line in lines}

    def spawn(self, *flags: str) -> subprocess.Popen[str]:
        """Run it."""
        ports = zip(_FLAGS, self.ports, strict=True)
        options = [text for flag, port in ports for text in (flag, str(port))]
        command = [*_COMMAND, "up", "--data-dir", str(self.data_dir), *options, *flags]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)

    def stop(self, *signals: signal.Signals) -> int:
        """Send the signals and wait for the end."""
        assert self.process is not None
        for number in signals:
            self.process.send_signal(number)
        self.process.communicate(timeout=STOP_S)
        return self.process.returncode

    def deploy(self, instances: int = 1, cmd: str = str(APP["cmd"])) -> None:
        """Run the app and wait for it."""
        url = f"http://127.0.0.1:{self.ports[2]}"
        command = [*_COMMAND, "deploy", "-", "--marathon", url, "--timeout", "120"]
        app = json.dumps(APP | {"instances": instances, "cmd": cmd})
        subprocess.run(command, input=app, text=True, check=True, capture_output=True)

    async def pids(self, count: int) -> set[int]:
        """The processes of the app's tasks, once there are so many."""

        def running() -> set[int]:
            files = self.data_dir.glob("agent1/**/runs/*/pid")
            found = {int(file.read_text()) for file in files if file.read_text().strip()}
            return {pid for pid in found if _runs(pid)}

        assert await eventually(lambda: len(running()) == count)
        return running()


_COMMAND = (sys.executable, "-m", "orchestrator.cli.main")


def _runs(pid: int) -> bool:
    try:
        return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "data")
    yield up
    if up.process is not None and up.process.poll() is None:
        up.stop(signal.SIGTERM)
    for file in up.data_dir.glob("agent1/**/runs/*/pid"):
        with suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)


def test_says_where_each_server_is(up: Up) -> None:
    urls = up.start()
    expected = zip(("master", "agent", "marathon", "app"), up.ports, strict=True)
    assert urls == {server: f"http://127.0.0.1:{port}" for server, port in expected}
    assert up.stop(signal.SIGTERM) == 0


async def test_the_map_shows_this_machine(up: Up) -> None:
    url = up.start()["app"]
    async with aiohttp.ClientSession(url) as session:

        async def hosts() -> list[str]:
            async with session.get("/api/v1/views/hosts") as response:
                nodes = (await response.json())["nodes"]
            return [node["id"] for node in nodes if not node.get("is_pseudo")]

        assert await eventually(hosts) == [socket.gethostname()]
    assert up.stop(signal.SIGTERM) == 0


async def test_without_a_map_nothing_listens_on_its_port(up: Up) -> None:
    up.servers = 3
    assert "app" not in up.start("--app-port", "0")
    with socket.create_server(("127.0.0.1", up.ports[3])):
        pass
    assert up.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_tasks_too(up: Up, number: signal.Signals) -> None:
    up.start()
    up.deploy(2)
    await up.pids(2)
    assert up.stop(number) == 0
    await up.pids(0)


async def test_keep_tasks_keeps_them(up: Up) -> None:
    up.start("--keep-tasks")
    up.deploy()
    before = await up.pids(1)
    assert up.stop(signal.SIGTERM) == 0
    assert await up.pids(1) == before
    up.start()
    up.deploy()
    assert await up.pids(1) == before


async def test_a_crash_leaves_the_tasks_and_the_next_run_finds_them(up: Up) -> None:
    up.start()
    up.deploy(2)
    before = await up.pids(2)
    up.stop(signal.SIGKILL)
    assert await up.pids(2) == before
    up.start()
    up.deploy(3)  # two are there, one is added
    assert await up.pids(3) > before


async def test_a_second_signal_ends_at_once(up: Up) -> None:
    up.start()
    up.deploy(cmd="trap '' TERM; echo $$ > pid; exec sleep 1000")  # the stop waits for it
    assert up.process is not None
    up.process.send_signal(signal.SIGINT)
    assert up.process.stderr is not None
    assert any("Stopping" in line for line in up.process.stderr)
    assert up.stop(signal.SIGINT) == 130


def test_a_second_run_on_the_same_data_is_refused(up: Up) -> None:
    up.start()
    second = Up(up.data_dir).spawn()
    stdout, stderr = second.communicate(timeout=START_S)
    assert (second.returncode, stdout) == (1, "")
    assert stderr == f"Error: the data directory {up.data_dir} is in use by another process\n"


def test_a_port_in_use_is_refused_before_anything_starts(up: Up, tmp_path: Path) -> None:
    up.start()
    other = Up(tmp_path / "other")
    other.ports[2] = up.ports[2]
    second = other.spawn()
    stdout, stderr = second.communicate(timeout=START_S)
    assert (second.returncode, stdout) == (1, "")
    assert stderr.startswith(f"Error: port {up.ports[2]} on 127.0.0.1 is in use")
    assert "--marathon-port" in stderr


async def test_a_data_directory_may_lie_deep(tmp_path: Path) -> None:
    up = Up(tmp_path.joinpath(*["a-directory-with-a-long-name"] * 6))
    up.start()
    up.deploy()
    await up.pids(1)
    assert up.stop(signal.SIGTERM) == 0
