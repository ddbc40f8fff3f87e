"""A Mesos task in the words of the Docker Engine."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.agent.world import container_of, task_info

from orchestrator.agent.adapters.docker import spec, volumes
from orchestrator.agent.adapters.docker.body import Draft
from orchestrator.agent.adapters.docker.facts import exit_of
from orchestrator.agent.adapters.docker.limits import LimitSettings
from orchestrator.agent.adapters.docker.spec import Places, Rules, Spec, SpecError
from orchestrator.agent.adapters.docker.wire import Config, Inspection, State
from orchestrator.agent.adapters.policy import Policy
from orchestrator.agent.core.task import Containerizer, Exit
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import (
    CapabilitySet,
    CommandInfo,
    ContainerInfo,
    DiskInfo,
    DiskPath,
    DiskPersistence,
    DiskSource,
    DockerInfo,
    DockerPortMapping,
    DockerVolumeSource,
    IPAddress,
    LinuxInfo,
    NetworkInfo,
    NetworkPortMapping,
    Parameter,
    Parameters,
    ReservationInfo,
    ReservationType,
    Resource,
    RLimit,
    RLimitInfo,
    SandboxPathSource,
    Scalar,
    SeccompInfo,
    Secret,
    SecretReference,
    TTYInfo,
    ValueType,
    Volume,
    VolumeMode,
    VolumeSource,
    WindowSize,
)

POWERFUL = Rules(policy=Policy(allow_privileged=True))


def made(
    docker: DockerInfo | None = None,
    resources: str | list[Resource] = "cpus:0.5;mem:64;ports:[31000-31001]",
    command: CommandInfo | None = None,
    *,
    rules: Rules | None = None,
    limits: dict[str, float] | None = None,
    secrets: dict[str, str] | None = None,
    **info: Any,
) -> Spec:
    container = ContainerInfo(type="DOCKER", docker=docker or DockerInfo(image="i"), **info)
    text = resources if isinstance(resources, str) else "cpus:1"
    task = task_info("t", text, container=container, command=command)
    wanted = replace(
        container_of(task, Containerizer.DOCKER, id_="c"),
        limits={name: Scalar(value=value) for name, value in (limits or {}).items()},
    )
    if not isinstance(resources, str):
        wanted = replace(wanted, resources=resources)
    places = Places(sandbox="/sandbox", work_dir="/agent", secrets=secrets or {})
    return spec.of(wanted, {"A": "b"}, places, rules or Rules(policy=Policy(closed=("/agent",))))


def body(*args: Any, **fields: Any) -> spec.JSON:
    return made(*args, **fields).body


def host(*args: Any, **fields: Any) -> spec.JSON:
    found = body(*args, **fields)["HostConfig"]
    assert isinstance(found, dict)
    return found


def test_cpus_are_shares_and_memory_a_limit_both_with_a_least_value() -> None:
    assert (host()["CpuShares"], host()["Memory"]) == (512, 64 * 2**20)
    least = host(resources="cpus:0.001;mem:1")
    assert (least["CpuShares"], least["Memory"]) == (2, 32 * 2**20)
    assert "Memory" not in host(resources="cpus:1")


def test_memory_holds_with_swap_and_processes_are_counted() -> None:
    given = host(rules=Rules(limits=LimitSettings(max_pids=100)))
    assert (given["MemorySwap"], given["PidsLimit"]) == (given["Memory"], 100)


def test_cpus_are_a_quota_too_where_the_operator_wants_it() -> None:
    assert "CpuQuota" not in host()
    given = host(rules=Rules(limits=LimitSettings(enable_cfs=True)))
    assert (given["CpuPeriod"], given["CpuQuota"]) == (100_000, 50_000)


def test_limits_above_the_request_are_quota_and_limit_and_the_request_is_what_is_kept_free() -> (
    None
):
    given = host(limits={"cpus": 2.0, "mem": 128.0})
    assert (given["CpuShares"], given["CpuQuota"]) == (512, 200_000)
    assert (given["Memory"], given["MemoryReservation"]) == (128 * 2**20, 64 * 2**20)
    given = host(limits={"cpus": math.inf, "mem": math.inf})
    assert "CpuQuota" not in given
    assert "Memory" not in given


def test_gpus_are_refused() -> None:
    with pytest.raises(SpecError, match="GPUs"):
        body(resources="cpus:1;gpus:1")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (None, {}),
        (CommandInfo(value="a b"), {"Entrypoint": ["/bin/sh"], "Cmd": ["-c", "a b"]}),
        (CommandInfo(shell=False, value="a", arguments=["b"]), {"Cmd": ["a", "b"]}),
        (CommandInfo(shell=False, arguments=["b"]), {"Cmd": ["b"]}),
        (CommandInfo(shell=False), {}),
    ],
)
def test_a_shell_command_replaces_the_entry_point_and_others_are_given_to_it(
    command: CommandInfo | None, expected: spec.JSON
) -> None:
    found = body(command=command)
    assert {key: found[key] for key in ("Entrypoint", "Cmd") if key in found} == expected


@pytest.mark.parametrize(
    ("network", "infos", "mode"),
    [
        ("HOST", [], "host"),
        ("BRIDGE", [], "bridge"),
        ("NONE", [], "none"),
        ("USER", [NetworkInfo(name="mine")], "mine"),
    ],
)
def test_networks(network: str, infos: list[NetworkInfo], mode: str) -> None:
    assert host(DockerInfo(image="i", network=network), network_infos=infos)["NetworkMode"] == mode


def test_further_user_networks_are_joined_afterwards_with_the_addresses_asked_for() -> None:
    address = IPAddress(ip_address="10.9.0.5")
    infos = [NetworkInfo(name="a"), NetworkInfo(name="b", ip_addresses=[address])]
    found = made(DockerInfo(image="i", network="USER"), network_infos=infos)
    assert found.body["HostConfig"]["NetworkMode"] == "a"
    (second,) = found.joining
    assert second.network == "b"
    assert second.endpoint == {"IPAMConfig": {"IPv4Address": "10.9.0.5"}}


def test_ports_are_mapped_from_either_place() -> None:
    old = DockerPortMapping(host_port=31000, container_port=80, protocol="UDP")
    found = body(DockerInfo(image="i", network="BRIDGE", port_mappings=[old]))
    assert found["HostConfig"]["PortBindings"] == {"80/udp": [{"HostPort": "31000"}]}
    assert found["ExposedPorts"] == {"80/udp": {}}
    new = NetworkPortMapping(host_port=31001, container_port=81)
    found = body(
        DockerInfo(image="i", network="BRIDGE"), network_infos=[NetworkInfo(port_mappings=[new])]
    )
    assert found["HostConfig"]["PortBindings"] == {"81/tcp": [{"HostPort": "31001"}]}


def test_one_port_of_a_container_may_have_several_of_the_host() -> None:
    ports = [DockerPortMapping(host_port=port, container_port=80) for port in (31000, 31001)]
    given = host(DockerInfo(image="i", network="BRIDGE", port_mappings=ports))
    assert given["PortBindings"] == {"80/tcp": [{"HostPort": "31000"}, {"HostPort": "31001"}]}


def from_source(path: str = "/c", **source: Any) -> Volume:
    return Volume(container_path=path, source=VolumeSource(**source))


def test_volumes_come_from_the_host_the_sandbox_or_by_name() -> None:
    given = host(
        volumes=[
            Volume(container_path="/a", host_path="/x", mode=VolumeMode.RO),
            Volume(container_path="b", host_path="rel"),
            from_source("/c", sandbox_path=SandboxPathSource(path="s")),
            from_source("/d", docker_volume=DockerVolumeSource(name="v")),
        ]
    )
    assert given["Binds"] == [
        "/sandbox:/mnt/mesos/sandbox",
        "/x:/a:ro",
        "/sandbox/rel:/mnt/mesos/sandbox/b:rw",
        "/sandbox/s:/c:rw",
    ]
    assert given["Mounts"] == [{"Type": "volume", "Source": "v", "Target": "/d", "ReadOnly": False}]


def test_volumes_of_a_driver_take_its_options() -> None:
    options = Parameters(parameter=[Parameter(key="size", value="10G")])
    source = DockerVolumeSource(name="v", driver="rexray", driver_options=options)
    (mount,) = host(volumes=[from_source(docker_volume=source)])["Mounts"]
    driver = mount["VolumeOptions"]["DriverConfig"]
    assert driver == {"Name": "rexray", "Options": {"size": "10G"}}


def test_with_a_volume_driver_a_relative_host_path_is_a_volumes_name() -> None:
    docker = DockerInfo(image="i", volume_driver="rexray")
    given = host(docker, volumes=[Volume(container_path="/a", host_path="data")])
    assert given["VolumeDriver"] == "rexray"
    assert given["Mounts"][0]["VolumeOptions"]["DriverConfig"]["Name"] == "rexray"


def test_a_secret_is_mounted_read_only_from_where_it_was_put() -> None:
    secret = Secret(type="REFERENCE", reference=SecretReference(name="s"))
    given = host(volumes=[from_source("key", secret=secret)], secrets={"key": "/dev/shm/x/0"})
    assert given["Binds"][1] == "/dev/shm/x/0:/mnt/mesos/sandbox/key:ro"
    with pytest.raises(SpecError, match="a secret that is not here"):
        host(volumes=[from_source("key", secret=secret)])


def disk(id_: str, root: Path, **fields: Any) -> Resource:
    info = DiskInfo(
        persistence=DiskPersistence(id=id_),
        volume=Volume(container_path="data", mode=VolumeMode.RW),
        source=DiskSource(type="PATH", path=DiskPath(root=str(root))),
    )
    return Resource(name="disk", type=ValueType.SCALAR, scalar=Scalar(value=1), disk=info, **fields)


def test_persistent_volumes_are_mounted_from_their_place(tmp_path: Path) -> None:
    reservation = ReservationInfo(type=ReservationType.DYNAMIC, role="a/b")
    given = host(resources=[disk("id1", tmp_path, reservations=[reservation])])
    path = tmp_path / "volumes/roles/a b/id1"
    assert given["Binds"][1] == f"{path}:/mnt/mesos/sandbox/data:rw"
    assert path.is_dir()


def test_a_persistent_volume_that_cannot_be_had_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be a part"):
        host(resources=[disk("../../etc", tmp_path)])


def test_the_sandbox_is_not_left_by_a_link(tmp_path: Path) -> None:
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    (sandbox / "out").symlink_to("/etc")
    draft = Draft("i", Resources(), str(sandbox), Policy())
    with pytest.raises(SpecError, match="leads out of the sandbox"):
        volumes.from_sandbox(draft, "out/shadow", "/x", ["rw"])


def test_limits_of_processes_are_ulimits() -> None:
    info = RLimitInfo(
        rlimits=[RLimit(type="RLMT_NOFILE", soft=10, hard=20), RLimit(type="RLMT_CORE")]
    )
    assert host(rlimit_info=info)["Ulimits"] == [
        {"Name": "nofile", "Soft": 10, "Hard": 20},
        {"Name": "core", "Soft": -1, "Hard": -1},
    ]


def test_a_terminal_is_given_with_its_size() -> None:
    found = made(tty_info=TTYInfo(window_size=WindowSize(rows=5, columns=6)))
    assert (found.body["Tty"], found.window) == (True, WindowSize(rows=5, columns=6))


def test_capabilities_are_those_listed_and_no_others() -> None:
    linux = LinuxInfo(effective_capabilities=CapabilitySet(capabilities=["NET_RAW", "CHOWN"]))
    given = host(linux_info=linux)
    assert (given["CapDrop"], given["CapAdd"]) == (["ALL"], ["NET_RAW", "CHOWN"])


@pytest.mark.parametrize(
    ("linux", "key", "value"),
    [
        (LinuxInfo(shm_size=64), "ShmSize", 64 * 2**20),
        (LinuxInfo(ipc_mode="PRIVATE"), "IpcMode", "private"),
        (LinuxInfo(ipc_mode="SHARE_PARENT"), "IpcMode", "host"),
        (LinuxInfo(share_pid_namespace=True), "PidMode", "host"),
        (LinuxInfo(seccomp=SeccompInfo(unconfined=True)), "SecurityOpt", ["seccomp=unconfined"]),
    ],
)
def test_linux_isolation(linux: LinuxInfo, key: str, value: object) -> None:
    assert host(linux_info=linux, rules=POWERFUL)[key] == value


@pytest.mark.parametrize(
    ("docker", "info"),
    [
        (DockerInfo(image="i", privileged=True), {}),
        (None, {"linux_info": LinuxInfo(share_pid_namespace=True)}),
        (None, {"linux_info": LinuxInfo(ipc_mode="SHARE_PARENT")}),
        (None, {"linux_info": LinuxInfo(seccomp=SeccompInfo(unconfined=True))}),
        (
            None,
            {
                "linux_info": LinuxInfo(
                    effective_capabilities=CapabilitySet(capabilities=["SYS_ADMIN"])
                )
            },
        ),
        (
            None,
            {
                "volumes": [
                    from_source(
                        docker_volume=DockerVolumeSource(
                            name="v",
                            driver_options=Parameters(parameter=[Parameter(key="o", value="bind")]),
                        )
                    )
                ]
            },
        ),
    ],
)
def test_rights_over_the_machine_are_granted_only_where_the_operator_said_so(
    docker: DockerInfo | None, info: dict[str, Any]
) -> None:
    with pytest.raises(SpecError, match="--allow-privileged"):
        body(docker, **info)
    assert body(docker, rules=POWERFUL, **info)


@pytest.mark.parametrize(
    ("docker", "info"),
    [
        (DockerInfo(image=""), {}),
        (DockerInfo(image="i", network="ODD"), {}),
        (DockerInfo(image="i", network="USER"), {}),
        (DockerInfo(image="i"), {"volumes": [Volume(container_path="", host_path="/x")]}),
        (DockerInfo(image="i"), {"volumes": [Volume(container_path="/x", host_path="/a:b")]}),
        (
            DockerInfo(image="i"),
            {"volumes": [from_source(docker_volume=DockerVolumeSource(name="/etc"))]},
        ),
        (
            DockerInfo(image="i"),
            {"volumes": [from_source(sandbox_path=SandboxPathSource(path="/abs"))]},
        ),
        (
            DockerInfo(image="i"),
            {"volumes": [from_source(sandbox_path=SandboxPathSource(path="x", type="PARENT"))]},
        ),
        (DockerInfo(image="i"), {"rlimit_info": RLimitInfo(rlimits=[RLimit(type="RLMT_AS")])}),
        (
            DockerInfo(image="i"),
            {"rlimit_info": RLimitInfo(rlimits=[RLimit(type="RLMT_CPU", soft=1)])},
        ),
        (
            DockerInfo(image="i"),
            {"linux_info": LinuxInfo(seccomp=SeccompInfo(profile_name="x"))},
        ),
        (DockerInfo(image="i"), {"network_infos": [NetworkInfo(), NetworkInfo()]}),
        (DockerInfo(image="i"), {"volumes": [Volume(container_path="/a")]}),
        (DockerInfo(image="i"), {"volumes": [Volume(container_path="/a", host_path="../x")]}),
        (
            DockerInfo(
                image="i",
                network="BRIDGE",
                port_mappings=[DockerPortMapping(host_port=80, container_port=80)],
            ),
            {},
        ),
        (
            DockerInfo(
                image="i",
                network="BRIDGE",
                port_mappings=[
                    DockerPortMapping(host_port=31000, container_port=80, protocol="icmp")
                ],
            ),
            {},
        ),
    ],
)
def test_what_cannot_be_given_is_refused(docker: DockerInfo, info: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        body(docker, **info)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State(status="exited", exit_code=0), Exit(code=0)),
        (State(status="exited", exit_code=3), Exit(code=3)),
        (State(status="exited", exit_code=137), Exit(signal=9)),
        (
            State(status="exited", exit_code=137, oom_killed=True),
            Exit(code=137, out_of_memory=True),
        ),
        (
            State(status="created", exit_code=127, error="no program"),
            Exit(problem="no program", started=False),
        ),
    ],
)
def test_how_a_container_ended(state: State, expected: Exit) -> None:
    assert exit_of(Inspection(id="x", state=state, config=Config())) == expected
