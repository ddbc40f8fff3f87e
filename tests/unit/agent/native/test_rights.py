"""Capabilities, system calls and devices: what a container may, and what it may not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.native import capabilities, devices, seccomp
from orchestrator.agent.adapters.native.capabilities import KNOWN, CapabilityError, Policy
from orchestrator.agent.adapters.native.devices import Device, DeviceError
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.mesos.types import CapabilitySet, LinuxInfo, SeccompInfo

SETS = st.none() | st.frozensets(st.sampled_from(KNOWN[:6]))


def asking(
    effective: frozenset[str] | None = None, bounding: frozenset[str] | None = None
) -> LinuxInfo:
    def given_set(names: frozenset[str] | None) -> CapabilitySet | None:
        return None if names is None else CapabilitySet(capabilities=sorted(names))

    return LinuxInfo(
        effective_capabilities=given_set(effective), bounding_capabilities=given_set(bounding)
    )


# --- capabilities ------------------------------------------------------------------------------


def test_who_asks_for_nothing_gets_what_docker_gives() -> None:
    found = capabilities.of_task(None, Policy())
    assert len(found.bounding) == 14
    assert found.effective == found.bounding
    assert "CAP_SYS_ADMIN" not in found.bounding


@given(effective=SETS, bounding=SETS, allowed=st.frozensets(st.sampled_from(KNOWN[:6])), own=SETS)
def test_no_container_has_more_than_it_may(
    effective: frozenset[str] | None,
    bounding: frozenset[str] | None,
    allowed: frozenset[str],
    own: frozenset[str] | None,
) -> None:
    policy = Policy(bounding=allowed, effective=None if own is None else own & allowed)
    try:
        found = capabilities.of_task(asking(effective, bounding), policy)
    except NativeError:
        wanted = (effective or frozenset()) | (bounding or frozenset())
        assert not wanted <= allowed or not (effective or frozenset()) <= (bounding or frozenset())
    else:
        assert set(found.effective) <= set(found.bounding) <= {f"CAP_{name}" for name in allowed}


def test_one_set_stands_for_the_other() -> None:
    names = frozenset({"KILL"})
    for info in (asking(effective=names), asking(bounding=names)):
        found = capabilities.of_task(info, Policy())
        assert found.bounding == found.effective == ("CAP_KILL",)


def test_the_older_field_is_understood() -> None:
    info = LinuxInfo(capability_info=CapabilitySet(capabilities=["KILL"]))
    assert capabilities.of_task(info, Policy()).effective == ("CAP_KILL",)


def test_more_than_the_operator_allows_is_refused_by_name() -> None:
    with pytest.raises(NativeError, match="SYS_ADMIN"):
        capabilities.of_task(asking(effective=frozenset({"SYS_ADMIN", "KILL"})), Policy())


def test_names_are_read_with_and_without_their_prefix() -> None:
    assert capabilities.parse("CAP_KILL, chown") == {"KILL", "CHOWN"}
    assert capabilities.parse("ALL") == set(KNOWN)
    with pytest.raises(CapabilityError, match="FLY"):
        capabilities.parse("FLY")


# --- system calls ------------------------------------------------------------------------------


def allowed_calls(profile: dict[str, object]) -> set[str]:
    rules = profile["syscalls"]
    assert isinstance(rules, list)
    return {
        name
        for rule in rules
        if "args" not in rule
        for name in rule["names"]
        if rule["action"] == "SCMP_ACT_ALLOW"
    }


@pytest.mark.parametrize(
    "call",
    [
        "mount",
        "unshare",
        "setns",
        "bpf",
        "kexec_load",
        "reboot",
        "init_module",
        "keyctl",
        "add_key",
        "swapon",
        "io_uring_setup",
        "userfaultfd",
        "settimeofday",
        "pivot_root",
        "open_by_handle_at",
    ],
)
def test_what_changes_the_machine_is_not_allowed(call: str) -> None:
    has = capabilities.of_task(None, Policy()).bounding
    assert call not in allowed_calls(seccomp.default(has, "x86_64"))


@pytest.mark.parametrize(
    "call",
    [
        "openat",
        "execve",
        "futex",
        "epoll_wait",
        "connect",
        "getrandom",
        "chroot",
        "rseq",
        "clock_nanosleep",
        "statx",
    ],
)
def test_what_programs_need_is_allowed(call: str) -> None:
    has = capabilities.of_task(None, Policy()).bounding
    assert call in allowed_calls(seccomp.default(has, "x86_64"))


@given(st.frozensets(st.sampled_from([f"CAP_{name}" for name in KNOWN])))
def test_more_capabilities_never_mean_fewer_calls(has: frozenset[str]) -> None:
    none = allowed_calls(seccomp.default((), "x86_64"))
    every = allowed_calls(seccomp.default([f"CAP_{name}" for name in KNOWN], "x86_64"))
    assert none <= allowed_calls(seccomp.default(has, "x86_64")) <= every


def test_a_new_process_is_allowed_and_a_new_namespace_is_not() -> None:
    rules = seccomp.default((), "x86_64")["syscalls"]
    (clone,) = [rule for rule in rules if rule["names"] == ["clone"]]
    assert clone["args"] == [
        {"index": 0, "value": 0x7E020000, "op": "SCMP_CMP_MASKED_EQ", "valueTwo": 0}
    ]


def test_no_profile_for_who_is_unconfined() -> None:
    info = LinuxInfo(seccomp=SeccompInfo(unconfined=True))
    assert seccomp.of_task(info, seccomp.Policy(), (), "x86_64") is None


def test_a_profile_of_dockers_form_is_cut_to_the_machine_and_the_capabilities(
    tmp_path: Path,
) -> None:
    rules = [
        {"names": ["a"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["b"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_KILL"]}},
        {"names": ["c"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_KILL"]}},
        {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
        {"names": ["e"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": [{"index": 0}]},
    ]
    sub = {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}
    document = {"defaultAction": "SCMP_ACT_ERRNO", "archMap": [sub], "syscalls": rules}
    (tmp_path / "mine").write_text(json.dumps(document))
    policy = seccomp.Policy(directory=tmp_path, profile_name="mine")
    found = seccomp.of_task(None, policy, ("CAP_KILL",), "x86_64")
    assert found is not None
    assert [rule["names"][0] for rule in found["syscalls"]] == ["a", "b", "e"]
    assert found["syscalls"][2]["errnoRet"] == 38
    assert found["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]


@pytest.mark.parametrize("name", ["missing", "../etc/passwd", "broken", ".."])
def test_a_profile_that_cannot_be_had_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("{}")
    info = LinuxInfo(seccomp=SeccompInfo(profile_name=name))
    with pytest.raises(NativeError):
        seccomp.of_task(info, seccomp.Policy(directory=tmp_path), (), "x86_64")


# --- devices -----------------------------------------------------------------------------------


def test_devices_are_read_in_our_form_and_in_mesos() -> None:
    assert devices.parse("/dev/fuse, /dev/kvm:rw") == (
        Device(path="/dev/fuse", access="rwm"),
        Device(path="/dev/kvm", access="rw"),
    )
    entry = {"device": {"path": "/dev/kvm"}, "access": {"read": True, "mknod": True}}
    assert devices.parse(json.dumps({"allowed_devices": [entry]})) == (
        Device(path="/dev/kvm", access="rm"),
    )


@pytest.mark.parametrize("text", ["/etc/passwd", "/dev/../etc/x", "/dev/x:q", "{", "fuse"])
def test_what_is_no_device_is_refused(text: str) -> None:
    with pytest.raises(DeviceError):
        devices.parse(text)
