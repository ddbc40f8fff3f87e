"""A whole agent: a master played by the test on one side, real processes on the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.integration.agent.asking import sandbox_of
from tests.integration.agent.fake_master import AGENT, FakeMaster, task
from tests.support import eventually

from orchestrator.agent.adapters.supervisor.wire import MAX_LINE_BYTES
from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import CommandInfo, CommandURI, Environment, EnvironmentVariable
from orchestrator.mesos.types import TaskState as State
from orchestrator.runtime.config import ConfigError
from orchestrator.runtime.datadir import DataDirError
from orchestrator.runtime.http import PortInUseError

Serve = Callable[..., AbstractAsyncContextManager[RunningAgent]]


async def test_a_task_runs_and_tells_of_its_life(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", "echo out; echo err >&2"))
    finished = await master.status("a", State.FINISHED)
    assert master.states("a") == [State.STARTING, State.RUNNING, State.FINISHED]
    assert finished.message == "Command exited with status 0"
    sandbox = sandbox_of(data_dir, "a")
    assert (sandbox / "stdout").read_text() == "out\n"
    assert (sandbox / "stderr").read_text() == "err\n"


async def test_a_task_knows_where_it_is(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    own = Environment(variables=[EnvironmentVariable(name="OWN", value="x y")])
    await master.run(task("a", command=CommandInfo(value="env", environment=own)))
    await master.status("a", State.FINISHED)
    text = (sandbox_of(data_dir, "a") / "stdout").read_text()
    env = dict(line.split("=", 1) for line in text.splitlines())
    assert env["OWN"] == "x y"
    assert env["MESOS_TASK_ID"] == env["MESOS_EXECUTOR_ID"] == "a"
    assert env["MESOS_AGENT_ID"] == env["MESOS_SLAVE_ID"] == AGENT.value
    assert env["MESOS_FRAMEWORK_ID"] == "m-0000"
    assert env["MESOS_CONTAINER_IP"] == "127.0.0.1"
    assert env["MESOS_SANDBOX"] == str(sandbox_of(data_dir, "a").resolve())


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (CommandInfo(value="echo $0 a   b"), "/bin/sh a b\n"),
        (CommandInfo(shell=False, value="echo", arguments=["echo", "a   b"]), "a   b\n"),
        (CommandInfo(shell=False, value="/bin/sh", arguments=["me", "-c", "echo $0"]), "me\n"),
        (CommandInfo(shell=False, value="env"), None),
    ],
)
async def test_commands_are_lines_for_a_shell_or_programs_with_arguments(
    master: FakeMaster,
    agent: RunningAgent,
    data_dir: Path,
    command: CommandInfo,
    output: str | None,
) -> None:
    await master.run(task("a", command=command))
    await master.status("a", State.FINISHED)
    written = (sandbox_of(data_dir, "a") / "stdout").read_text()
    assert output is None or written == output


async def test_a_kill_is_polite_first(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(
        task("a", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done")
    )
    await master.status("a", State.RUNNING)
    stdout = sandbox_of(data_dir, "a") / "stdout"
    await eventually(lambda: "up" in stdout.read_text())
    await master.kill("a")
    await master.status("a", State.KILLED)
    assert "bye" in stdout.read_text()


async def test_a_command_that_is_not_there_fails_with_the_reason(
    master: FakeMaster, agent: RunningAgent
) -> None:
    await master.run(task("a", command=CommandInfo(shell=False, value="no-such-program")))
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_CONTAINER_LAUNCH_FAILED"
    assert "no-such-program" in (failed.message or "")


async def test_a_command_that_is_too_long_fails_and_holds_up_nobody(
    master: FakeMaster, agent: RunningAgent
) -> None:
    await master.run(task("a", "x" * (MAX_LINE_BYTES + 1)), task("b", "true"))
    failed = await master.status("a", State.FAILED)
    assert "too long" in str(failed.message)
    await master.status("b", State.FINISHED)


async def test_a_task_runs_as_the_user_it_names(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can run tasks as others")
    data_dir.parent.parent.chmod(0o755)
    for parent in (data_dir, *data_dir.parents[:3]):
        parent.chmod(0o755)
    await master.run(task("a", command=CommandInfo(value="id -un; touch own", user="nobody")))
    await master.status("a", State.FINISHED)
    assert (sandbox_of(data_dir, "a") / "stdout").read_text() == "nobody\n"
    await master.run(task("b", command=CommandInfo(value="true", user="nobody-at-all")))
    failed = await master.status("b", State.FAILED)
    assert failed.message is not None
    assert "no user 'nobody-at-all'" in failed.message


async def test_local_files_are_fetched_and_other_addresses_refused(
    master: FakeMaster, agent: RunningAgent, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\necho fetched\n")
    good = CommandURI(value=f"file://{tmp_path}/script", executable=True)
    await master.run(task("a", command=CommandInfo(value="./script", uris=[good])))
    await master.status("a", State.FINISHED)
    assert (sandbox_of(data_dir, "a") / "stdout").read_text() == "fetched\n"
    for name, value in (("b", "http://127.0.0.1/x"), ("c", f"{tmp_path}/missing")):
        await master.run(
            task(name, command=CommandInfo(value="true", uris=[CommandURI(value=value)]))
        )
        failed = await master.status(name, State.FAILED)
        assert failed.message is not None
        assert f"Failed to fetch '{value}'" in failed.message


async def test_a_hundred_tasks_at_once(master: FakeMaster, agent: RunningAgent) -> None:
    tasks = [task(f"t{i}", "true", resources="cpus:0.01;mem:1") for i in range(100)]
    await master.run(*tasks)
    for one in tasks:
        await master.status(one.name, State.FINISHED)
    assert len(master.statuses) == 300


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"resources": "cpus"}, ConfigError, "--resources: 'cpus' is not name:value"),
        ({"attributes": "rack"}, ConfigError, "--attributes: 'rack' is not name:value"),
        ({"data_dir": "/proc/no"}, DataDirError, "cannot use the data directory /proc/no"),
    ],
)
async def test_a_wrong_setting_is_said_in_a_sentence(
    serve: Serve, settings: dict[str, object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence.replace("(", "\\(")):
        async with serve(**settings):
            pass


async def test_a_port_or_directory_in_use_is_said_in_a_sentence(
    serve: Serve, agent: RunningAgent, tmp_path: Path
) -> None:
    with pytest.raises(DataDirError, match="in use by another process"):
        async with serve():
            pass
    with pytest.raises(PortInUseError, match="--port"):
        async with serve(port=agent.port, data_dir=str(tmp_path / "other")):
            pass


async def test_what_is_not_set_is_detected(serve: Serve) -> None:
    async with serve(resources="cpus:1.5") as agent:
        resources = agent.agent.host.resources
        assert resources.scalar("cpus") == 1.5
        assert resources.scalar("mem") > 0
        assert resources.ranges("ports") == ((31000, 32000),)
