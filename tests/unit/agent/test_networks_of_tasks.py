"""Networks as the agent's core sees them: a group's is its members', and mapped ports are own."""

from __future__ import annotations

from msgspec.structs import replace
from tests.unit.agent.world import World, executor_info, task_info

from orchestrator.agent.core.messages import LaunchContainer
from orchestrator.mesos.types import (
    ContainerInfo,
    ExecutorInfo,
    NetworkInfo,
    NetworkPortMapping,
    TaskState,
)


def on_a_bridge(*host_ports: int) -> ContainerInfo:
    mappings = [NetworkPortMapping(host_port=port, container_port=80) for port in host_ports]
    return ContainerInfo(
        type="MESOS", network_infos=[NetworkInfo(name="mesos-bridge", port_mappings=mappings)]
    )


def executor(*host_ports: int) -> ExecutorInfo:
    info = executor_info("DEFAULT", text="cpus:0.1;mem:32")
    return replace(info, container=on_a_bridge(*host_ports))


def run_group(*host_ports: int) -> World:
    world = World().is_up()
    shared = executor(*host_ports)
    members = [
        task_info(name, f"cpus:0.1;mem:32;ports:[{port}-{port}]", executor=shared)
        for name, port in (("a", 31000), ("b", 31001))
    ]
    world.runs_in(shared, *members, is_group=True)
    return world


def test_members_of_a_group_are_told_of_its_networks() -> None:
    world = run_group(31000, 31001)
    containers = [launch.container for launch in world.of(LaunchContainer)]
    assert len(containers) == 2
    for one in containers:
        assert one.info is not None
        assert [network.name for network in one.info.network_infos] == ["mesos-bridge"]


def test_a_group_maps_the_ports_of_any_of_its_tasks_and_no_other() -> None:
    world = run_group(31000, 31005)
    assert world.of(LaunchContainer) == []
    (first, *_) = world.updates()
    assert first.state is TaskState.ERROR
    assert first.message == "Host port 31005 is not among the task's resources"


def test_the_status_of_a_member_names_the_network_of_its_group() -> None:
    world = run_group(31000)
    world.acknowledges_all()
    world.starts(world.task("a").id)
    (status,) = world.updates()
    assert status.container_status is not None
    (network,) = status.container_status.network_infos
    assert network.name == "mesos-bridge"


def test_a_task_that_maps_a_port_of_others_is_refused() -> None:
    world = World().is_up()
    world.runs(task_info("t1", "cpus:1;mem:32;ports:[31000-31000]", container=on_a_bridge(31001)))
    (status,) = world.updates()
    assert status.state is TaskState.ERROR
    assert status.message == "Host port 31001 is not among the task's resources"
