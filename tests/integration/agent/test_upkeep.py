"""A whole agent: what it fetches, keeps of logs, hides and tidies up around real tasks."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.integration.agent.asking import get, get_json, sandbox_of
from tests.integration.agent.fake_master import FakeMaster, task
from tests.integration.agent.file_server import FileServer, file_server
from tests.support import eventually

from orchestrator.agent.adapters.api.files import FilesError
from orchestrator.agent.adapters.api.v1_files import SandboxFiles
from orchestrator.agent.adapters.garbage import Collector, Policy
from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import (
    CommandInfo,
    CommandURI,
    Environment,
    EnvironmentVariable,
    HealthCheck,
    Label,
    Labels,
    Secret,
    SecretReference,
    SecretValue,
)
from orchestrator.mesos.types import TaskState as State
from orchestrator.runtime.config import ConfigError

Serve = Callable[..., AbstractAsyncContextManager[RunningAgent]]


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with file_server() as server:
        yield server


def fetching(*uris: CommandURI, value: str = "cat a.txt") -> CommandInfo:
    return CommandInfo(value=value, uris=list(uris))


# --- fetching -------------------------------------------------------------------------------------


async def test_a_task_starts_once_its_files_are_there(
    master: FakeMaster, agent: RunningAgent, data_dir: Path, server: FileServer
) -> None:
    uri = CommandURI(value=f"{server.url}/files/a.txt", cache=True)
    await master.run(task("a", command=fetching(uri)), task("b", command=fetching(uri)))
    for name in ("a", "b"):
        await master.status(name, State.FINISHED)
        assert (sandbox_of(data_dir, name) / "stdout").read_text() == "hello"
    assert server.hits["/files/a.txt"] == 1
    figures = await get_json(agent, "/metrics/snapshot")
    assert isinstance(figures, dict)
    assert figures["containerizer/fetcher/task_fetches_succeeded"] == 2
    assert figures["containerizer/fetcher/cache_size_used_bytes"] == 5


async def test_a_file_that_cannot_be_had_fails_the_task_with_the_reason(
    master: FakeMaster, agent: RunningAgent, server: FileServer
) -> None:
    address = server.url.removeprefix("http://")
    uri = CommandURI(value=f"http://joe:hunter2@{address}/status/404")
    await master.run(task("a", command=fetching(uri)))
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_CONTAINER_LAUNCH_FAILED"
    message = failed.message or ""
    assert f"Failed to fetch 'http://***@{address}/status/404': the server answered 404" in message
    state = await get(agent, "/state")
    assert b"hunter2" not in state[1]


async def test_a_uri_that_never_ends_holds_up_nobody_and_ends_with_its_task(
    master: FakeMaster, agent: RunningAgent, data_dir: Path, server: FileServer
) -> None:
    uri = CommandURI(value=f"{server.url}/stalls/x")
    await master.run(task("slow", command=fetching(uri, value="sleep 1000")))
    await eventually(lambda: server.connected)
    await master.run(task("quick", "true"))
    await master.status("quick", State.FINISHED)
    await master.kill("slow")
    await master.status("slow", State.KILLED)
    await eventually(lambda: server.connected == 0)
    assert not list((data_dir / "fetcher/unfinished").iterdir())


# --- logs -----------------------------------------------------------------------------------------


async def test_output_is_rotated_and_shipped_over_restarts(
    master: FakeMaster, serve: Serve, data_dir: Path, tmp_path: Path
) -> None:
    settings = {"max_stdout_size": "100KB", "log_sink": f"file://{tmp_path}/logs"}
    script = (
        "import sys, time\n"
        "for i in range(2000):\n"
        "    print(f'line {i:06d} ' + 'x' * 100, flush=i % 50 == 0)\n"
        "    time.sleep(0.05 if i % 50 == 0 else 0)\n"
        "sys.stdout.flush(); time.sleep(1000)"
    )
    labels = Labels(labels=[Label(key="team", value="blue")])
    shipped = tmp_path / "logs/tasks.jsonl"
    async with serve(**settings):
        await master.run(
            task(
                "a",
                command=CommandInfo(
                    shell=False, value="python3", arguments=["python3", "-c", script]
                ),
                labels=labels,
            )
        )
        await master.status("a", State.RUNNING)
        await eventually(lambda: shipped.exists() and shipped.stat().st_size)
    sandbox = sandbox_of(data_dir, "a")
    async with serve(**settings) as agent:
        await eventually(lambda: _last_line(shipped) == 1999)
        await eventually(lambda: (sandbox / "stdout").stat().st_size <= 100 * 1024)
        assert (sandbox / "stdout.1").stat().st_size <= 100 * 1024
        _, text = await get(agent, "/metrics")
        assert b"agent_log_sink_up 1.0" in text
        await master.kill("a")
        await master.status("a", State.KILLED)
    records = [json.loads(line) for line in shipped.read_text().splitlines()]
    assert [r["message"].split()[1] for r in records] == [f"{i:06d}" for i in range(2000)]
    assert records[0]["labels"] == {"team": "blue"}
    assert (records[0]["task_id"], records[0]["stream"]) == ("a", "stdout")


def _last_line(shipped: Path) -> int:
    return int(json.loads(shipped.read_text().splitlines()[-1])["message"].split()[1])


async def test_a_wrong_sink_is_said_in_a_sentence(serve: Serve) -> None:
    with pytest.raises(ConfigError, match="--log-sink: logs can be sent to"):
        async with serve(log_sink="kafka://x"):
            pass


async def test_the_password_of_a_sink_is_not_shown(serve: Serve) -> None:
    async with serve(log_sink="http://joe:hunter2@127.0.0.1:1/x") as agent:
        await eventually(lambda: agent.agent_id)
        for path in ("/flags", "/state"):
            assert b"hunter2" not in (await get(agent, path))[1]


# --- secrets --------------------------------------------------------------------------------------

HIDDEN = "s3cr3t-of-the-test"


async def test_a_secret_is_in_the_environment_of_its_task_and_nowhere_else(
    master: FakeMaster,
    serve: Serve,
    data_dir: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    (tmp_path / "store").mkdir()
    (tmp_path / "store/token").write_text(HIDDEN)
    by_value = Secret(type="VALUE", value=SecretValue(data=HIDDEN.encode()))
    by_name = Secret(type="REFERENCE", reference=SecretReference(name="token"))
    variables = [
        EnvironmentVariable(name="A", type="SECRET", secret=by_value),
        EnvironmentVariable(name="B", type="SECRET", secret=by_name),
    ]
    script = f'test "$A$B" = "{HIDDEN[:6]}"{HIDDEN[6:]}"{HIDDEN[:6]}"{HIDDEN[6:]} && sleep 1000'
    command = CommandInfo(value=script, environment=Environment(variables=variables))
    async with serve(secrets_dir=str(tmp_path / "store")) as agent:
        await master.run(task("a", command=command))
        await master.status("a", State.RUNNING)
        shown = b"".join(
            [(await get(agent, path))[1] for path in ("/state", "/containers", "/flags")]
        )
        _assert_hidden(data_dir, shown, caplog.text)
    async with serve(secrets_dir=str(tmp_path / "store")) as agent:
        await eventually(lambda: agent.agent.registration.is_registered)
        assert master.states("a") == [State.STARTING, State.RUNNING], "it ran on"
        _assert_hidden(data_dir, b"", caplog.text)
        await master.kill("a")
        await master.status("a", State.KILLED)


async def test_checks_know_the_secrets_of_their_task_after_a_restart(
    master: FakeMaster, serve: Serve, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = Secret(type="VALUE", value=SecretValue(data=HIDDEN.encode()))
    variable = EnvironmentVariable(name="A", type="SECRET", secret=secret)
    environment = Environment(variables=[variable])
    check = HealthCheck(
        type="COMMAND",
        command=CommandInfo(value=f"test ${{#A}} = {len(HIDDEN)} && touch checked"),
        delay_seconds=0,
        interval_seconds=0.1,
    )
    command = CommandInfo(value="sleep 1000", environment=environment)
    async with serve():
        await master.run(task("a", command=command, health_check=check))
        await master.status("a", State.RUNNING)
        checked = sandbox_of(data_dir, "a") / "checked"
        await eventually(checked.exists)
    checked.unlink()
    async with serve():
        await eventually(checked.exists)
        _assert_hidden(data_dir, b"", caplog.text)
        await master.kill("a")
        await master.status("a", State.KILLED)


def _assert_hidden(data_dir: Path, shown: bytes, logged: str) -> None:
    everything = shown + logged.encode()
    for path in data_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            everything += path.read_bytes()
    assert HIDDEN.encode() not in everything
    for cut in range(3):  # base64 depends on where in three bytes it begins
        inner = base64.b64encode(b"\0" * cut + HIDDEN.encode())[4:-4]
        assert inner not in everything


async def test_a_secret_that_nobody_has_fails_the_task(
    master: FakeMaster, agent: RunningAgent
) -> None:
    secret = Secret(type="REFERENCE", reference=SecretReference(name="db/password"))
    variable = EnvironmentVariable(name="A", type="SECRET", secret=secret)
    environment = Environment(variables=[variable])
    await master.run(task("a", command=CommandInfo(value="true", environment=environment)))
    failed = await master.status("a", State.FAILED)
    assert "The secret 'db/password' is in a store, and this agent has none" in (
        failed.message or ""
    )


# --- files ----------------------------------------------------------------------------------------


async def test_a_sandbox_is_found_under_its_virtual_path_too(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", "echo hello; mkdir d; echo x > d/f"))
    await master.status("a", State.FINISHED)
    virtual = "/frameworks/m-0000/executors/a/runs/latest"
    read = await get_json(agent, "/files/read", path=f"{virtual}/stdout", offset="0")
    assert read == {"data": "hello\n", "offset": 0}
    (listed,) = await _browse(agent, f"{virtual}/d")
    assert listed["path"] == f"{virtual}/d/f"
    debug = await get_json(agent, "/files/debug")
    assert debug == {virtual: str(sandbox_of(data_dir, "a").resolve())}


async def _browse(agent: RunningAgent, path: str) -> list[dict[str, object]]:
    listed = await get_json(agent, "/files/browse", path=path)
    assert isinstance(listed, list)
    return listed


async def test_what_is_no_file_is_not_waited_for(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    script = (
        "mkfifo fifo; ln -s /dev/zero zero; ln -s loop loop; ln -s ../../../../../.. up; "
        "truncate -s 1T huge"
    )
    await master.run(task("a", script))
    await master.status("a", State.FINISHED)
    sandbox = sandbox_of(data_dir, "a")
    for name in ("fifo", "zero", "loop", "up", "up/agent.db", "stdout/x", "\0", "x" * 300):
        for what in ("browse", "read", "download"):
            async with asyncio.timeout(60):
                status, _ = await get(agent, f"/files/{what}", path=f"{sandbox}/{name}", offset="0")
            assert status in (400, 404), (what, name)
    read = await get_json(
        agent, "/files/read", path=f"{sandbox}/huge", offset=str(2**40 - 5), length="100"
    )
    assert read == {"data": "\0" * 5, "offset": 2**40 - 5}
    assert len(await _browse(agent, str(sandbox))) == 7


async def test_a_link_that_is_exchanged_meanwhile_leads_nowhere(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", "true"))
    await master.status("a", State.FINISHED)
    sandbox = sandbox_of(data_dir, "a").resolve()
    (sandbox / "inside").write_text("inside")
    (data_dir / "outside").write_text("outside")
    stop = asyncio.Event()

    def exchange() -> None:
        while not stop.is_set():
            for target in (data_dir / "outside", sandbox / "inside"):
                (sandbox / "new").symlink_to(target)
                os.replace(sandbox / "new", sandbox / "link")  # noqa: PTH105

    exchanging = asyncio.create_task(asyncio.to_thread(exchange))
    try:
        for _ in range(200):
            for what in ("read", "download"):
                path = f"{sandbox}/link"
                _, body = await get(agent, f"/files/{what}", path=path, offset="0")
                assert not body.startswith((b"outside", b'{"data":"outside')), body
    finally:
        stop.set()
        await exchanging


async def test_the_v1_calls_read_the_same_files(
    master: FakeMaster, agent: RunningAgent, data_dir: Path
) -> None:
    await master.run(task("a", "echo hello"))
    await master.status("a", State.FINISHED)
    sandbox = sandbox_of(data_dir, "a")
    shown = SandboxFiles(data_dir)
    assert [Path(info.path).name for info in shown.browse(str(sandbox))] == ["stderr", "stdout"]
    assert shown.read(f"{sandbox}/stdout", 1, 3) == (6, b"ell")
    for path, offset in (("/etc/passwd", 0), (f"{sandbox}/stdout", -1)):
        with pytest.raises(FilesError):
            shown.read(path, offset, None)


# --- tidying up -----------------------------------------------------------------------------------


async def test_sandboxes_go_when_they_are_old_and_no_task_is_in_them(
    master: FakeMaster, serve: Serve, data_dir: Path
) -> None:
    async with serve(sandbox_retention_s=0.2, disk_watch_interval_s=0.1, gc_disk_headroom=0):
        await master.run(task("gone", "true"), task("stays"))
        await master.status("stays", State.RUNNING)
        await eventually(lambda: not sandbox_of(data_dir, "gone").parent.exists())
        assert sandbox_of(data_dir, "stays").exists()


async def test_what_is_mounted_below_a_sandbox_keeps_it(tmp_path: Path) -> None:
    run = tmp_path / "slaves/S/frameworks/F/executors/E/runs/c 1"
    volume = run / "a volume"
    volume.mkdir(parents=True)
    mounting = await asyncio.create_subprocess_exec(
        *("mount", "-t", "tmpfs", "tmpfs", str(volume)), stderr=asyncio.subprocess.DEVNULL
    )
    if await mounting.wait() != 0:
        pytest.skip("only root can mount")
    try:
        (volume / "precious").touch()
        policy = Policy(delay_s=0.0, headroom=0.0, interval_s=1.0)
        collector = Collector(tmp_path, policy, lambda _: False)
        assert collector.collect(time.time() + 10, used=0.5) == 0
        assert (volume / "precious").exists()
        assert collector.failed == 1
    finally:
        await (await asyncio.create_subprocess_exec("umount", str(volume))).wait()
    assert collector.collect(time.time() + 10, used=0.5) == 1
