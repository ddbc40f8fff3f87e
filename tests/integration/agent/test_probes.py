"""Single tries of checks, against real servers, processes and networks."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.agent.answering import Answering, answering
from tests.integration.agent.processes import (
    descriptors_of,
    is_alive,
    kill,
    with_in_environment,
)
from tests.support import eventually, free_port

from orchestrator.agent.adapters.checks import prober
from orchestrator.agent.adapters.checks.beside import HostBeside
from orchestrator.agent.adapters.checks.commands import HostCommands
from orchestrator.agent.adapters.checks.prober import Place, Prober
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.core.checking.probe import (
    CommandExited,
    CommandProbe,
    HttpAnswered,
    HttpProbe,
    Outcome,
    Probe,
    ProbeFailed,
    ProbeSkipped,
    Purpose,
    TcpProbe,
    TcpTried,
    What,
)
from orchestrator.agent.core.messages import Event, Probed
from orchestrator.agent.core.task import Container, Containerizer
from orchestrator.mesos.types import (
    CommandInfo,
    ContainerInfo,
    DockerImage,
    Environment,
    EnvironmentVariable,
    Image,
    MesosInfo,
)

OWN_NETWORK = Path(__file__).with_name("own_network.py")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has namespaces")


def container(name: str = "c") -> Container:
    variables = [EnvironmentVariable(name="A", value="task"), EnvironmentVariable(name="B")]
    return Container(
        id=name,
        containerizer=Containerizer.MESOS,
        framework_id="f",
        framework_user="",
        agent_id="a",
        executor_id="e",
        task_id="t",
        command=CommandInfo(value="x", environment=Environment(variables=variables)),
    )


class Bench:
    """A prober, and all that it tells."""

    def __init__(self, work_dir: Path) -> None:
        self.sandbox = work_dir / "slaves/a/frameworks/f/executors/e/runs/c"
        self.sandbox.mkdir(parents=True)
        around = Surroundings(ip="10.1.1.1", port=5051, inherited=dict(os.environ))
        self.commands = HostCommands(HostBeside(work_dir, around, switch_user=False))
        self.pid: int | None = None
        self.is_gone = False
        self.told: list[Event] = []
        self.prober = Prober(
            {Containerizer.MESOS: self.commands}, find=self._find, tell=self.told.append
        )

    def _find(self, name: str) -> Place | None:
        return None if self.is_gone else Place(container(name), self.pid)

    def begin(self, what: What, timeout_s: float | None = 120, name: str = "c") -> None:
        probe = Probe(
            container_id=name, purpose=Purpose.HEALTH, number=1, what=what, timeout_s=timeout_s
        )
        self.prober.begin(probe)

    async def tries(self, what: What, timeout_s: float | None = 120) -> Outcome:
        self.told.clear()
        self.begin(what, timeout_s)
        await eventually(lambda: self.told)
        (told,) = self.told
        assert isinstance(told, Probed)
        return told.outcome


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    await bench.prober.close()
    await bench.commands.close()


@pytest.fixture
async def server() -> AsyncIterator[Answering]:
    async with answering() as server:
        yield server


def command(script: str, **variables: str) -> CommandProbe:
    given = [EnvironmentVariable(name=name, value=value) for name, value in variables.items()]
    return CommandProbe(command=CommandInfo(value=script, environment=Environment(variables=given)))


def failed(reason: str) -> ProbeFailed:
    return ProbeFailed(reason=reason)


# --- HTTP ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/status/503", 503), ("/redirect", 200), ("/elsewhere", 202)],
)
async def test_http_tells_the_last_status(
    bench: Bench, server: Answering, path: str, status: int
) -> None:
    found = await bench.tries(HttpProbe(port=server.port, path=path))
    assert found == HttpAnswered(status_code=status)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/half", "HTTP request failed: the answer ended after 4 of 100 bytes"),
        ("/garbage", "HTTP request failed: what answers does not speak HTTP"),
        ("/loop", "HTTP request failed: more than 20 redirections"),
        ("/away", "HTTP request failed: it was redirected to what is not HTTP"),
    ],
)
async def test_http_without_an_answer_says_why(
    bench: Bench, server: Answering, path: str, reason: str
) -> None:
    assert await bench.tries(HttpProbe(port=server.port, path=path)) == failed(reason)


async def test_http_that_takes_too_long_is_given_up(bench: Bench, server: Answering) -> None:
    slow = HttpProbe(port=server.port, path="/slow")
    assert await bench.tries(slow, 0.2) == failed("HTTP request timed out after 0.2secs")


async def test_http_to_nobody_is_refused(bench: Bench) -> None:
    found = await bench.tries(HttpProbe(port=free_port()))
    assert found == failed("HTTP request failed: Connection refused")


async def test_a_path_cannot_say_more_than_a_path(bench: Bench, server: Answering) -> None:
    path = "/a b\r\nX: y?q=\u00e4"
    assert await bench.tries(HttpProbe(port=server.port, path=path)) == HttpAnswered(
        status_code=200
    )
    assert server.asked == ["/a%20b%0D%0AX:%20y?q=%C3%A4"]
    assert f"Host: 127.0.0.1:{server.port}\r\n" in server.heads[0]


async def test_http_goes_over_ipv6_where_that_is_asked_for(bench: Bench) -> None:
    async with answering("::1") as server:
        found = await bench.tries(HttpProbe(port=server.port, is_ipv6=True))
        assert found == HttpAnswered(status_code=200)
        assert isinstance(await bench.tries(HttpProbe(port=server.port)), ProbeFailed)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not here")
async def test_https_is_spoken_and_no_certificate_doubted(bench: Bench, tmp_path: Path) -> None:
    async with answering(tls=_self_signed(tmp_path)) as server:
        found = await bench.tries(HttpProbe(port=server.port, scheme="https"))
        assert found == HttpAnswered(status_code=200)
        assert isinstance(await bench.tries(HttpProbe(port=server.port)), ProbeFailed)


def _self_signed(directory: Path) -> ssl.SSLContext:
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
    words = [*make.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    return tls


# --- TCP -----------------------------------------------------------------------------------------


async def test_tcp_tells_whether_a_connection_is_taken(bench: Bench, server: Answering) -> None:
    assert await bench.tries(TcpProbe(port=server.port)) == TcpTried(succeeded=True)
    assert await bench.tries(TcpProbe(port=free_port())) == TcpTried(succeeded=False)


async def test_tcp_that_nobody_takes_is_given_up(bench: Bench) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            found = await bench.tries(TcpProbe(port=port), 0.2)
    assert found == failed("TCP connection timed out after 0.2secs")


# --- networks ------------------------------------------------------------------------------------


@pytest.fixture
def far() -> Iterator[tuple[int, int]]:
    """Pid and port of a server in a network of its own."""
    port = free_port()
    module = [sys.executable, "-m", "tests.integration.agent.answering", str(port)]
    process = subprocess.Popen([sys.executable, str(OWN_NETWORK), *module])
    yield process.pid, port
    process.kill()
    process.wait()


@needs_root
async def test_connections_are_made_in_the_network_of_the_task(
    bench: Bench, far: tuple[int, int]
) -> None:
    pid, port = far
    bench.pid = pid
    await _takes_connections(bench, port)
    found = await bench.tries(HttpProbe(port=port, path="/status/201"))
    assert found == HttpAnswered(status_code=201)
    bench.pid = os.getpid()
    assert await bench.tries(TcpProbe(port=port)) == TcpTried(succeeded=False)


@needs_root
async def test_no_network_is_kept_by_a_check_that_was_made_there(
    bench: Bench, far: tuple[int, int]
) -> None:
    bench.pid, port = far
    await bench.tries(TcpProbe(port=port))
    assert _networks_of_threads() == {Path("/proc/self/ns/net").readlink()}  # noqa: ASYNC240
    assert [name for name in descriptors_of(os.getpid()).values() if name.startswith("net:")] == []


async def _takes_connections(bench: Bench, port: int) -> None:
    for _ in range(500):  # its server is starting
        if await bench.tries(TcpProbe(port=port)) == TcpTried(succeeded=True):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


def _networks_of_threads() -> set[Path]:
    return {thread.joinpath("ns/net").readlink() for thread in Path("/proc/self/task").iterdir()}


async def test_a_task_whose_process_is_gone_is_not_judged(bench: Bench) -> None:
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    bench.pid = process.pid
    assert isinstance(await bench.tries(TcpProbe(port=1)), ProbeSkipped)
    bench.is_gone = True
    assert await bench.tries(TcpProbe(port=1)) == ProbeSkipped(reason="its container is gone")


# --- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("script", "code"), [("true", 0), ("exit 7", 7), ("no-such-program", 127)])
async def test_a_command_tells_its_exit_status(bench: Bench, script: str, code: int) -> None:
    assert await bench.tries(command(script)) == CommandExited(code=code)


async def test_a_program_with_arguments_needs_no_shell(bench: Bench) -> None:
    info = CommandInfo(shell=False, value="/bin/sh", arguments=["sh", "-c", "exit $1", "x", "5"])
    assert await bench.tries(CommandProbe(command=info)) == CommandExited(code=5)
    missing = CommandInfo(shell=False, value="/no/such/program")
    assert await bench.tries(CommandProbe(command=missing)) == failed(
        "Command could not be started: No such file or directory"
    )


async def test_a_command_that_is_killed_has_failed(bench: Bench) -> None:
    found = await bench.tries(command("kill -9 $$"))
    assert found == failed("Command terminated with signal Killed")


async def test_a_command_sees_what_the_task_sees(bench: Bench) -> None:
    script = '[ "$A-$B-$C" = "task--check" ] && [ "$PWD" = "$MESOS_SANDBOX" ] && echo x > made'
    assert await bench.tries(command(script, C="check")) == CommandExited(code=0)
    assert (bench.sandbox / "made").exists()
    override = command('[ "$A" = check ]', A="check")
    assert await bench.tries(override) == CommandExited(code=0)


async def test_a_command_that_takes_too_long_is_ended_with_all_it_started(bench: Bench) -> None:
    script = "sleep 1000 & echo $! > child; sleep 1000"
    assert await bench.tries(command(script), 0.5) == failed("Command timed out after 0.5secs")
    child = int((bench.sandbox / "child").read_text())
    await eventually(lambda: not is_alive(child))


async def test_what_a_command_leaves_behind_is_ended(bench: Bench) -> None:
    assert await bench.tries(command("sleep 1000 & echo $! > child")) == CommandExited(code=0)
    child = int((bench.sandbox / "child").read_text())
    await eventually(lambda: not is_alive(child))


async def test_output_without_end_disturbs_nobody(bench: Bench) -> None:
    assert await bench.tries(command("head -c 10000000 /dev/zero")) == CommandExited(code=0)


async def test_a_command_that_is_stopped_ends_and_nothing_is_told(bench: Bench) -> None:
    bench.begin(command("echo $$ > pid; sleep 1000"))
    noted = await eventually(lambda: _read(bench.sandbox / "pid"))
    bench.prober.stop("c")
    await eventually(lambda: not is_alive(int(noted)))
    assert bench.told == []


_ENTERING = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[2:], start_new_session=True)
with open(sys.argv[1], "w") as file:
    file.write(str(child.pid))
sys.exit(child.wait())
"""


async def test_what_a_container_is_entered_for_ends_with_its_check(tmp_path: Path) -> None:
    def enter(_: Container, variables: Mapping[str, str], pid_file: Path) -> list[str]:
        words = ["env", *(f"{name}={value}" for name, value in variables.items())]
        return [sys.executable, "-c", _ENTERING, str(pid_file), *words]

    around = Surroundings(ip="10.1.1.1", port=5051)
    commands = HostCommands(HostBeside(tmp_path, around, switch_user=False, enter=enter))
    noted = tmp_path / "noted"
    hangs = command(f"echo $$ > {noted}; [ $A = x ] && sleep 1000", A="x").command
    trying = asyncio.create_task(commands.run(container(), hangs))
    pid = int(await eventually(lambda: _read(noted)))
    await eventually(lambda: list(tmp_path.glob("beside/*")) != [])
    trying.cancel()
    await eventually(lambda: not is_alive(pid))
    await eventually(lambda: list(tmp_path.glob("beside/*")) == [])
    assert await commands.run(container(), command("exit 4").command) == CommandExited(code=4)
    await commands.close()


async def test_no_command_of_a_contained_task_runs_outside_of_its_container(bench: Bench) -> None:
    image = MesosInfo(image=Image(type="DOCKER", docker=DockerImage(name="i")))
    contained = replace(container(), info=ContainerInfo(type="MESOS", mesos=image))
    found = await bench.commands.run(contained, command("touch outside").command)
    assert isinstance(found, ProbeSkipped)
    assert not (bench.sandbox / "outside").exists()
    plain = replace(container(), info=ContainerInfo(type="MESOS"))
    assert await bench.commands.run(plain, command("true").command) == CommandExited(code=0)


async def test_many_commands_run_a_few_at_a_time(bench: Bench) -> None:
    for number in range(200):
        bench.begin(command("sleep 0.01"), name=f"c{number}")
        (bench.sandbox.parent / f"c{number}").mkdir()
    await eventually(lambda: len(bench.told) == 200)
    assert {told.outcome for told in bench.told if isinstance(told, Probed)} == {
        CommandExited(code=0)
    }


async def test_a_try_that_gets_no_turn_is_not_held_against_the_task(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prober, "MAX_WAIT_S", 0.05)
    for number in range(prober.MAX_COMMANDS):
        bench.begin(command("sleep 1000"), name=f"c{number}")
        (bench.sandbox.parent / f"c{number}").mkdir(exist_ok=True)
    await asyncio.sleep(0)
    bench.begin(command("true"), name="last")
    await eventually(lambda: bench.told)
    (told,) = bench.told
    assert isinstance(told, Probed)
    assert told.outcome == ProbeSkipped(reason="too many checks: no turn within 0.05 s")


async def test_a_spawner_that_dies_is_replaced(bench: Bench, tmp_path: Path) -> None:
    assert await bench.tries(command("true")) == CommandExited(code=0)
    bench.begin(command("sleep 1000"))
    await eventually(lambda: with_in_environment(str(tmp_path)))  # it has been asked for
    (spawner,) = await eventually(_spawners)
    kill(spawner)
    await eventually(lambda: len(bench.told) == 2)
    last = bench.told[-1]
    assert isinstance(last, Probed)
    assert last.outcome == ProbeSkipped(reason="The process that runs commands has ended")
    assert await bench.tries(command("true")) == CommandExited(code=0)


async def test_nothing_of_it_survives_the_agent(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.begin(command("sleep 1000"))
    await eventually(lambda: with_in_environment(str(tmp_path)))
    await bench.commands.close()
    await eventually(lambda: not with_in_environment(str(tmp_path)))
    await bench.prober.close()


async def test_no_descriptor_is_lost(bench: Bench, server: Answering) -> None:
    await bench.tries(command("true"))
    before = len(descriptors_of(os.getpid()))
    for what in (
        HttpProbe(port=server.port),
        HttpProbe(port=server.port, path="/half"),
        HttpProbe(port=free_port()),
        TcpProbe(port=server.port),
        command("true"),
    ):
        for _ in range(10):
            await bench.tries(what)
    await eventually(lambda: len(descriptors_of(os.getpid())) <= before + 2)


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _spawners() -> list[int]:
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in mine}
    return [pid for pid, words in commands.items() if b"checks.spawner" in words]
