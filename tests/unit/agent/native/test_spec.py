"""The document for runc."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from orchestrator.agent.adapters.native import capabilities, spec
from orchestrator.agent.adapters.native.accounts import ROOT, Account
from orchestrator.agent.adapters.native.devices import Device, DeviceNode
from orchestrator.agent.adapters.native.process import RLimit
from orchestrator.agent.adapters.native.spec import SANDBOX, Wanted
from orchestrator.agent.adapters.native.volumes import Kind, Mount
from orchestrator.mesos.types import CapabilitySet, LinuxInfo

DEFAULTS = capabilities.of_task(None, capabilities.Policy())
OF_IMAGE = Wanted(
    root="/bundles/1/root",
    sandbox="/agent/box",
    argv=["/bin/true", "x"],
    environment={"A": "1"},
    directory=SANDBOX,
    account=ROOT,
    capabilities=DEFAULTS,
    cgroups_path="/orchestrator/1",
)
OF_HOST = replace(OF_IMAGE, root="/", directory="/agent/box", has_own_ipc=False)
APP = Account(uid=1000, gid=1001, groups=(7,))


def namespaces(wanted: Wanted) -> set[str]:
    return {one["type"] for one in spec.config(wanted)["linux"]["namespaces"]}


def mounts(wanted: Wanted) -> dict[str, dict[str, Any]]:
    return {one["destination"]: one for one in spec.config(wanted)["mounts"]}


def test_the_process_is_as_it_was_wanted() -> None:
    limits = [RLimit(type="RLIMIT_CORE", soft=0, hard=1)]
    process = spec.config(replace(OF_IMAGE, rlimits=limits, account=APP))["process"]
    assert process["args"] == ["/bin/true", "x"]
    assert process["env"] == ["A=1"]
    assert process["cwd"] == SANDBOX
    assert process["user"] == {"uid": 1000, "gid": 1001, "additionalGids": [7]}
    assert process["rlimits"] == [{"type": "RLIMIT_CORE", "soft": 0, "hard": 1}]


def test_the_document_is_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(spec.config(OF_IMAGE)))["ociVersion"] == "1.0.2"


def test_a_user_other_than_root_has_no_capabilities_but_those_asked_for() -> None:
    silent = spec.config(replace(OF_IMAGE, account=APP))["process"]["capabilities"]
    assert silent["effective"] == silent["permitted"] == silent["ambient"] == []
    assert silent["bounding"]
    asked = LinuxInfo(effective_capabilities=CapabilitySet(capabilities=["KILL"]))
    named = capabilities.of_task(asked, capabilities.Policy())
    explicit = spec.config(replace(OF_IMAGE, account=APP, capabilities=named))
    assert explicit["process"]["capabilities"]["ambient"] == ["CAP_KILL"]


def test_an_image_is_the_root_and_the_sandbox_is_mounted_into_it() -> None:
    document = spec.config(replace(OF_IMAGE, is_read_only=True))
    assert document["root"] == {"path": "/bundles/1/root", "readonly": True}
    assert mounts(OF_IMAGE)[SANDBOX]["source"] == "/agent/box"
    assert {"/proc", "/dev", "/dev/pts", "/dev/shm", "/sys"} <= mounts(OF_IMAGE).keys()
    assert "ro" in mounts(OF_IMAGE)["/sys"]["options"]


def test_what_lies_in_proc_of_an_image_is_hidden_or_read_only() -> None:
    linux = spec.config(OF_IMAGE)["linux"]
    assert "/proc/kcore" in linux["maskedPaths"]
    assert "/proc/sys" in linux["readonlyPaths"]


def test_without_an_image_the_hosts_files_are_where_they_are() -> None:
    found = mounts(OF_HOST)
    assert found["/"] | {"options": []} == {
        "destination": "/",
        "type": "bind",
        "source": "/",
        "options": [],
    }
    assert SANDBOX not in found


def test_the_hosts_devices_are_mounted_so_that_runc_makes_none_there() -> None:
    order = [
        one["destination"] for one in spec.config(replace(OF_HOST, has_own_ipc=True))["mounts"]
    ]
    assert order.index("/") < order.index("/dev") < order.index("/dev/shm")
    devices = mounts(OF_HOST)["/dev"]
    assert (devices["type"], devices["source"]) == ("bind", "/dev")


def test_namespaces_are_those_wanted() -> None:
    assert namespaces(OF_IMAGE) == {"mount", "pid", "ipc"}
    assert namespaces(replace(OF_IMAGE, has_own_pids=False, has_own_ipc=False)) == {"mount"}
    more = replace(OF_IMAGE, hostname="me", network="/run/netns/1")
    assert namespaces(more) == {"mount", "pid", "ipc", "uts", "network"}
    assert spec.config(more)["hostname"] == "me"
    assert namespaces(replace(OF_IMAGE, has_own_cgroups=True)) == {"mount", "pid", "ipc", "cgroup"}


def test_a_container_of_an_image_sees_its_own_cgroups_and_cannot_change_them() -> None:
    shown = mounts(OF_IMAGE)["/sys/fs/cgroup"]
    assert (shown["type"], "ro" in shown["options"]) == ("cgroup", True)
    assert "/sys/fs/cgroup" not in mounts(OF_HOST)


def test_a_network_is_joined_by_its_path() -> None:
    listed = spec.config(replace(OF_IMAGE, network="/run/netns/1"))["linux"]["namespaces"]
    assert {"type": "network", "path": "/run/netns/1"} in listed


def test_shared_memory_is_the_hosts_or_as_large_as_wanted() -> None:
    own = mounts(replace(OF_IMAGE, shm_bytes=4096))["/dev/shm"]
    assert "size=4096" in own["options"]
    assert mounts(replace(OF_IMAGE, has_own_ipc=False))["/dev/shm"]["source"] == "/dev/shm"


def test_every_device_is_denied_but_those_listed() -> None:
    fuse = DeviceNode(device=Device(path="/dev/fuse", access="rw"), type="c", major=10, minor=229)
    linux = spec.config(replace(OF_IMAGE, devices=[fuse]))["linux"]
    rules = linux["resources"]["devices"]
    assert rules[0] == {"allow": False, "access": "rwm"}
    assert rules[-1] == {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}
    assert not any(rule.get("type") == "b" and rule["access"] != "m" for rule in rules)
    assert [node["path"] for node in linux["devices"]] == ["/dev/fuse"]


def test_volumes_come_last_so_that_nothing_covers_them() -> None:
    volume = Mount(kind=Kind.HOST, source="/b", target="/proc/x", is_read_only=True)
    last = spec.config(replace(OF_IMAGE, mounts=[volume], files=[("/h", "/etc/hosts")]))["mounts"]
    assert [one["destination"] for one in last[-2:]] == ["/etc/hosts", "/proc/x"]
    assert last[-1]["options"] == ["rbind", "ro", "rprivate"]


def test_a_mount_spreads_only_where_that_is_asked_for() -> None:
    assert spec.config(OF_IMAGE)["linux"]["rootfsPropagation"] == "rprivate"
    shared = Mount(kind=Kind.HOST, source="/b", target="/b", propagation="rshared")
    linux = spec.config(replace(OF_IMAGE, mounts=[shared]))["linux"]
    assert linux["rootfsPropagation"] == "shared"
