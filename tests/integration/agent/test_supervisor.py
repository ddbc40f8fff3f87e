"""The supervisor with real processes: it starts, ends, adopts and forgets them."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.agent.processes import (
    descriptors_of,
    end_all_below,
    is_alive,
    kill,
    rss_kb_of,
    supervisor_of,
    supervisors_of,
    with_in_environment,
)
from tests.integration.agent.supervisor_caller import Caller, connected
from tests.support import eventually

from orchestrator.agent.adapters.supervisor import wire
from orchestrator.agent.adapters.supervisor.adoption import SPARE_DESCRIPTORS

MAX_RSS_KB = 20 * 1024
WITH_DAEMON = "(setsid sleep 1002 &) ; sleep 0.1; echo ready; sleep 1000"


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Path]:
    yield tmp_path / "supervisor"
    end_all_below(tmp_path)


@pytest.fixture
async def caller(directory: Path) -> AsyncIterator[Caller]:
    async with connected(directory) as caller:
        assert await caller.listed() == {}
        yield caller


async def test_a_command_runs_in_its_sandbox_and_its_exit_is_told(caller: Caller) -> None:
    await caller.starts("a", "sh", "-c", "pwd; echo wrong >&2; exit 3")
    assert await caller.hears() == wire.Exited("a", code=3)
    assert caller.output() == f"{caller.directory.parent}\n"
    assert caller.output("stderr") == "wrong\n"


async def test_a_death_by_signal_is_told_as_one(caller: Caller) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    kill(pid)
    assert await caller.hears() == wire.Exited("a", signal=signal.SIGKILL)


@pytest.mark.parametrize(
    ("argv", "fields", "sentence"),
    [
        (["no-such-program"], {}, "No such file or directory: no-such-program"),
        (["true"], {"user": "nobody-at-all"}, "there is no user 'nobody-at-all' on this machine"),
        (["a\0b"], {}, "embedded null byte"),
    ],
)
async def test_what_cannot_start_says_why(
    caller: Caller, argv: list[str], fields: dict[str, object], sentence: str
) -> None:
    caller.launch("a", *argv, **fields)
    assert await caller.hears() == wire.Exited("a", problem=sentence, started=False)


async def test_nothing_is_written_where_a_link_leads(caller: Caller, directory: Path) -> None:
    elsewhere, link = directory / "elsewhere", directory / "link"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    caller.launch("a", "true", directory=str(link))
    heard = await caller.hears()
    assert isinstance(heard, wire.Exited)
    assert "A link leads" in (heard.problem or "")
    assert list(elsewhere.iterdir()) == []


async def test_every_task_leads_a_session_and_inherits_nothing(caller: Caller) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    assert os.getsid(pid) == pid
    # What the program opens while it starts is its own and soon gone.
    await eventually(lambda: set(descriptors_of(pid)) == {"0", "1", "2"})
    assert descriptors_of(pid)["0"] == "/dev/null"


async def test_a_second_launch_of_a_container_starts_nothing(caller: Caller) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    assert await caller.starts("a", "sleep", "1000") == pid
    kill(pid)
    exited = await caller.hears()
    caller.launch("a", "sleep", "1000")
    assert await caller.hears() == exited


async def test_sigterm_comes_first_and_sigkill_after_the_grace(caller: Caller) -> None:
    script = "trap 'echo polite' TERM; echo ready; while :; do sleep 0.05; done"
    await caller.starts("a", "sh", "-c", script)
    await eventually(lambda: "ready" in caller.output())
    caller.client.send(wire.Kill("a", 0.5))
    assert await caller.hears() == wire.Exited("a", signal=signal.SIGKILL)
    assert "polite" in caller.output()


async def test_the_grace_is_also_that_of_what_the_first_process_started(caller: Caller) -> None:
    child = "trap 'sleep 0.3; echo child done; exit' TERM; echo ready; while :; do sleep 0.05; done"
    await caller.starts("a", "sh", "-c", f'sh -c "{child}" & wait')
    await eventually(lambda: "ready" in caller.output())
    caller.client.send(wire.Kill("a", 10))
    assert isinstance(await caller.hears(), wire.Exited)
    assert "child done" in caller.output()


async def test_leftovers_of_an_ended_task_are_killed_also_daemons(caller: Caller) -> None:
    script = (
        "sleep 1001 & setsid sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004' &) ; sleep 0.3"
    )
    await caller.starts("a", "sh", "-c", script)
    await eventually(lambda: len(with_in_environment(str(caller.directory))) >= 6)
    assert await caller.hears() == wire.Exited("a", code=0)
    assert with_in_environment(f"WHERE={caller.directory}") == []


async def test_a_kill_reaches_daemons_too(caller: Caller) -> None:
    await caller.starts(
        "a", "sh", "-c", "(setsid sleep 1002 &) ; sleep 0.1; echo ready; sleep 1000"
    )
    await eventually(lambda: "ready" in caller.output())
    caller.client.send(wire.Kill("a", 5))
    assert isinstance(await caller.hears(), wire.Exited)
    assert with_in_environment(f"WHERE={caller.directory}") == []


async def test_one_tasks_end_touches_no_other(caller: Caller) -> None:
    first = await caller.starts("a", "sleep", "1000")
    second = await caller.starts("b", "sh", "-c", "sleep 1000 & wait")
    caller.client.send(wire.Kill("a", 5))
    assert await caller.hears() == wire.Exited("a", signal=signal.SIGTERM)
    assert not is_alive(first)
    assert is_alive(second)


async def test_tasks_and_exits_outlive_the_agent(directory: Path) -> None:
    async with connected(directory) as agent:
        await agent.listed()
        pid = await agent.starts("a", "sleep", "1000")
        other = await agent.starts("b", "sleep", "1000")
    kill(other)
    async with connected(directory) as agent:
        known = await agent.listed()
        assert known["a"] == wire.Spawned("a", pid)
        exited = wire.Exited("b", signal=signal.SIGKILL)
        assert exited in (known["b"], *([await agent.hears()] if known["b"] != exited else []))
        agent.client.send(wire.Forget("b"))
    async with connected(directory) as agent:
        assert set(await agent.listed()) == {"a"}


async def test_a_kill_is_finished_though_the_agent_is_gone(directory: Path) -> None:
    async with connected(directory) as agent:
        await agent.listed()
        pid = await agent.starts("a", "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done")
        agent.client.send(wire.Kill("a", 0.3))
        await agent.starts("b", "true")  # the kill has been read before this
    await eventually(lambda: not is_alive(pid))


async def test_the_next_supervisor_adopts_what_a_killed_one_had_started(
    caller: Caller, directory: Path
) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    supervisor = supervisor_of(directory)
    kill(supervisor)
    assert await caller.listed() == {"a": wire.Spawned("a", pid)}
    assert supervisor_of(directory) != supervisor
    assert is_alive(pid)
    kill(pid)
    exited = await caller.hears()
    assert isinstance(exited, wire.Exited)
    assert (exited.code, exited.signal) == (None, None)
    assert exited.problem == "it ended while no supervisor was its parent"


async def test_tasks_are_adopted_also_without_a_descriptor_for_each(
    caller: Caller, directory: Path
) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (SPARE_DESCRIPTORS, hard))
    try:
        kill(supervisor_of(directory))
        assert await caller.listed() == {"a": wire.Spawned("a", pid)}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    kill(pid)
    exited = await caller.hears()
    assert isinstance(exited, wire.Exited)
    assert exited.problem == "it ended while no supervisor was its parent"


async def test_an_adopted_task_can_be_killed_with_all_its_processes(
    caller: Caller, directory: Path
) -> None:
    await caller.starts(
        "a", "sh", "-c", "(setsid sleep 1002 &) ; sleep 0.1; echo ready; sleep 1000"
    )
    await eventually(lambda: "ready" in caller.output())
    kill(supervisor_of(directory))
    await caller.listed()
    caller.client.send(wire.Kill("a", 5))
    assert isinstance(await caller.hears(), wire.Exited)
    assert with_in_environment(f"WHERE={caller.directory}") == []


async def test_a_task_that_ended_while_nobody_watched_is_told(
    caller: Caller, directory: Path
) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    supervisor = supervisor_of(directory)
    os.kill(supervisor, signal.SIGSTOP)
    kill(pid)
    kill(supervisor)
    known = (await caller.listed())["a"]
    exited = known if isinstance(known, wire.Exited) else await caller.hears()
    assert isinstance(exited, wire.Exited)
    assert exited.problem is not None


async def test_a_start_cut_short_is_found_by_its_mark(caller: Caller, directory: Path) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    kill(supervisor_of(directory))
    journal = directory / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])  # without the line with the pid
    assert (await caller.listed())["a"] == wire.Spawned("a", pid)


async def test_a_start_of_which_nothing_is_found_has_failed(
    caller: Caller, directory: Path
) -> None:
    pid = await caller.starts("a", "sleep", "1000")
    os.kill(supervisor_of(directory), signal.SIGSTOP)  # so that it does not see the end
    kill(pid)
    kill(supervisor_of(directory))
    journal = directory / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))  # without the line with the pid
    problem = "the supervisor ended while it started the command"
    known = (await caller.listed())["a"]
    assert known == wire.Exited("a", problem=problem, started=False)


async def test_there_is_one_supervisor_a_directory(caller: Caller, directory: Path) -> None:
    first = supervisor_of(directory)
    async with connected(directory) as other:
        assert await other.listed() == {}
        assert supervisor_of(directory) == first


async def test_a_deep_directory_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*(["a-long-name-for-a-directory"] * 8)) / "supervisor"
    async with connected(deep) as caller:
        assert await caller.listed() == {}
        await caller.starts("a", "true")
        caller.client.send(wire.Shutdown())
    end_all_below(tmp_path)


async def test_it_ends_by_itself_when_told_to_and_nothing_runs(directory: Path) -> None:
    async with connected(directory) as agent:
        await agent.listed()
        pid = await agent.starts("a", "sleep", "1000")
        agent.client.send(wire.Shutdown())
        await agent.starts("b", "true")
    kill(pid)
    await eventually(lambda: not supervisors_of(directory))


async def test_garbage_ends_the_connection_not_the_supervisor(
    caller: Caller, directory: Path
) -> None:
    before = supervisor_of(directory)
    _, writer = await asyncio.open_unix_connection(str(directory / "socket"))
    writer.write(b"nonsense\n")
    await writer.drain()
    writer.close()
    await caller.listed()  # it was replaced by the second connection, and came back
    await caller.starts("a", "true")
    assert supervisor_of(directory) == before


async def test_it_stays_small_through_many_tasks(caller: Caller, directory: Path) -> None:
    count = 300
    for number in range(count):
        caller.launch(f"n{number}", "true")
    ended = 0
    while ended < count:
        ended += isinstance(await caller.hears(), wire.Exited)
    assert rss_kb_of(supervisor_of(directory)) < MAX_RSS_KB
