"""Commands beside tasks, on real processes: what goes in, what comes out, that all of it ends."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.integration.agent.conftest import Serve
from tests.integration.agent.fake_master import FRAMEWORK, FakeMaster, task
from tests.integration.agent.operating import (
    Json,
    Operator,
    encoded,
    heartbeat,
    named,
    operator_of,
    size,
    stdin,
)
from tests.support import eventually

from orchestrator.agent.adapters.api import v1_streams
from orchestrator.agent.adapters.sessions import keeper, sessions
from orchestrator.agent.server import RunningAgent
from orchestrator.mesos import link, resource_wire
from orchestrator.mesos.types import ExecutorID, ExecutorInfo, Resource
from orchestrator.mesos.types import TaskState as State


@pytest.fixture
async def operator(agent: RunningAgent) -> AsyncIterator[Operator]:
    async with operator_of(agent) as operator:
        yield operator


@pytest.fixture
async def beside(master: FakeMaster, agent: RunningAgent) -> Json:
    """The container of a task that runs."""
    return await running(master)


async def running(master: FakeMaster, name: str = "a") -> Json:
    await master.run(task(name, "export MINE=1; echo I write; sleep 1000"))
    status = await master.status(name, State.RUNNING)
    assert status.container_status
    assert status.container_status.container_id
    return {"value": status.container_status.container_id.value}


def parsed(text: str) -> list[Resource]:
    return resource_wire.to_wire(resource_wire.parse(text), role="*", refined=True)


def cgroups_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> None:
    await eventually(lambda: not is_alive(pid))


# --- output and exit -----------------------------------------------------------------------------


async def test_a_command_sees_what_its_task_has_and_its_streams_are_told_apart(
    operator: Operator, beside: Json, data_dir: Path
) -> None:
    script = "pwd; echo $MESOS_TASK_ID; cat stdout; echo wrong >&2; exit 7"
    async with operator.session(beside, "sh", "-c", script) as output:
        await output.rest()
        assert output.response.headers["Content-Type"] == "application/recordio"
        assert output.response.headers["Message-Content-Type"] == "application/json"
    directory, name, written = output.stdout.decode().splitlines()
    assert directory.endswith(f"/runs/{beside['value']}")
    assert (name, written, output.stderr) == ("a", "I write", b"wrong\n")
    assert await operator.exit_status(output.id) == 7 << 8


async def test_the_limits_of_a_task_are_those_of_commands_beside_it(
    master: FakeMaster, operator: Operator, beside: Json
) -> None:
    async with operator.session(beside, "cat", "/proc/self/cgroup") as output:
        await output.rest()
    status = await master.status("a", State.RUNNING)
    assert status.container_status
    assert output.stdout.decode() == cgroups_of(status.container_status.executor_pid or 0)


async def test_a_command_that_is_killed_is_told_so(operator: Operator, beside: Json) -> None:
    async with operator.session(beside, "sh", "-c", "echo x; sleep 1000") as output:
        await output.until(b"x")
        assert await operator.call("KILL_CONTAINER", container_id=output.id, signal=15) == (200, "")
        await output.rest()
    assert await operator.exit_status(output.id) == 15
    answer = await operator.call("KILL_CONTAINER", container_id=output.id)
    assert answer[0] == 404


async def test_whatever_a_command_leaves_running_ends_with_it(
    operator: Operator, beside: Json
) -> None:
    script = "setsid sleep 1000 & echo $!; (setsid sleep 1001 & echo $!)"
    async with operator.session(beside, "sh", "-c", script) as output:
        await output.rest()
    for pid in map(int, output.stdout.split()):
        assert not is_alive(pid)


async def test_a_command_is_killed_when_its_client_goes_away(
    operator: Operator, beside: Json
) -> None:
    async with operator.session(beside, "sh", "-c", "trap '' TERM; echo $$; sleep 1000") as output:
        await output.until(b"\n")
        output.response.close()
    await gone(int(output.stdout))
    assert await operator.exit_status(output.id) == 9


async def test_a_command_is_killed_with_its_task_which_does_not_wait_for_it(
    master: FakeMaster, operator: Operator, beside: Json
) -> None:
    async with operator.session(beside, "sh", "-c", "trap '' TERM; echo $$; sleep 1000") as output:
        await output.until(b"\n")
        waiting = asyncio.create_task(operator.exit_status(output.id))
        await master.kill("a")
        await master.status("a", State.KILLED)
        assert await waiting == 9
        await output.rest()
    await gone(int(output.stdout))


async def test_a_command_ends_with_its_agent_and_its_task_does_not(
    master: FakeMaster, serve: Serve
) -> None:
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(serve())
        async with operator_of(agent) as operator:
            parent = await running(master)
            async with operator.session(parent, "sh", "-c", "echo $$; sleep 1000") as output:
                await output.until(b"\n")
                await stack.aclose()
    await gone(int(output.stdout))
    status = await master.status("a", State.RUNNING)
    assert status.container_status
    assert is_alive(status.container_status.executor_pid or 0)


async def test_a_command_ends_when_its_agent_is_killed(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", keeper.__name__, str(theirs.fileno())),
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    script = "trap '' TERM HUP; (setsid sleep 1000 & echo $! > orphan); sleep 1001"
    run = keeper.Run(["sh", "-c", script], dict(os.environ), str(tmp_path))
    ours.sendall(keeper.encode(run))
    answer = keeper.decode(await asyncio.to_thread(ours.recv, 4096))
    assert isinstance(answer, keeper.Started)
    orphan = await eventually(
        lambda: (tmp_path / "orphan").exists() and int((tmp_path / "orphan").read_text() or 0)
    )
    assert is_alive(answer.pid)
    assert is_alive(orphan)
    ours.close()  # as the kernel does
    await started.wait()
    assert not is_alive(answer.pid)
    assert not is_alive(orphan)


async def test_output_waits_for_its_reader(
    agent: RunningAgent, operator: Operator, beside: Json
) -> None:
    before = _rss_bytes()
    async with operator.session(beside, "sh", "-c", "yes | head -c 60000000; echo end") as output:
        await output.until(b"y\n")
        await asyncio.sleep(1.0)  # in which it could write all of it
        assert _rss_bytes() - before < 15_000_000
        length = len(output.stdout)
        async for chunk in output.response.content.iter_any():
            length += len(chunk)
    assert length > 60_000_000
    assert await operator.exit_status(output.id) == 0


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_a_silent_session_has_heartbeats(
    operator: Operator, beside: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v1_streams, "HEARTBEAT_S", 0.05)
    async with operator.session(beside, "cat") as output:
        heard = b""
        while b"HEARTBEAT" not in heard:
            heard += await output.response.content.readany()
        assert b'"interval":{"nanoseconds":50000000}' in heard


async def test_a_member_of_a_task_group_is_named_with_its_group(
    master: FakeMaster, operator: Operator
) -> None:
    executor = ExecutorInfo(
        executor_id=ExecutorID(value="e"), type="DEFAULT", resources=parsed("cpus:0.1;mem:32")
    )
    group = [task("m", "sleep 1000")]
    await master.say(
        link.RunInExecutor(
            framework=FRAMEWORK,
            executor=executor,
            tasks=group,
            is_group=True,
            launches_executor=True,
        )
    )
    status = await master.status("m", State.RUNNING)
    assert status.container_status
    id_ = status.container_status.container_id
    assert id_
    assert id_.parent
    member = {"value": id_.value, "parent": {"value": id_.parent.value}}
    async with operator.session(member, "sh", "-c", "echo $MESOS_TASK_ID; pwd") as output:
        name, directory = (await output.rest()).stdout.decode().split()
    assert name == "m"
    assert directory.endswith(f"/containers/{id_.value}")
    for wrong in ({"value": id_.value}, {"value": id_.parent.value}):
        launch = {"container_id": {"value": "x", "parent": wrong}, "command": {"value": "true"}}
        assert (await operator.call("LAUNCH_NESTED_CONTAINER", **launch))[0] == 400


# --- input ---------------------------------------------------------------------------------------


async def test_input_is_passed_on_and_its_end_too(operator: Operator, beside: Json) -> None:
    async with operator.session(beside, "cat") as output:
        assert await operator.give(output.id) == (200, "")  # as the command line tries it first
        answer = await operator.give(output.id, heartbeat(), stdin(b"one\n"))
        assert answer == (200, "")
        await output.until(b"one\n")
        await operator.give(output.id, stdin(b"two\n"), stdin(b""))
        await output.rest()
    assert output.stdout == b"one\ntwo\n"
    assert await operator.exit_status(output.id) == 0


async def test_much_input_goes_through_a_slow_command(operator: Operator, beside: Json) -> None:
    piece = os.urandom(50_000)
    async with operator.session(beside, "sh", "-c", "sleep 0.3; md5sum; wc -c") as output:
        given = asyncio.create_task(operator.give(output.id, *[stdin(piece)] * 100, stdin(b"")))
        await output.rest()
        assert (await given)[0] == 200
    assert output.stdout.split()[0].decode() == hashlib.md5(piece * 100).hexdigest()


async def test_a_command_that_wants_no_input_ends_as_it_likes(
    operator: Operator, beside: Json
) -> None:
    async with operator.session(beside, "sh", "-c", "exec 0<&-; sleep 0.2; exit 3") as output:
        assert (await operator.give(output.id, *[stdin(b"x" * 60_000)] * 50))[0] == 200
        await output.rest()
    assert await operator.exit_status(output.id) == 3 << 8
    assert (await operator.give(output.id, stdin(b"late")))[0] == 200


async def test_one_gives_input_at_a_time(operator: Operator, beside: Json) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        yield encoded([named(output.id), stdin(b"first\n")])
        await released.wait()

    released = asyncio.Event()
    async with operator.session(beside, "cat") as output:
        first = asyncio.create_task(operator.give_bytes(slowly()))
        await output.until(b"first\n")
        assert (await operator.give(output.id, stdin(b"second\n")))[0] == 409
        released.set()
        assert await first == (200, "")
        assert (await operator.give(output.id, stdin(b"third\n")))[0] == 200
        await output.until(b"third\n")
    assert output.stdout == b"first\nthird\n"


async def test_what_is_no_input_is_refused_and_harms_nobody(
    operator: Operator, beside: Json
) -> None:
    async with operator.session(beside, "cat") as output:
        for rest in (
            b"x\n",
            b"99999999999999\n",
            b"5\n{",
            b"2\n{}",
            b"4\nnull",
            b"-5\nabcde",
            encoded([{"type": "CONTAINER_ID", "container_id": {"value": "x"}}]),
            encoded([{"type": "PROCESS_IO"}]),
            encoded([size(1, 1)]),  # it has no terminal
        ):
            status, sentence = await operator.give_bytes(encoded([named(output.id)]) + rest)
            assert (status, bool(sentence)) == (400, True), rest
        await operator.give(output.id, stdin(b"fine\n"), stdin(b""))
        assert (await output.rest()).stdout == b"fine\n"


async def test_input_for_nobody_is_refused(operator: Operator) -> None:
    for body, status in (
        (b"", 400),
        (b"junk", 400),
        (encoded([stdin(b"x")]), 400),
        (encoded([named({"value": "nobody"})]), 404),
        (encoded([named({"value": "x", "parent": {"value": "nobody"}})]), 404),
        (b'22\n{"type": "GET_HEALTH"}', 415),
    ):
        assert (await operator.give_bytes(body))[0] == status, body


# --- terminals -----------------------------------------------------------------------------------


async def test_a_terminal_is_one_and_has_the_size_it_is_told(
    operator: Operator, beside: Json
) -> None:
    tty = {"window_size": {"rows": 24, "columns": 80}}
    heard = 'while :; do read line; echo "<$line>"; done'
    script = f"tty; stty size; trap 'stty size' WINCH; echo ready; {heard}"
    async with operator.session(beside, "sh", "-c", script, tty=tty) as output:
        await output.until(b"ready")
        assert b"24 80" in output.stdout
        assert b"/dev/pts/" in output.stdout
        await operator.give(output.id, size(0, 0), size(50, 132))
        await operator.give(output.id, stdin(b"hello\n"))
        await output.until(b"<hello>")
        await operator.give(output.id, stdin(b"\x03"))  # Ctrl-C
        await output.rest()
    assert b"50 132" in output.stdout
    assert output.stderr == b""
    assert await operator.exit_status(output.id) in (2, 130 << 8)


async def test_a_terminal_has_jobs_and_ends_by_ctrl_d(operator: Operator, beside: Json) -> None:
    async with operator.session(beside, "sh", "-i", tty={}) as output:
        await operator.give(output.id, stdin(b"sh -c 'echo $((2*4)); exec sleep 100'\n"))
        await output.until(b"8\r\n")
        await operator.give(output.id, stdin(b"\x03"))  # what was typed before is lost by that
        await output.until(b"^C")
        await operator.give(output.id, stdin(b"echo $TERM $((6*7))\n"))
        await output.until(b"xterm 42")
        await operator.give(output.id, stdin(b"\x04"))
        await output.rest()
    assert b"job control turned off" not in output.stdout
    assert await operator.exit_status(output.id) in (0, 130 << 8)


async def test_a_second_reader_sees_the_same_terminal(operator: Operator, beside: Json) -> None:
    async with operator.session(beside, "cat", tty={}) as output:
        async with operator.attached(output.id) as second:
            await operator.give(output.id, stdin(b"both\n"))
            await output.until(b"both")
            await second.until(b"both")
        await operator.give(output.id, stdin(b"\x04"))
        await output.rest()


# --- what cannot be ------------------------------------------------------------------------------


async def test_a_task_without_a_terminal_cannot_be_attached_to(
    operator: Operator, beside: Json
) -> None:
    status, sentence = await operator.call("ATTACH_CONTAINER_OUTPUT", container_id=beside)
    # The mesos command line knows this answer by its text.
    assert (status, sentence) == (500, "I/O switchboard server was disabled for this container")


async def test_what_cannot_be_run_is_refused_in_a_sentence(
    operator: Operator, beside: Json
) -> None:
    too_large = {"window_size": {"rows": 99999, "columns": 1}}
    possible: Json = {"container_id": {"value": "x", "parent": beside}}
    possible |= {"command": {"value": "true"}}
    for changes in (
        {"container_id": {"value": "x"}},
        {"container_id": {"value": "x", "parent": {"value": "nobody"}}},
        {"container_id": {"value": "a/b", "parent": beside}},
        {"command": {"value": "/no/such/program", "shell": False}},
        {"command": {"value": "true", "user": "nobody-of-this-name"}},
        {"command": {"value": "x", "uris": [{"value": "file:///etc/passwd"}]}},
        {"command": None},
        {"container": {"type": "MESOS", "hostname": "other"}},
        {"container": {"type": "MESOS", "tty_info": too_large}},
    ):
        body = possible | changes
        for type_ in ("LAUNCH_NESTED_CONTAINER_SESSION", "LAUNCH_NESTED_CONTAINER"):
            status, sentence = await operator.call(type_, **body)
            assert (status, bool(sentence)) == (400, True), changes
    assert await operator.call("LAUNCH_NESTED_CONTAINER", **possible) == (200, "")


async def test_a_command_can_be_launched_without_being_read(
    operator: Operator, beside: Json, tmp_path: Path
) -> None:
    id_ = {"value": "quiet", "parent": beside}
    command = {"value": f"echo unread; sleep 0.3; touch {tmp_path}/made"}
    for type_, status in (("LAUNCH_NESTED_CONTAINER", 200), ("LAUNCH_CONTAINER", 202)):
        assert await operator.call(type_, container_id=id_, command=command) == (status, "")
    _, shown = await operator.call("GET_CONTAINERS", show_nested=True)
    ids = [one["container_id"] for one in shown["get_containers"]["containers"]]
    assert ids == [beside, id_]
    assert (await operator.call("REMOVE_CONTAINER", container_id=id_))[0] == 500
    status, answer = await operator.call("WAIT_NESTED_CONTAINER", container_id=id_)
    assert (status, answer["wait_nested_container"]["exit_status"]) == (200, 0)
    assert (tmp_path / "made").exists()
    assert (await operator.call("REMOVE_NESTED_CONTAINER", container_id=id_))[0] == 200
    assert (await operator.call("WAIT_CONTAINER", container_id=id_))[0] == 404


async def test_the_end_of_a_task_can_be_waited_for(
    master: FakeMaster, operator: Operator, beside: Json
) -> None:
    waiting = asyncio.create_task(operator.exit_status(beside))
    await asyncio.sleep(0.05)
    await master.kill("a")
    assert await waiting == 15
    assert await operator.exit_status(beside) == 15


async def test_standalone_containers_are_not_supported(operator: Operator) -> None:
    launch = {"container_id": {"value": "x"}, "command": {"value": "true"}}
    assert (await operator.call("LAUNCH_CONTAINER", **launch))[0] == 501


async def test_sessions_are_bounded(
    operator: Operator, beside: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 1)
    async with operator.session(beside, "cat"):
        body: Json = {
            "container_id": {"value": "2", "parent": beside},
            "command": {"value": "true"},
        }
        assert (await operator.call("LAUNCH_NESTED_CONTAINER", **body))[0] == 503


async def test_pages_in_a_browser_may_not_run_commands(operator: Operator, beside: Json) -> None:
    message = {
        "type": "LAUNCH_NESTED_CONTAINER",
        "launch_nested_container": {
            "container_id": {"value": "x", "parent": beside},
            "command": {"value": "true"},
        },
    }
    headers = {"Origin": "http://127.0.0.1:5051"}
    async with operator.http.post(operator.url, json=message, headers=headers) as response:
        assert response.status == 403


@pytest.mark.parametrize(("allowed", "status"), [(False, 403), (True, 200)])
async def test_where_others_can_connect_commands_have_to_be_allowed(
    master: FakeMaster, serve: Serve, allowed: bool, status: int
) -> None:
    async with serve(host="0.0.0.0", enable_sessions=allowed) as agent:
        parent = await running(master)
        async with operator_of(agent) as operator:
            launch = {
                "container_id": {"value": "x", "parent": parent},
                "command": {"value": "true"},
            }
            answer = await operator.call("LAUNCH_NESTED_CONTAINER", **launch)
            assert answer[0] == status, answer
