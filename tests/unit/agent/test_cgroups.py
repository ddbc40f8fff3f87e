"""Cgroups on machines that are played by files: v1, v2 and both."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.agent.fake_cgroups import FakeMachine

from orchestrator.agent.adapters.isolation import hierarchies, setting, usage
from orchestrator.agent.adapters.isolation.cgroups import (
    CgroupError,
    Cgroups,
    group_of,
    open_cgroups,
)
from orchestrator.agent.adapters.isolation.isolator import Isolator
from orchestrator.agent.adapters.isolation.quota import Quota
from orchestrator.agent.adapters.isolation.setting import IsolationError
from orchestrator.agent.adapters.isolation.usage import Overrun, Place

WORK_DIR = Path("/var/lib/agent")
GROUP = group_of("orchestrator", WORK_DIR)
SMALL = Quota(cpus=0.5, cpu_limit=1.5, memory_bytes=64 << 20, memory_limit_bytes=64 << 20, pids=9)
V1_FILES = {
    "cpu,cpuacct": ("cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"),
    "memory": ("memory.limit_in_bytes",),
    "pids": ("pids.max",),
}


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def opened(machine: FakeMachine, isolation: str = "auto") -> Cgroups:
    return open_cgroups(setting.parse(isolation), "orchestrator", WORK_DIR, root=machine.root)


def names(machine: FakeMachine) -> list[tuple[str, bool]]:
    found = hierarchies.detect(machine.root)
    return [(str(one.path.relative_to(machine.root)), one.is_unified) for one in found]


def test_version_1_has_a_hierarchy_for_each_mount(machine: FakeMachine) -> None:
    machine.mounts_v1("cpu,cpuacct", "memory")
    found = hierarchies.detect(machine.root)
    assert hierarchies.mode(found) == "v1"
    cpu, memory = found
    assert cpu.controllers >= {"cpu", "cpuacct"}
    assert memory.path == machine.root / "sys/fs/cgroup/memory"


def test_version_2_has_one_with_the_controllers_it_names(machine: FakeMachine) -> None:
    machine.mounts_v2("cpuset cpu memory pids")
    (one,) = hierarchies.detect(machine.root)
    assert hierarchies.mode([one]) == "v2"
    assert one.controllers == {"cpuset", "cpu", "memory", "pids"}


def test_with_both_a_controller_is_where_it_is_bound(machine: FakeMachine) -> None:
    machine.mounts_v1("memory").mounts_v2("pids", at="sys/fs/cgroup/unified")
    found = hierarchies.detect(machine.root)
    assert hierarchies.mode(found) == "hybrid"
    for controller, place in (("memory", "memory"), ("pids", "unified"), ("cpuacct", "unified")):
        holder = hierarchies.holder(found, controller)
        assert holder is not None
        assert holder.path.name == place
    assert hierarchies.holder(found, "cpu") is None


def test_a_hierarchy_that_is_mounted_twice_counts_once(machine: FakeMachine) -> None:
    machine.mounts_v1("memory").mounts_v1("memory", at="somewhere/else")
    assert names(machine) == [("sys/fs/cgroup/memory", False)]


def test_a_mount_point_with_a_space_is_found(machine: FakeMachine) -> None:
    machine.mounts_v1("memory", at=r"a\040b")
    assert names(machine) == [("a b/memory", False)]


def test_a_machine_without_cgroups_has_none(machine: FakeMachine, tmp_path: Path) -> None:
    assert hierarchies.detect(machine.root) == ()
    assert hierarchies.detect(tmp_path / "nothing") == ()
    cgroups = opened(machine)
    assert cgroups.controllers == frozenset()
    assert cgroups.create("a", SMALL).enters == []
    assert cgroups.overrun("a") is None
    assert cgroups.usage("a") is None
    cgroups.remove(["a"])


@pytest.mark.parametrize(
    ("controller", "reason"),
    [
        ("memory", "the kernel has the controller 'memory' switched off"),
        ("pids", "the kernel has no controller 'pids'"),
        ("cpu", "no mounted hierarchy has the controller 'cpu'"),
    ],
)
def test_what_is_missing_says_why(machine: FakeMachine, controller: str, reason: str) -> None:
    cgroups = opened(machine)
    assert cgroups.missing[controller] == reason
    assert reason in cgroups.flags()["isolation_missing"]


def test_what_cannot_be_written_is_missing_and_no_crash(machine: FakeMachine) -> None:
    machine.mounts_v1()
    (machine.root / "sys/fs/cgroup/memory/orchestrator").write_text("not a directory")
    cgroups = opened(machine)
    assert set(cgroups.missing) == {"memory"}
    assert cgroups.controllers == {"cpu", "cpuacct", "pids"}
    assert cgroups.flags()["isolation"] == "cgroups/cpu,cgroups/pids"


def test_what_is_demanded_and_missing_stops_the_agent(machine: FakeMachine) -> None:
    machine.mounts_v1("pids")
    with pytest.raises(IsolationError, match="'memory' switched off"):
        opened(machine, "cgroups/mem,cgroups/pids")


def test_nothing_is_touched_where_nothing_is_wanted(machine: FakeMachine) -> None:
    machine.mounts_v1()
    cgroups = opened(machine, "posix/cpu,posix/mem")
    assert cgroups.placement("a").roster is None
    assert not list(machine.root.rglob("orchestrator"))


def test_in_version_1_limits_are_in_force_before_anything_enters(machine: FakeMachine) -> None:
    machine.mounts_v1()
    for place, files in V1_FILES.items():
        machine.has(f"sys/fs/cgroup/{place}/{GROUP}/a", **dict.fromkeys(files, ""))
    placement = opened(machine).create("a", SMALL)
    base = machine.root / "sys/fs/cgroup"
    read = {
        file: (base / place / GROUP / "a" / file).read_text()
        for place, files in V1_FILES.items()
        for file in files
    }
    assert read == {
        "cpu.shares": "512",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "150000",
        "memory.limit_in_bytes": str(64 << 20),
        "pids.max": "9",
    }
    assert sorted(placement.enters) == sorted(f"{base}/{p}/{GROUP}/a/tasks" for p in V1_FILES)
    assert placement.roster == f"{base}/pids/{GROUP}/a"


def test_in_version_2_there_is_one_cgroup(machine: FakeMachine) -> None:
    machine.mounts_v2("cpu memory pids")
    files = ("cpu.weight", "cpu.max", "memory.max", "memory.low", "pids.max")
    for level in (GROUP, f"{GROUP}/a", "orchestrator"):
        machine.has(f"sys/fs/cgroup/{level}", cgroup__subtree_control="")
    place = machine.has(f"sys/fs/cgroup/{GROUP}/a", **dict.fromkeys(files, ""))
    placement = opened(machine).create("a", SMALL)
    assert {file: (place / file).read_text() for file in files} == {
        "cpu.weight": "20",
        "cpu.max": "150000 100000",
        "memory.max": str(64 << 20),
        "memory.low": str(64 << 20),
        "pids.max": "9",
    }
    assert placement.enters == [f"{place}/cgroup.procs"]
    assert placement.roster == str(place)


def test_version_2_hands_controllers_down_to_the_containers(machine: FakeMachine) -> None:
    machine.mounts_v2("memory")
    levels = [machine.has(f"sys/fs/cgroup/{n}") for n in ("", "orchestrator", GROUP)]
    for level in levels:
        (level / "cgroup.subtree_control").write_text("")
    opened(machine, "cgroups/mem")
    assert [(level / "cgroup.subtree_control").read_text() for level in levels] == ["+memory"] * 3


def test_what_version_2_does_not_hand_down_is_missing_alone(machine: FakeMachine) -> None:
    machine.mounts_v2("memory")  # and no cgroup.subtree_control below the top
    cgroups = opened(machine)
    assert "cgroup.subtree_control: No such file" in cgroups.missing["memory"]
    assert cgroups.controllers == {"cpuacct"}
    assert cgroups.placement("a").roster == f"{machine.root}/sys/fs/cgroup/{GROUP}/a"


def test_without_a_count_of_processes_version_1_freezes_them(machine: FakeMachine) -> None:
    machine.mounts_v1()
    placement = opened(machine, "cgroups/mem").placement("a")
    assert placement.roster == f"{machine.root}/sys/fs/cgroup/freezer/{GROUP}/a"


def test_a_limit_that_cannot_be_set_fails_the_container(machine: FakeMachine) -> None:
    machine.mounts_v1("memory")
    with pytest.raises(CgroupError, match=r"memory\.limit_in_bytes"):
        opened(machine).create("a", SMALL)


def test_agents_of_one_machine_do_not_meet() -> None:
    assert group_of("orchestrator", Path("/a")) != group_of("orchestrator", Path("/b"))
    assert group_of("/x/", Path("/a")).startswith("x/")


def test_strays_are_those_that_nobody_knows(machine: FakeMachine) -> None:
    machine.mounts_v1()
    machine.has(f"sys/fs/cgroup/pids/{GROUP}/a")
    machine.has(f"sys/fs/cgroup/freezer/{GROUP}/b")
    machine.has("sys/fs/cgroup/pids/orchestrator/another-agent/c")
    assert opened(machine).strays(["a"]) == ["b"]


def test_only_what_an_earlier_agent_left_is_cleaned_up(machine: FakeMachine) -> None:
    """A container that is being launched has its cgroups before the supervisor hears of it."""
    machine.mounts_v1()
    machine.has(f"sys/fs/cgroup/pids/{GROUP}/left")
    isolator = Isolator(opened(machine))
    machine.has(f"sys/fs/cgroup/pids/{GROUP}/launching")
    isolator.clean_up([])
    assert opened(machine).strays([]) == ["launching"]


@pytest.mark.parametrize("is_unified", [False, True])
def test_a_kill_for_memory_is_read_from_the_counters(
    machine: FakeMachine,
    is_unified: bool,
) -> None:
    if is_unified:
        place = machine.has(
            "c", memory__events="low 0\noom 4\noom_kill 2\n", memory__max="1000", memory__peak="990"
        )
    else:
        place = machine.has(
            "c",
            memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            memory__limit_in_bytes="1000",
            memory__max_usage_in_bytes="990",
        )
    assert usage.overrun(place, is_unified=is_unified) == Overrun(limit_bytes=1000, used_bytes=990)


@pytest.mark.parametrize("is_unified", [False, True])
def test_without_a_kill_there_is_no_overrun(
    machine: FakeMachine,
    is_unified: bool,
) -> None:
    calm = "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"
    place = machine.has("c", memory__events="oom 3\noom_kill 0\n", memory__oom_control=calm)
    assert usage.overrun(place, is_unified=is_unified) is None


@pytest.mark.parametrize("is_unified", [False, True])
def test_a_machine_out_of_memory_is_not_the_fault_of_who_is_killed_for_it(
    machine: FakeMachine, is_unified: bool
) -> None:
    place = machine.has(
        "c",
        memory__events="oom 0\noom_kill 1\n",
        memory__oom_control="under_oom 0\noom_kill 1\n",
        memory__limit_in_bytes=str(64 << 20),
        memory__max_usage_in_bytes=str(40 << 20),
    )
    assert usage.overrun(place, is_unified=is_unified) is None


def test_usage_of_version_1(machine: FakeMachine) -> None:
    cpu = machine.has(
        "cpu",
        cpuacct__stat="user 150\nsystem 50\n",
        cpu__stat="nr_periods 7\nnr_throttled 3\nthrottled_time 2500000000\n",
    )
    memory = machine.has(
        "memory",
        memory__usage_in_bytes="500",
        memory__limit_in_bytes="9223372036854771712",
        memory__stat="cache 1\nrss 2\ntotal_cache 100\ntotal_rss 300\ntotal_swap 4\n",
    )
    pids = machine.has("pids", cgroup__procs="1\n2\n", tasks="1\n2\n3\n")
    places = {"cpu": cpu, "cpuacct": cpu, "memory": memory, "pids": pids}
    assert usage.read({name: Place(path, False) for name, path in places.items()}) == usage.Usage(
        user_s=1.5,
        system_s=0.5,
        periods=7,
        throttled_periods=3,
        throttled_s=2.5,
        memory_bytes=500,
        memory_limit_bytes=None,
        rss_bytes=300,
        cache_bytes=100,
        swap_bytes=4,
        processes=2,
        threads=3,
    )


def test_processor_time_is_read_in_nanoseconds_where_version_1_has_them(
    machine: FakeMachine,
) -> None:
    place = machine.has(
        "c",
        cpuacct__stat="user 1\nsystem 1\n",
        cpuacct__usage_user="1500000000",
        cpuacct__usage_sys="500000000",
    )
    used = usage.read({"cpuacct": Place(place, False)})
    assert used is not None
    assert (used.user_s, used.system_s) == (1.5, 0.5)


def test_usage_of_version_2(machine: FakeMachine) -> None:
    place = machine.has(
        "c",
        cpu__stat="usage_usec 2\nuser_usec 1500000\nsystem_usec 500000\n"
        "nr_periods 7\nnr_throttled 3\nthrottled_usec 2500000\n",
        memory__current="500",
        memory__max="max",
        memory__stat="anon 300\nfile 100\nfile_mapped 10\n",
        memory__swap__current="4",
        cgroup__procs="1\n2\n",
        cgroup__threads="1\n2\n3\n",
    )
    controllers = ("cpu", "cpuacct", "memory", "pids")
    assert usage.read(dict.fromkeys(controllers, Place(place, True))) == usage.Usage(
        user_s=1.5,
        system_s=0.5,
        periods=7,
        throttled_periods=3,
        throttled_s=2.5,
        memory_bytes=500,
        memory_limit_bytes=None,
        rss_bytes=300,
        cache_bytes=100,
        mapped_bytes=10,
        swap_bytes=4,
        processes=2,
        threads=3,
    )


def test_a_process_in_the_top_cgroups_has_no_usage_of_its_own(machine: FakeMachine) -> None:
    machine.mounts_v1("pids").has("proc/7", cgroup="8:pids:/\n0::/\n")
    assert usage.by_pid(7, machine.root) is None
    assert usage.by_pid(8, machine.root) is None


def test_what_another_runtime_made_is_found_by_a_process_in_it(machine: FakeMachine) -> None:
    machine.mounts_v1("pids").has("proc/7", cgroup="8:pids:/docker/x\n0::/docker/x\n")
    machine.has("sys/fs/cgroup/pids/docker/x", cgroup__procs="7\n", tasks="7\n8\n")
    found = usage.by_pid(7, machine.root)
    assert found is not None
    assert (found.processes, found.threads) == (1, 2)
