"""Which system calls a container may make, as the OCI specification writes it down.

The agent's own profile is ``seccomp.toml``; operators have theirs as files of the form that Docker
and Mesos read (``seccomp_config_dir``). Three calls need a look at their arguments: ``clone`` may
make processes but no namespaces, ``clone3`` hides its arguments from filters and so "does not
exist", which makes libraries take ``clone``; ``socket`` may not reach the host by AF_VSOCK.
Source: the OCI Runtime Specification 1.0.2, "Seccomp"; Docker's seccomp profiles.
"""

from __future__ import annotations

import errno
import tomllib
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.mesos.types import LinuxInfo, Message

_OWN = Path(__file__).with_name("seccomp.toml")
_NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW* flags
_AF_VSOCK = 40
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_ARCHITECTURES = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"),  # nobody has x32, and each costs time
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
}
JSON = dict[str, Any]  # a part of the bundle's config.json


class Policy(Message):
    """``profile_name`` is for tasks that name none; empty: the agent's own profile."""

    directory: Path | None = None
    profile_name: str = ""


class _When(msgspec.Struct, frozen=True):
    caps: list[str] = []
    arches: list[str] = []


class _Rule(msgspec.Struct, frozen=True, rename="camel"):
    action: str
    names: list[str] = []
    name: str = ""
    args: list[msgspec.Raw] | None = None
    errno_ret: int | None = None
    includes: _When = _When()
    excludes: _When = _When()


class _SubArchitectures(msgspec.Struct, frozen=True, rename="camel"):
    architecture: str
    sub_architectures: list[str] | None = None


class _Profile(msgspec.Struct, frozen=True, rename="camel"):
    default_action: str
    default_errno_ret: int | None = None
    architectures: list[str] | None = None
    arch_map: list[_SubArchitectures] = []
    syscalls: list[_Rule] = []


def of_task(
    info: LinuxInfo | None, policy: Policy, capabilities: Collection[str], machine: str
) -> JSON | None:
    """The filter for a task with these bounding capabilities; None: unconfined.

    Raises NativeError when there is no such profile.
    """
    asked = info.seccomp if info is not None else None
    if asked is not None and asked.unconfined:
        if asked.profile_name:
            raise NativeError("A task cannot be unconfined and have a seccomp profile")
        return None
    name = (asked.profile_name if asked is not None else None) or policy.profile_name
    if not name:
        return default(capabilities, machine)
    return from_file(_find(name, policy), capabilities, machine)


def default(capabilities: Collection[str], machine: str) -> JSON:
    """The agent's own profile."""
    may_enter_namespaces = "CAP_SYS_ADMIN" in capabilities
    own = _own()
    names = list(own[""])
    for capability in capabilities:
        names += own.get(capability, ())
    rules: list[JSON] = [_allow(sorted(set(names)))]
    if not may_enter_namespaces:
        rules.append(_allow(["clone"], _argument(0, _NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ", 0)))
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS})
    rules.append(_allow(["socket"], _argument(0, _AF_VSOCK, "SCMP_CMP_NE")))
    rules += [_allow(["personality"], _argument(0, one, "SCMP_CMP_EQ")) for one in _PERSONALITIES]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.EPERM,
        "architectures": list(_ARCHITECTURES.get(machine, ())),
        "syscalls": rules,
    }


def from_file(path: Path, capabilities: Collection[str], machine: str) -> JSON:
    """A profile of Docker's form, for a machine and capabilities. Raises NativeError."""
    try:
        profile = msgspec.json.decode(path.read_bytes(), type=_Profile)
    except (OSError, msgspec.MsgspecError) as error:
        raise NativeError(f"The seccomp profile '{path.name}' cannot be read: {error}") from None
    rules = [_written(rule) for rule in profile.syscalls if _applies(rule, capabilities, machine)]
    found: JSON = {
        "defaultAction": profile.default_action,
        "architectures": _architectures(profile, machine),
        "syscalls": rules,
    }
    if profile.default_errno_ret is not None:
        found["defaultErrnoRet"] = profile.default_errno_ret
    return found


def _find(name: str, policy: Policy) -> Path:
    if policy.directory is None:
        raise NativeError(
            f"The task wants the seccomp profile '{name}'; this agent has no seccomp_config_dir"
        )
    if "/" in name or name in (".", ".."):
        raise NativeError(f"'{name}' cannot be the name of a seccomp profile")
    path = policy.directory / name
    if not path.is_file():
        raise NativeError(f"This agent has no seccomp profile '{name}'")
    return path


@cache
def _own() -> dict[str, tuple[str, ...]]:
    """System calls by the capability that they need; under "" those for all."""
    document = tomllib.loads(_OWN.read_text())
    by_capability = {name: tuple(text.split()) for name, text in document["with"].items()}
    return {"": tuple(" ".join(document["allow"].values()).split()), **by_capability}


def _allow(names: Sequence[str], argument: JSON | None = None) -> JSON:
    rule: JSON = {"names": list(names), "action": "SCMP_ACT_ALLOW"}
    return rule if argument is None else {**rule, "args": [argument]}


def _argument(index: int, value: int, operator: str, second: int | None = None) -> JSON:
    argument: JSON = {"index": index, "value": value, "op": operator}
    return argument if second is None else {**argument, "valueTwo": second}


def _applies(rule: _Rule, capabilities: Collection[str], machine: str) -> bool:
    has, arch = set(capabilities), _DOCKER_NAMES.get(machine, machine)
    if not set(rule.includes.caps) <= has or set(rule.excludes.caps) & has:
        return False
    if rule.includes.arches and arch not in rule.includes.arches:
        return False
    return arch not in rule.excludes.arches


_DOCKER_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


def _written(rule: _Rule) -> JSON:
    written: JSON = {"names": rule.names or [rule.name], "action": rule.action}
    if rule.args:
        written["args"] = [msgspec.json.decode(one) for one in rule.args]
    if rule.errno_ret is not None:
        written["errnoRet"] = rule.errno_ret
    return written


def _architectures(profile: _Profile, machine: str) -> list[str]:
    if profile.architectures is not None:
        return profile.architectures
    own = _ARCHITECTURES.get(machine, ("",))[0]
    for entry in profile.arch_map:
        if entry.architecture == own:
            return [own, *(entry.sub_architectures or ())]
    return list(_ARCHITECTURES.get(machine, ()))
