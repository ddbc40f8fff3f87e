"""``docker run``'s flags in the words of the Engine's API."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.docker import parameters, values
from orchestrator.agent.adapters.docker.body import Draft, SpecError
from orchestrator.agent.adapters.policy import Policy
from orchestrator.mesos import resource_wire
from orchestrator.mesos.types import Parameter

RESOURCES = resource_wire.parse("cpus:1;mem:64;ports:[31000-31001]")
GIVEN = {
    "Memory": 64 * 2**20,
    "MemorySwap": 64 * 2**20,
    "CpuShares": 1024,
    "PidsLimit": 100,
    "NetworkMode": "bridge",
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "1"}},
}


def draft(*pairs: tuple[str, str], privileged: bool = False, **host: Any) -> Draft:
    made = Draft("i", RESOURCES, "/sandbox", Policy(allow_privileged=privileged))
    made.host |= deepcopy(GIVEN) | host
    parameters.apply(made, [Parameter(key=key, value=value) for key, value in pairs])
    return made


@pytest.mark.parametrize(
    ("key", "value", "name", "expected"),
    [
        ("add-host", "a:1.2.3.4", "ExtraHosts", ["a:1.2.3.4"]),
        ("blkio-weight", "300", "BlkioWeight", 300),
        ("cap-add", "cap_net_raw", "CapAdd", ["NET_RAW"]),
        ("cap-drop", "ALL", "CapDrop", ["ALL"]),
        ("cpus", "0.5", "CpuQuota", 50_000),
        ("cpu-quota", "50000", "CpuQuota", 50_000),
        ("cpu-shares", "512", "CpuShares", 512),
        ("cpuset-cpus", "0-1", "CpusetCpus", "0-1"),
        ("device-read-bps", "/dev/a:1m", "BlkioDeviceReadBps", [{"Path": "/dev/a", "Rate": 2**20}]),
        ("dns", "1.1.1.1", "Dns", ["1.1.1.1"]),
        ("dns-option", "ndots:1", "DnsOptions", ["ndots:1"]),
        ("dns-search", "x.y", "DnsSearch", ["x.y"]),
        ("group-add", "audio", "GroupAdd", ["audio"]),
        ("init", "true", "Init", True),
        ("ipc", "private", "IpcMode", "private"),
        ("memory", "32m", "MemorySwap", 32 * 2**20),
        ("memory-swap", "1024", "MemorySwap", 1024),
        ("memory-reservation", "16mb", "MemoryReservation", 16 * 2**20),
        ("net", "mine", "NetworkMode", "mine"),
        ("oom-score-adj", "500", "OomScoreAdj", 500),
        ("pids-limit", "50", "PidsLimit", 50),
        ("privileged", "false", "Privileged", False),
        ("read-only", "true", "ReadonlyRootfs", True),
        ("security-opt", "no-new-privileges", "SecurityOpt", ["no-new-privileges"]),
        ("shm-size", "64m", "ShmSize", 64 * 2**20),
        ("storage-opt", "size=1G", "StorageOpt", {"size": "1G"}),
        ("sysctl", "net.core.somaxconn=1024", "Sysctls", {"net.core.somaxconn": "1024"}),
        ("tmpfs", "/t:size=1m", "Tmpfs", {"/t": "size=1m"}),
        ("mount", "type=tmpfs,dst=/t,tmpfs-size=1m", "Tmpfs", {"/t": "size=1m"}),
        ("ulimit", "nofile=5:6", "Ulimits", [{"Name": "nofile", "Soft": 5, "Hard": 6}]),
        ("volume", "/data:/x:ro", "Binds", ["/sandbox:/mnt/mesos/sandbox", "/data:/x:ro"]),
        ("volume", "./a:/x", "Binds", ["/sandbox:/mnt/mesos/sandbox", "/sandbox/./a:/x:rw"]),
        ("mount", "type=bind,src=/d,dst=/x,readonly", "Binds",
         ["/sandbox:/mnt/mesos/sandbox", "/d:/x:ro"]),
        ("volume", "v:/x", "Mounts",
         [{"Type": "volume", "Source": "v", "Target": "/x", "ReadOnly": False}]),
        ("publish", "31000:80", "PortBindings", {"80/tcp": [{"HostPort": "31000"}]}),
        ("log-driver", "syslog", "LogConfig", {"Type": "syslog", "Config": {}}),
        ("log-opt", "tag=x", "LogConfig",
         {"Type": "json-file", "Config": {"max-size": "1", "tag": "x"}}),
        ("log-opt", "max-size=9", "LogConfig", {"Type": "json-file", "Config": {"max-size": "1"}}),
    ],
)  # fmt: skip
def test_what_a_parameter_sets_for_the_host(
    key: str, value: str, name: str, expected: object
) -> None:
    assert draft((key, value)).host[name] == expected


@pytest.mark.parametrize(
    ("key", "value", "name", "expected"),
    [
        ("env", "X=y", "Env", ["X=y"]),
        ("hostname", "h", "Hostname", "h"),
        ("domainname", "d", "Domainname", "d"),
        ("user", "1000", "User", "1000"),
        ("workdir", "/w", "WorkingDir", "/w"),
        ("entrypoint", "/a 'b c'", "Entrypoint", ["/a", "b c"]),
        ("expose", "80/udp", "ExposedPorts", {"80/udp": {}}),
        ("label", "x=y", "Labels", {"x": "y"}),
        ("stop-signal", "SIGINT", "StopSignal", "SIGINT"),
        ("stop-timeout", "5", "StopTimeout", 5),
        ("interactive", "true", "OpenStdin", True),
        ("health-cmd", "true", "Healthcheck", {"Test": ["CMD-SHELL", "true"]}),
        ("health-interval", "1m30s", "Healthcheck", {"Interval": 90 * 10**9}),
        ("no-healthcheck", "true", "Healthcheck", {"Test": ["NONE"]}),
    ],
)
def test_what_a_parameter_sets_for_the_process(
    key: str, value: str, name: str, expected: object
) -> None:
    assert draft((key, value)).config[name] == expected


def test_addresses_and_aliases_are_of_the_network_that_is_joined() -> None:
    made = draft(("network", "mine"), ("ip", "10.0.0.9"), ("network-alias", "db"))
    assert made.finished()["NetworkingConfig"] == {
        "EndpointsConfig": {"mine": {"IPAMConfig": {"IPv4Address": "10.0.0.9"}, "Aliases": ["db"]}}
    }


def test_a_label_cannot_replace_those_the_agent_finds_its_containers_by() -> None:
    made = Draft("i", RESOURCES, "/sandbox", Policy())
    made.config["Labels"]["MESOS_CONTAINER_ID"] = "c"
    parameters.apply(made, [Parameter(key="label", value="MESOS_CONTAINER_ID=z")])
    assert made.config["Labels"]["MESOS_CONTAINER_ID"] == "c"


@pytest.mark.parametrize("pair", [("rm", "true"), ("restart", "no")])
def test_what_the_agent_does_anyway_may_be_said(pair: tuple[str, str]) -> None:
    assert draft(pair).host == draft().host


POWERS = [
    ("privileged", "true"),
    ("cap-add", "SYS_ADMIN"),
    ("cap-add", "ALL"),
    ("device", "/dev/sda:/dev/x:r"),
    ("device-cgroup-rule", "c 1:1 rwm"),
    ("pid", "host"),
    ("ipc", "host"),
    ("uts", "host"),
    ("userns", "host"),
    ("cgroupns", "host"),
    ("cgroup-parent", "/x"),
    ("security-opt", "seccomp=unconfined"),
    ("security-opt", "apparmor=unconfined"),
    ("runtime", "odd"),
    ("volumes-from", "other"),
    ("oom-kill-disable", "true"),
    ("oom-score-adj", "-500"),
    ("network", "container:other"),
    ("link", "db:db"),
    ("mount", "type=bind,src=/d,dst=/x,bind-propagation=rshared"),
]


@pytest.mark.parametrize(("key", "value"), POWERS)
def test_rights_over_the_machine_need_the_operators_word(key: str, value: str) -> None:
    with pytest.raises(SpecError, match="--allow-privileged"):
        draft((key, value))
    assert draft((key, value), privileged=True)


def test_a_device_is_given_where_it_is_allowed() -> None:
    made = draft(("device", "/dev/sda:/dev/x:r"), ("device", "/dev/sdb:r"), privileged=True)
    assert [tuple(device.values()) for device in made.host["Devices"]] == [
        ("/dev/sda", "/dev/x", "r"),
        ("/dev/sdb", "/dev/sdb", "r"),
    ]


@pytest.mark.parametrize("path", ["/", "/etc", "/var", "/proc/sys", "/root/.ssh", "/run"])
def test_volumes_do_not_come_from_where_the_machine_keeps_its_own_things(path: str) -> None:
    with pytest.raises(SpecError, match="not for tasks"):
        draft(("volume", f"{path}:/x"))
    assert draft(("volume", f"{path}:/x"), privileged=True)


@pytest.mark.parametrize(
    ("key", "value", "given"),
    [
        ("memory", "128m", {}),
        ("memory", "-1", {}),
        ("cpu-shares", "2048", {}),
        ("pids-limit", "-1", {}),
        ("cpus", "2", {"CpuQuota": 100_000}),
        ("cpu-quota", "-1", {"CpuQuota": 100_000}),
        ("cpu-period", "1000", {"CpuQuota": 100_000}),
    ],
)
def test_no_limit_of_the_task_can_be_raised(key: str, value: str, given: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=key):
        draft((key, value), **given)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("detach", "true"), ("name", "x"), ("gpus", "all"), ("publish-all", "true"),
        ("rm", "false"), ("env-file", "/x"), ("restart", "always"), ("publish", "80:80"),
        ("publish", "x"),
        ("ulimit", "nofile=x"), ("init", "maybe"), ("shm-size", "big"), ("shm-size", ""),
        ("cpu-quota", ""), ("cpus", "nan"), ("health-interval", "5"), ("tmpfs-x", ""),
        ("volume", "/x"), ("volume", "/a:/b:exec"), ("mount", "type=bind,src=x,dst=/y"),
        ("mount", "type=volume,src=v"), ("sysctl", "x"), ("network", ""), ("log-opt", "x"),
        ("oom-score-adj", "x"), ("expose", "http"),
    ],
)  # fmt: skip
def test_what_is_not_known_or_not_valid_is_refused_by_name(key: str, value: str) -> None:
    with pytest.raises(SpecError, match=rf"{key}|port"):
        draft((key, value))


def test_ports_are_not_mapped_and_thrown_away_at_once() -> None:
    with pytest.raises(SpecError, match="network=host"):
        draft(("publish", "31000:80"), ("network", "host"))


@given(st.sampled_from(sorted(parameters.PARAMETERS)), st.text(max_size=20))
def test_whatever_a_value_says_the_parameter_is_taken_or_refused_in_a_sentence(
    key: str, value: str
) -> None:
    try:
        draft((key, value))
    except SpecError as refusal:
        assert str(refusal)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("2k", 2048), ("1.5g", 3 * 2**29), ("3MB", 3 * 2**20), ("4GiB", 2**32), ("-1", -1),
     ("7b", 7)],
)  # fmt: skip
def test_sizes(text: str, expected: int) -> None:
    assert values.size(text) == expected
