"""The supervisor with starters: commands that end once the container they start runs."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.agent.processes import (
    end_all_below,
    is_alive,
    kill,
    supervisor_of,
    with_in_environment,
)
from tests.integration.agent.supervisor_caller import Caller, connected
from tests.support import eventually

from orchestrator.agent.adapters.supervisor import wire

STARTS_SLEEP = "setsid sleep 1000 & echo $! > pid"
WAITS = "touch begun; while [ ! -e go ]; do sleep 0.02; done; " + STARTS_SLEEP

ENDS_WITH_ITS_STARTER = """
setsid sh -c '
while read -r _ _ _ parent _ < /proc/$$/stat && [ $parent = $0 ]; do :; done
exit 7' $$ & echo $! > pid
"""
"""Not before: what ends while its starter is there ends as the starter's child."""


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Path]:
    yield tmp_path / "supervisor"
    end_all_below(tmp_path)


@pytest.fixture
async def caller(directory: Path) -> AsyncIterator[Caller]:
    async with connected(directory) as caller:
        assert await caller.listed() == {}
        yield caller


def start(caller: Caller, name: str, script: str) -> None:
    pid_file = str(caller.directory.parent / "pid")
    caller.launch(name, "sh", "-c", script, pid_file=pid_file)


async def started(caller: Caller, script: str = STARTS_SLEEP) -> int:
    start(caller, "a", script)
    event = await caller.hears()
    assert isinstance(event, wire.Spawned), event
    return event.pid


def has(caller: Caller, name: str) -> bool:
    return (caller.directory.parent / name).exists()


def pid_of_ended() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


async def test_the_container_is_the_process_that_the_starter_names(caller: Caller) -> None:
    pid = await started(caller)
    assert is_alive(pid)
    kill(pid)
    assert await caller.hears() == wire.Exited("a", signal=signal.SIGKILL)


async def test_the_exit_code_of_a_container_that_ends_at_once_is_known(caller: Caller) -> None:
    await started(caller, ENDS_WITH_ITS_STARTER)
    assert await caller.hears() == wire.Exited("a", code=7)


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo one >&2; echo 'no such image' >&2; exit 1", "no such image"),
        ("""echo 'time="now" level=error msg="no \\"image\\""' >&2; exit 1""", 'no "image"'),
        ("exit 4", "its starter ended with status 4 and named no process"),
        ("exit 0", "its starter ended with status 0 and named no process"),
        ("kill -9 $$", "its starter was ended by signal 9"),
    ],
)
async def test_a_starter_that_fails_says_why(caller: Caller, script: str, sentence: str) -> None:
    (caller.directory.parent / "stderr").write_text("what another one wrote\n")
    start(caller, "a", script)
    assert await caller.hears() == wire.Exited("a", problem=sentence, started=False)


async def test_what_a_failed_starter_leaves_is_ended(caller: Caller) -> None:
    start(caller, "a", STARTS_SLEEP + "; kill -9 $$")
    event = await caller.hears()
    assert isinstance(event, wire.Exited)
    assert not event.started
    await eventually(lambda: not with_in_environment(f"WHERE={caller.directory}"))


async def test_a_pid_file_of_an_earlier_attempt_counts_for_nothing(caller: Caller) -> None:
    (caller.directory.parent / "pid").write_text("1")
    start(caller, "a", "exit 0")
    event = await caller.hears()
    assert isinstance(event, wire.Exited)
    assert not event.started


async def test_a_list_waits_for_a_container_that_is_starting(directory: Path) -> None:
    async with connected(directory) as caller:
        await caller.listed()
        start(caller, "a", WAITS)
        await eventually(lambda: has(caller, "begun"))
    async with connected(directory) as again:
        await again.reached()
        (directory.parent / "go").touch()
        assert isinstance((await again.listed())["a"], wire.Spawned)


async def test_a_kill_during_the_start_ends_the_container_once_it_runs(caller: Caller) -> None:
    start(caller, "a", WAITS)
    await eventually(lambda: has(caller, "begun"))
    caller.client.send(wire.Kill("a", 10))
    (caller.directory.parent / "go").touch()
    assert isinstance(await caller.hears(), wire.Spawned)
    assert await caller.hears() == wire.Exited("a", signal=signal.SIGTERM)


async def test_a_start_that_outlasts_the_grace_of_its_kill_is_given_up(caller: Caller) -> None:
    start(caller, "a", WAITS)
    await eventually(lambda: has(caller, "begun"))
    caller.client.send(wire.Kill("a", 0.1))
    problem = "its starter was ended by signal 9"
    assert await caller.hears() == wire.Exited("a", problem=problem, started=False)
    # Told as soon as the starter is gone; the sleep that it had begun may take a moment more.
    await eventually(lambda: with_in_environment(f"WHERE={caller.directory}") == [])


async def test_the_next_supervisor_finishes_the_start_of_a_killed_one(
    caller: Caller, directory: Path
) -> None:
    start(caller, "a", WAITS)
    await eventually(lambda: has(caller, "begun"))
    kill(supervisor_of(directory))
    (directory.parent / "go").touch()
    fact = (await caller.listed())["a"]
    assert isinstance(fact, wire.Spawned)
    caller.client.send(wire.Kill("a", 5))
    assert isinstance(await caller.hears(), wire.Exited)
    assert not is_alive(fact.pid)


async def test_a_container_that_ended_between_two_supervisors_did_start(directory: Path) -> None:
    async with connected(directory) as caller:
        await caller.listed()
        start(caller, "a", WAITS)
        await eventually(lambda: has(caller, "begun"))
    kill(supervisor_of(directory))
    end_all_below(directory.parent)
    (directory.parent / "pid").write_text(str(pid_of_ended()))
    async with connected(directory) as again:
        problem = "it ended while no supervisor was its parent"
        assert (await again.listed())["a"] == wire.Exited("a", problem=problem)


async def test_a_start_that_failed_while_no_supervisor_watched_has_failed(
    caller: Caller, directory: Path
) -> None:
    start(caller, "a", "touch begun; while [ ! -e go ]; do sleep 0.02; done; exit 1")
    await eventually(lambda: has(caller, "begun"))
    kill(supervisor_of(directory))
    (directory.parent / "go").touch()
    fact = (await caller.listed())["a"]
    problem = "the supervisor ended while it started the container"
    assert fact == wire.Exited("a", problem=problem, started=False)


async def test_a_start_whose_pid_was_not_noted_is_found_by_the_pid_file(
    caller: Caller, directory: Path
) -> None:
    pid = await started(caller)
    kill(supervisor_of(directory))
    journal = directory / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]))  # the note of the launch is all that is left
    assert (await caller.listed())["a"] == wire.Spawned("a", pid)
