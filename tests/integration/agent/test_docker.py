"""Docker tasks on a real Engine."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.integration.agent.asking import sandbox_of
from tests.integration.agent.conftest import Serve
from tests.integration.agent.docker_containers import docker_task
from tests.integration.agent.fake_master import FakeMaster
from tests.integration.agent.processes import is_alive
from tests.support import eventually, free_port
from tests.support.docker_engine import DockerEngine

from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import (
    CommandInfo,
    CommandURI,
    DockerPortMapping,
    Environment,
    EnvironmentVariable,
    Parameter,
    Volume,
    VolumeMode,
)
from orchestrator.mesos.types import TaskState as State


@pytest.fixture
async def agent(docker_agent: RunningAgent) -> RunningAgent:
    return docker_agent


def shown(data: bytes | None) -> dict[str, object]:
    (found,) = json.loads(data or b"")
    assert isinstance(found, dict)
    return found


async def test_a_container_runs_and_tells_of_its_life(
    master: FakeMaster, agent: RunningAgent, engine: DockerEngine, data_dir: Path
) -> None:
    own = Environment(variables=[EnvironmentVariable(name="OWN", value="x y")])
    command = CommandInfo(
        value="echo $OWN $MESOS_TASK_ID $MESOS_SANDBOX; echo err >&2; echo file > "
        "$MESOS_SANDBOX/file; exit 3",
        environment=own,
    )
    await master.run(docker_task("a", command=command))
    failed = await master.status("a", State.FAILED)
    assert failed.message == "Container exited with status 3"
    assert master.states("a") == [State.STARTING, State.RUNNING, State.FAILED]
    sandbox = sandbox_of(data_dir, "a")
    assert (sandbox / "stdout").read_text() == "x y a /mnt/mesos/sandbox\n"
    assert (sandbox / "stderr").read_text() == "err\n"
    assert (sandbox / "file").read_text() == "file\n"
    await eventually(lambda: not engine.containers())


async def test_the_running_update_holds_what_docker_inspect_says(
    master: FakeMaster, agent: RunningAgent, engine: DockerEngine
) -> None:
    await master.run(docker_task("a", resources="cpus:0.5;mem:64"))
    running = await master.status("a", State.RUNNING)
    assert running.container_status is not None
    found = shown(running.data)
    assert found["Name"] == f"/mesos-{running.container_status.container_id.value}"  # type: ignore[union-attr]
    host = found["HostConfig"]
    assert isinstance(host, dict)
    assert (host["CpuShares"], host["Memory"]) == (512, 64 * 2**20)
    assert (host["NetworkMode"], host["Privileged"]) == ("host", False)
    assert running.container_status.executor_pid is not None
    assert is_alive(running.container_status.executor_pid)
    labels = found["Config"]["Labels"]  # type: ignore[index]
    assert labels["MESOS_TASK_ID"] == "a"


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (CommandInfo(shell=False, value="/bin/echo", arguments=["a", "b"]), "a b\n"),
        (CommandInfo(shell=False, arguments=["/bin/echo", "a"]), "a\n"),
        (CommandInfo(value="echo $0"), "/bin/sh\n"),
    ],
)
async def test_a_command_is_for_the_shell_or_for_the_image(
    master: FakeMaster, agent: RunningAgent, data_dir: Path, command: CommandInfo, output: str
) -> None:
    await master.run(docker_task("a", command=command))
    await master.status("a", State.FINISHED)
    assert (sandbox_of(data_dir, "a") / "stdout").read_text() == output


def _is_up(stdout: Path) -> bool:
    return "up" in stdout.read_text()


async def test_a_kill_is_polite_first_and_certain_in_the_end(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    loop = "echo up; while :; do sleep 0.05; done"
    await master.run(docker_task("a", f"trap 'echo bye; exit 0' TERM; {loop}"))
    await master.run(docker_task("b", f"trap '' TERM; {loop}"))
    for name in ("a", "b"):
        await master.status(name, State.RUNNING)
        stdout = sandbox_of(data_dir, name) / "stdout"
        await eventually(partial(_is_up, stdout))
        await master.kill(name, grace_s=1)
        await master.status(name, State.KILLED)
    assert "bye" in (sandbox_of(data_dir, "a") / "stdout").read_text()


async def test_an_image_that_is_nowhere_fails_with_the_reason(
    master: FakeMaster, agent: RunningAgent
) -> None:
    await master.run(docker_task("a", image="127.0.0.1:1/no/such:image"))
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_CONTAINER_LAUNCH_FAILED"
    assert failed.message is not None
    assert (
        "the image '127.0.0.1:1/no/such:image' cannot be pulled: the registry cannot be reached"
        in failed.message
    )


async def test_a_program_that_is_not_in_the_image_fails_with_the_reason(
    master: FakeMaster, agent: RunningAgent, engine: DockerEngine
) -> None:
    await master.run(docker_task("a", command=CommandInfo(shell=False, value="/no/such/program")))
    failed = await master.status("a", State.FAILED)
    assert "/no/such/program" in (failed.message or "")
    await eventually(lambda: not engine.containers())


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"parameters": [Parameter(key="cap-add", value="ALL")]},
            "The Docker parameter cap-add=ALL gives a container rights over the machine",
        ),
        (
            {"port_mappings": [DockerPortMapping(host_port=31000, container_port=80)]},
            "Port mappings are only supported for bridge and user-defined networks",
        ),
        (
            {
                "network": "BRIDGE",
                "port_mappings": [DockerPortMapping(host_port=80, container_port=80)],
            },
            "Host port 80 is not among the task's resources",
        ),
        (
            {"volumes": [Volume(container_path="/x", host_path="/a:b", mode=VolumeMode.RW)]},
            "'/a:b' cannot be the path of a volume",
        ),
    ],
)
async def test_what_is_not_given_is_refused_in_one_sentence(
    master: FakeMaster, agent: RunningAgent, fields: dict[str, Any], sentence: str
) -> None:
    await master.run(docker_task("a", **fields))
    failed = await master.status("a", State.FAILED)
    assert sentence in (failed.message or "")


async def test_volumes_parameters_and_hostname_are_given(
    master: FakeMaster, agent: RunningAgent, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/file").write_text("from outside\n")
    volume = Volume(container_path="/shared", host_path=f"{tmp_path}/shared", mode=VolumeMode.RO)
    await master.run(
        docker_task(
            "a",
            "cat /shared/file; touch /shared/x || echo $HOSTNAME $P",
            volumes=[volume],
            network="BRIDGE",
            hostname="inside",
            parameters=[Parameter(key="env", value="P=q"), Parameter(key="init", value="true")],
        )
    )
    await master.status("a", State.FINISHED)
    output = (sandbox_of(data_dir, "a") / "stdout").read_text()
    assert output == "from outside\ninside q\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read as somebody else")
async def test_a_file_of_the_machine_is_fetched_only_for_a_user_who_may_read_it(
    master: FakeMaster, agent: RunningAgent, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    uris = [CommandURI(value=f"file://{tmp_path}/secret")]
    command = CommandInfo(value="true", user="nobody", uris=uris)
    await master.run(docker_task("a", command=command))
    assert "Failed to fetch" in str((await master.status("a", State.FAILED)).message)


async def test_a_container_on_the_bridge_has_an_address_and_its_ports_mapped(
    master: FakeMaster, serve: Serve, engine: DockerEngine
) -> None:
    if engine.bridge is None:
        pytest.skip("this machine has no ip command to make a bridge with")
    port = free_port()
    async with serve(
        docker_socket=str(engine.socket), resources=f"cpus:1;mem:64;ports:[{port}-{port}]"
    ):
        await master.run(
            docker_task(
                "a",
                resources=f"cpus:0.1;mem:32;ports:[{port}-{port}]",
                network="BRIDGE",
                port_mappings=[DockerPortMapping(host_port=port, container_port=8000)],
            )
        )
        running = await master.status("a", State.RUNNING)
        assert running.container_status is not None
        (network,) = running.container_status.network_infos
        assert (network.ip_addresses[0].ip_address or "").startswith("10.213.")
        _, writer = await asyncio.open_connection("127.0.0.1", port)  # docker-proxy listens
        writer.close()
        await master.kill("a", grace_s=0)
        await master.status("a", State.KILLED)


async def test_containers_outlive_the_agent_and_no_output_is_lost_or_doubled(
    master: FakeMaster, serve: Serve, engine: DockerEngine, data_dir: Path
) -> None:
    script = "i=0; while [ $i -lt 400 ]; do echo line $i; i=$((i+1)); sleep 0.005; done"
    socket = str(engine.socket)
    async with serve(docker_socket=socket):
        await master.run(docker_task("a", script), docker_task("b", "sleep 0.2; exit 4"))
        await master.run(docker_task("c"))
        pids = [await _pid_of(master, name) for name in "abc"]
    async with serve(docker_socket=socket):
        failed = await master.status("b", State.FAILED)
        assert failed.message == "Container exited with status 4"
        await master.status("a", State.FINISHED)
        lines = (sandbox_of(data_dir, "a") / "stdout").read_text().splitlines()
        assert lines == [f"line {i}" for i in range(400)]
        assert is_alive(pids[2])
        await master.kill("c", grace_s=0)
        await master.status("c", State.KILLED)
        assert master.states("c") == [State.STARTING, State.RUNNING, State.KILLED]
    await eventually(lambda: not engine.containers())


async def test_a_container_removed_behind_the_agents_back_has_failed(
    master: FakeMaster, agent: RunningAgent, engine: DockerEngine
) -> None:
    await master.run(docker_task("a"))
    running = await master.status("a", State.RUNNING)
    assert running.container_status is not None
    name = f"mesos-{running.container_status.container_id.value}"  # type: ignore[union-attr]
    await asyncio.to_thread(engine.request, "DELETE", f"/containers/{name}?force=1")
    failed = await master.status("a", State.FAILED)
    assert failed.message is not None


async def test_without_an_engine_docker_tasks_are_refused_with_the_reason(
    master: FakeMaster, serve: Serve, tmp_path: Path
) -> None:
    async with serve(docker_socket=str(tmp_path / "none.sock")):
        await master.run(docker_task("a"))
        failed = await master.status("a", State.FAILED)
        assert failed.message is not None
        assert failed.message.startswith(f"No Docker Engine answers at {tmp_path}/none.sock")


async def _pid_of(master: FakeMaster, name: str) -> int:
    status = await master.status(name, State.RUNNING)
    assert status.container_status is not None
    assert status.container_status.executor_pid is not None
    return status.container_status.executor_pid
