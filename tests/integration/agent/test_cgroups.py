"""Cgroups of the real kernel, in each version it offers, entered by the real supervisor."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.integration.agent.cgroup_trees import ROOT, remove_all_of
from tests.integration.agent.processes import (
    end_all_below,
    is_alive,
    kill,
    supervisor_of,
    with_in_environment,
)
from tests.integration.agent.supervisor_caller import Caller, connected
from tests.support import eventually

from orchestrator.agent.adapters.isolation import cgroups, hierarchies, setting
from orchestrator.agent.adapters.isolation.cgroups import Cgroups
from orchestrator.agent.adapters.isolation.quota import Quota
from orchestrator.agent.adapters.supervisor import wire

MB = 1 << 20
HIERARCHIES = [("v2" if one.is_unified else "v1", one) for one in hierarchies.detect()]
OFFERED = sorted({version for version, _ in HIERARCHIES})
FORKS = "while :; do setsid sleep 1000 & done"  # until it cannot
FORKS_FOR_EVER = """
import os, time
while True:
    try:
        if os.fork() == 0:
            os.setsid()
            time.sleep(1000)
    except BlockingIOError:
        pass  # as many as there may be: it goes on trying
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not OFFERED, reason="making cgroups needs root and a kernel with cgroups"
)


def offering(controller: str) -> pytest.MarkDecorator:
    """In each version in which this kernel has the controller now; a controller is in one only."""
    versions = [version for version, one in HIERARCHIES if controller in one.controllers]
    return pytest.mark.parametrize("version", versions, indirect=True)


@pytest.fixture(params=OFFERED)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tree(tmp_path: Path, version: str) -> Iterator[Cgroups]:
    """What of one version the kernel offers; version 2 always counts processor time."""
    found = [one for its_version, one in HIERARCHIES if its_version == version]
    offered = frozenset[str]().union(*(one.controllers for one in found)) | {"cpuacct"}
    wanted = setting.Isolation(
        controllers=offered & {"cpu", "cpuacct", "memory", "pids"}, is_demanded=True
    )
    yield cgroups.open_cgroups(wanted, ROOT, tmp_path.resolve(), found=found)
    remove_all_of(tmp_path)


@pytest.fixture
async def caller(tmp_path: Path, tree: Cgroups) -> AsyncIterator[Caller]:
    async with connected(tmp_path / "supervisor") as caller:
        assert await caller.listed() == {}
        yield caller
    end_all_below(tmp_path)


def launch(caller: Caller, tree: Cgroups, script: str, limits: Quota | None = None) -> None:
    place = tree.create("a", limits or Quota())
    caller.launch("a", "sh", "-c", script, enters=place.enters, roster=place.roster)


async def started(caller: Caller, tree: Cgroups, script: str, limits: Quota | None = None) -> int:
    launch(caller, tree, script, limits)
    event = await caller.hears()
    assert isinstance(event, wire.Spawned), event
    return event.pid


def cgroups_of_process(pid: int) -> set[str]:
    return {line.split(":", 2)[2] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()}


async def test_a_process_is_in_its_cgroups_from_the_start_and_the_supervisor_in_its_own(
    caller: Caller, tree: Cgroups
) -> None:
    home = cgroups_of_process(os.getpid())
    await started(caller, tree, "cat /proc/self/cgroup; sleep 1000")
    await eventually(lambda: caller.output().endswith("\n"))
    seen = {line.split(":", 2)[2] for line in caller.output().splitlines()}
    assert seen - home == {tree.path_of("a")}
    assert cgroups_of_process(supervisor_of(caller.directory)) == home


async def test_a_kill_reaches_what_left_session_parents_and_mark(
    caller: Caller, tree: Cgroups
) -> None:
    await started(caller, tree, "(env -i setsid sleep 1077 &) ; echo ready; sleep 1000")
    await eventually(lambda: "ready" in caller.output())
    roster = tree.placement("a").roster
    pids = await eventually(lambda: found if len(found := members(roster)) == 3 else None)
    caller.client.send(wire.Kill("a", 0.0))
    assert isinstance(await caller.hears(), wire.Exited)
    assert not any(map(is_alive, pids))


def members(roster: str | None) -> list[int]:
    assert roster is not None
    return [int(pid) for pid in Path(roster, "cgroup.procs").read_text().split()]


async def test_what_forks_without_end_is_ended_with_all_it_started(
    caller: Caller, tree: Cgroups
) -> None:
    limits = Quota(pids=60)
    program = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(FORKS_FOR_EVER)}"
    await started(caller, tree, program, limits)
    roster = tree.placement("a").roster
    await eventually(lambda: len(members(roster)) > 30)
    caller.client.send(wire.Kill("a", 0.0))
    assert isinstance(await caller.hears(), wire.Exited)
    assert members(roster) == []
    assert with_in_environment(f"WHERE={caller.directory}") == []


async def test_leftovers_are_ended_when_the_first_process_ends(
    caller: Caller, tree: Cgroups
) -> None:
    await started(caller, tree, "(env -i setsid sleep 1077 &) ; sleep 0.1; exit 3")
    assert await caller.hears() == wire.Exited("a", code=3)
    assert members(tree.placement("a").roster) == []


async def test_a_supervisor_that_comes_later_knows_the_cgroup(
    caller: Caller, tree: Cgroups
) -> None:
    await started(caller, tree, "(env -i setsid sleep 1077 &) ; echo ready; sleep 1000")
    await eventually(lambda: "ready" in caller.output())
    kill(supervisor_of(caller.directory))
    await caller.listed()
    caller.client.send(wire.Kill("a", 0.0))
    assert isinstance(await caller.hears(), wire.Exited)
    assert members(tree.placement("a").roster) == []


async def test_a_cgroup_that_is_gone_fails_the_launch(caller: Caller, tree: Cgroups) -> None:
    place = tree.placement("never-made")
    caller.launch("a", "true", enters=place.enters, roster=place.roster)
    event = await caller.hears()
    assert isinstance(event, wire.Exited)
    assert not event.started
    assert event.problem is not None
    assert "never-made" in event.problem
    caller.launch("b", "true")  # and the supervisor is where it was
    assert isinstance(await caller.hears(), wire.Spawned)


async def test_the_processor_time_of_the_dead_counts(caller: Caller, tree: Cgroups) -> None:
    work = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"
    await started(caller, tree, f"({work}); echo worked; sleep 1000")
    await eventually(lambda: "worked" in caller.output())
    used = tree.usage("a")
    assert used is not None
    assert (used.user_s or 0) + (used.system_s or 0) > 0
    assert used.processes == 2


async def test_removing_ends_what_is_left(caller: Caller, tree: Cgroups) -> None:
    pid = await started(caller, tree, "sleep 1000")
    tree.remove(["a"])
    assert not is_alive(pid)
    assert tree.strays([]) == []


@offering("memory")
async def test_memory_is_limited(caller: Caller, tree: Cgroups) -> None:
    eat = f"exec {sys.executable} -c 'x = bytearray(200 << 20)'"
    await started(caller, tree, eat, Quota(memory_bytes=64 * MB, memory_limit_bytes=64 * MB))
    assert await caller.hears() == wire.Exited("a", signal=9)
    overrun = tree.overrun("a")
    assert overrun is not None
    assert overrun.limit_bytes == 64 * MB
    assert overrun.used_bytes is not None
    assert 60 * MB < overrun.used_bytes <= 64 * MB


@offering("pids")
async def test_processes_are_limited(caller: Caller, tree: Cgroups) -> None:
    await started(caller, tree, FORKS, Quota(pids=20))
    await eventually(lambda: "fork" in caller.output("stderr"))  # "Cannot fork"
    assert len(members(tree.placement("a").roster)) <= 20


@offering("cpu")
async def test_processor_time_is_limited(caller: Caller, tree: Cgroups) -> None:
    """By what the kernel counts: in each period of 0.1 s at most a fifth of it may be used."""
    await started(caller, tree, "while :; do :; done", Quota(cpus=0.2, cpu_limit=0.2))
    await eventually(lambda: (used := tree.usage("a")) and (used.periods or 0) >= 10)
    used = tree.usage("a")
    assert used is not None
    assert used.periods is not None
    assert used.throttled_periods is not None
    assert used.throttled_periods > used.periods / 2
    spent_s = (used.user_s or 0) + (used.system_s or 0)
    assert spent_s <= (used.periods + 2) * 0.1 * 0.2 + 0.1


@offering("memory")
async def test_a_container_that_gets_more_is_let_have_it_and_never_less_memory(
    tree: Cgroups,
) -> None:
    def limit() -> int | None:
        used = tree.usage("a")
        return used.memory_limit_bytes if used else None

    tree.create("a", Quota(memory_limit_bytes=64 * MB))
    for wanted, in_force in ((96, 96), (48, 96), (128, 128)):
        tree.resize("a", Quota(cpus=1, memory_limit_bytes=wanted * MB))
        assert limit() == in_force * MB
