"""The task group that is launched for a pod: shares, environment, networks, volumes, checks."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.marathon.cluster import container, pod

from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.constraints import ALONE
from orchestrator.marathon.core.placement.matching import Match, OpenOffer
from orchestrator.marathon.core.pods import normalisation, task_group, validation
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.mesos.resource_wire import from_wire, to_wire
from orchestrator.mesos.resources import EMPTY, Kind, Resources
from orchestrator.mesos.scheduler import LaunchGroup
from orchestrator.mesos.types import (
    AgentID,
    FrameworkID,
    LinuxInfo,
    NetworkPortMapping,
    Offer,
    OfferID,
    TaskInfo,
    ValueType,
    VolumeMode,
)

PORTS = Kind(name="ports", type=ValueType.RANGES)
VERSION = "2026-01-01T00:00:00.000Z"


def offer(resources: Resources) -> Offer:
    return Offer(
        id=OfferID(value="o"),
        framework_id=FrameworkID(value="f"),
        agent_id=AgentID(value="agent"),
        hostname="host.example",
        resources=to_wire(resources, role="*"),
    )


LARGE = offer(Resources.of(cpus=64, mem=65536, disk=65536) + Resources({PORTS: ((31000, 31099),)}))


def definition(**fields: object) -> Pod:
    asked = pod(**({"id": "/shop/cart"} | fields))
    validation.check(asked, "*")
    return normalisation.canonical(asked, "*").stamped(VERSION, None)


def launch(of: Pod, on: Offer = LARGE, incarnation: int = 1) -> tuple[LaunchGroup, Match]:
    instance = Instance.scheduled(of, "uuid", 0.0)
    for _ in range(incarnation - 1):
        instance = instance.relaunched(of, 0.0)
    match = OpenOffer(on).match(of, ALONE, "seed")
    assert isinstance(match, Match)
    return task_group.build(of, instance, on, match, "*"), match


def tasks(of: Pod) -> dict[str, TaskInfo]:
    group, _ = launch(of)
    return {task.name: task for task in group.task_group.tasks}


def env(info: TaskInfo) -> dict[str, str | None]:
    assert info.command is not None
    assert info.command.environment is not None
    return {v.name: v.value for v in info.command.environment.variables}


sizes = st.fixed_dictionaries(
    {
        "cpus": st.integers(1, 3000).map(lambda milli: milli / 1000),
        "mem": st.integers(1, 10_000).map(lambda milli: milli / 10),
        "disk": st.integers(0, 100),
        "gpus": st.integers(0, 2),
    }
)


@given(st.lists(sizes, min_size=1, max_size=8), st.integers(0, 3))
def test_the_shares_of_all_parts_are_exactly_what_was_taken(
    parts: list[dict[str, float]], ports: int
) -> None:
    endpoints = [{"name": f"e{number}"} for number in range(ports)]
    containers = [
        container(f"c{number}", resources=part, endpoints=[] if number else endpoints)
        for number, part in enumerate(parts)
    ]
    of = normalisation.canonical(pod(id="/p", containers=containers), "*")
    gpus = Resources.of(gpus=of.gpus)
    group, match = launch(of, offer(from_wire(LARGE.resources) + gpus))
    shares = [from_wire(task.resources) for task in group.task_group.tasks]
    whole = sum(shares, start=from_wire(group.executor.resources))
    assert whole == match.resources
    assert [(round(share.scalar("cpus"), 3)) for share in shares] == [p["cpus"] for p in parts]
    assert [share.scalar("gpus") for share in shares] == [p["gpus"] for p in parts]


def test_parts_may_come_from_reserved_and_unreserved_resources() -> None:
    role = "gold"
    reserved = from_wire(to_wire(Resources.of(cpus=0.15), role=role))
    mixed = Resources.of(cpus=1, mem=1000, disk=1000) + reserved
    group, match = launch(definition(), offer(mixed))
    parts = [group.executor.resources, *(task.resources for task in group.task_group.tasks)]
    assert sum(map(from_wire, parts), start=EMPTY) == match.resources


def test_the_group_runs_under_the_default_executor_of_its_instance() -> None:
    group, _ = launch(definition(labels={"a": "b"}))
    executor = group.executor
    assert (executor.type, executor.executor_id.value) == ("DEFAULT", "instance-shop_cart.uuid")
    assert executor.framework_id == FrameworkID(value="f")
    assert executor.labels is not None
    resources = from_wire(executor.resources)
    assert (resources.scalar("cpus"), resources.scalar("mem")) == (0.1, 32)


def test_every_launch_has_an_executor_and_tasks_of_its_own() -> None:
    group, _ = launch(definition(), incarnation=2)
    assert group.executor.executor_id.value == "instance-shop_cart.uuid.2"
    assert [t.task_id.value for t in group.task_group.tasks] == [
        "shop_cart.instance-uuid.one.2",
        "shop_cart.instance-uuid.two.2",
    ]


def test_the_environment_tells_a_container_who_it_is_and_where_the_endpoints_are() -> None:
    web = {"name": "web-ui"}
    of = definition(
        labels={"team": "x"},
        environment={"A": "pod", "B": "pod"},
        containers=[
            container("one", environment={"B": "own", "HOST": "ignored"}, endpoints=[web]),
            container("two"),
        ],
    )
    found = tasks(of)
    (port,) = from_wire(found["one"].resources).ranges("ports")
    expected = {
        "A": "pod",
        "B": "own",
        "HOST": "host.example",
        "MESOS_TASK_ID": "shop_cart.instance-uuid.one.1",
        "MESOS_EXECUTOR_ID": "instance-shop_cart.uuid",
        "MARATHON_APP_ID": "/shop/cart",
        "MARATHON_APP_VERSION": VERSION,
        "MARATHON_CONTAINER_ID": "one",
        "MARATHON_CONTAINER_RESOURCE_CPUS": "0.1",
        "MARATHON_CONTAINER_RESOURCE_MEM": "32.0",
        "MARATHON_CONTAINER_RESOURCE_DISK": "0.0",
        "MARATHON_CONTAINER_RESOURCE_GPUS": "0",
        "MARATHON_APP_LABELS": "TEAM",
        "MARATHON_APP_LABEL_TEAM": "x",
        "ENDPOINT_WEB_UI": str(port[0]),
        "EP_HOST_WEB_UI": str(port[0]),
    }
    assert env(found["one"]) == expected
    assert env(found["two"])["ENDPOINT_WEB_UI"] == str(port[0])


def test_a_bridge_maps_the_hosts_ports_to_those_of_the_containers() -> None:
    endpoints = [
        {"name": "web", "containerPort": 80, "protocol": ["tcp", "udp"]},
        {"name": "same", "containerPort": 0},
    ]
    of = definition(
        networks=[{"mode": "container/bridge"}],
        containers=[container("one", endpoints=endpoints)],
    )
    group, match = launch(of)
    web, same = match.host_ports
    assert web is not None
    assert same is not None
    assert group.executor.container is not None
    (network,) = group.executor.container.network_infos
    assert network.name == "mesos-bridge"
    assert network.port_mappings == [
        NetworkPortMapping(host_port=web, container_port=80, protocol="tcp"),
        NetworkPortMapping(host_port=web, container_port=80, protocol="udp"),
        NetworkPortMapping(host_port=same, container_port=same, protocol="tcp"),
    ]
    (task,) = group.task_group.tasks
    assert (env(task)["ENDPOINT_WEB"], env(task)["EP_HOST_WEB"]) == ("80", str(web))
    assert env(task)["EP_CONTAINER_WEB"] == "80"
    assert task.container is not None
    assert task.container.network_infos == []


def test_an_endpoint_is_mapped_only_on_the_network_it_names() -> None:
    endpoints = [{"name": "a", "containerPort": 1, "hostPort": 0, "networkNames": ["red"]}]
    of = definition(
        networks=[{"name": "red"}, {"name": "blue"}],
        containers=[container("one", endpoints=endpoints)],
    )
    executor = launch(of)[0].executor
    assert executor.container is not None
    assert [
        (network.name, len(network.port_mappings)) for network in executor.container.network_infos
    ] == [("red", 1), ("blue", 0)]


def test_volumes_are_paths_of_the_host_or_directories_that_the_containers_share() -> None:
    mounts = [
        {"name": "logs", "mountPath": "logs", "readOnly": True},
        {"name": "data", "mountPath": "data"},
    ]
    of = definition(
        volumes=[{"name": "logs", "host": "/var/log"}, {"name": "data"}],
        containers=[container("one", volumeMounts=mounts)],
    )
    info = tasks(of)["one"].container
    assert info is not None
    logs, data = info.volumes
    assert (logs.host_path, logs.mode, logs.source) == ("/var/log", VolumeMode.RO, None)
    assert (data.host_path, data.mode) == (None, VolumeMode.RW)
    assert data.source is not None
    assert data.source.sandbox_path is not None
    assert (data.source.sandbox_path.type, data.source.sandbox_path.path) == (
        "PARENT",
        "volumes/data",
    )


def test_an_image_runs_its_own_entry_point_unless_that_is_overridden() -> None:
    image = {"kind": "DOCKER", "id": "nginx", "forcePull": True}
    argv = {"command": {"argv": ["a", "b"]}}
    of = definition(
        containers=[
            container("image", image=image, exec=None),
            container("args", image=image, exec=argv),
            container("own", image=image, exec={**argv, "overrideEntrypoint": True}),
            container("plain", exec=argv),
        ]
    )
    commands = {name: task.command for name, task in tasks(of).items()}
    assert {
        name: (c.shell, c.value, c.arguments) for name, c in commands.items() if c is not None
    } == {
        "image": (False, None, []),
        "args": (False, None, ["a", "b"]),
        "own": (False, "a", ["a", "b"]),
        "plain": (False, "a", ["a", "b"]),
    }
    info = tasks(of)["image"].container
    assert info is not None
    assert info.mesos is not None
    assert info.mesos.image is not None
    assert not info.mesos.image.cached


def test_checks_ask_where_the_process_listens() -> None:
    web = {"name": "web", "containerPort": 8080}
    http = {"http": {"endpoint": "web", "path": "/health", "scheme": "https"}}
    one = container("one", endpoints=[web], healthCheck=http, check={"tcp": {"endpoint": "web"}})
    bridged = tasks(definition(containers=[one], networks=[{"mode": "container/bridge"}]))["one"]
    assert bridged.health_check is not None
    assert bridged.health_check.http is not None
    assert (bridged.health_check.http.port, bridged.health_check.http.scheme) == (8080, "https")
    assert bridged.check is not None
    assert bridged.check.tcp is not None
    assert bridged.check.tcp.port == 8080
    hosted = tasks(
        definition(containers=[container("one", endpoints=[{"name": "web"}], healthCheck=http)])
    )
    assert hosted["one"].health_check is not None
    assert hosted["one"].health_check.http is not None
    assert hosted["one"].health_check.http.port >= 31000


def test_a_command_check_may_be_a_program_with_arguments() -> None:
    check = {"exec": {"command": {"argv": ["test", "-e", "ok"]}}}
    found = tasks(definition(containers=[container("one", healthCheck=check)]))["one"].health_check
    assert found is not None
    assert found.command is not None
    assert (found.type, found.command.shell) == ("COMMAND", False)
    assert found.command.arguments == ["test", "-e", "ok"]


def test_discovery_publishes_the_endpoints_with_their_scope() -> None:
    endpoints = [
        {"name": "web", "containerPort": 80, "hostPort": 0},
        {"name": "inner", "containerPort": 81, "labels": {"VIP_0": "x"}},
    ]
    of = definition(networks=[{"name": "red"}], containers=[container("one", endpoints=endpoints)])
    discovery = tasks(of)["one"].discovery
    assert discovery is not None
    assert discovery.name == "cart.shop"
    assert discovery.ports is not None
    labels = [
        {label.key: label.value for label in port.labels.labels} if port.labels else {}
        for port in discovery.ports.ports
    ]
    assert labels == [
        {"network-scope": "host"},
        {"VIP_0": "x", "network-scope": "container", "network-name": "red"},
    ]
    assert discovery.ports.ports[1].number == 81


def test_isolation_and_limits_are_passed_on() -> None:
    one = container(
        "one",
        linuxInfo={"seccomp": {"unconfined": True}, "ipcInfo": {"mode": "private", "shmSize": 64}},
        resourceLimits={"cpus": 1, "mem": 64},
        lifecycle={"killGracePeriodSeconds": 0.5},
        user="me",
        tty=True,
    )
    info = tasks(definition(user="you", containers=[one, container("two")]))
    task = info["one"]
    assert task.container is not None
    assert task.container.linux_info is not None
    assert task.container.linux_info.shm_size == 64
    assert task.container.linux_info.ipc_mode == "PRIVATE"
    assert task.container.tty_info is not None
    assert {name: limit.value for name, limit in task.limits.items()} == {"cpus": 1, "mem": 64}
    assert task.kill_policy is not None
    assert task.kill_policy.grace_period is not None
    assert task.kill_policy.grace_period.nanoseconds == 500_000_000
    users = {name: one.command.user for name, one in info.items() if one.command}
    assert users == {"one": "me", "two": "you"}


def test_containers_have_cgroups_of_their_own_unless_the_pod_is_of_old() -> None:
    for legacy in (False, True):
        task = tasks(definition(legacySharedCgroups=legacy))["one"]
        assert task.container is not None
        assert task.container.linux_info == LinuxInfo(share_cgroups=legacy)
