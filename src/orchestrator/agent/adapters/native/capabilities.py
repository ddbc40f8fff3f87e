"""Which of root's powers a container has.

The *bounding* set is what it can ever have, the *effective* one what its first process has. What a
task asks for has to lie within what the operator allows, and one of the two stands for the other
where only one is given, as in Mesos' linux/capabilities isolator. Unlike there, who says nothing
gets the set that Docker made customary, not everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.mesos.types import CapabilitySet, LinuxInfo, Message

_KNOWN = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
_DEFAULT = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE"
)
KNOWN = tuple(_KNOWN.split())
DEFAULT = frozenset(_DEFAULT.split())


class CapabilityError(ValueError):
    """A capability that does not exist."""


class Policy(Message):
    """What the operator allows at most, and what tasks get that do not ask (None: the same)."""

    bounding: frozenset[str] = DEFAULT
    effective: frozenset[str] | None = None


class Capabilities(Message):
    """The sets of a container, as the OCI specification names capabilities.

    ``is_explicit``: the task or the operator named the effective ones, so that even a process that
    is not root has them.
    """

    bounding: tuple[str, ...]
    effective: tuple[str, ...]
    is_explicit: bool


def parse(text: str) -> frozenset[str]:
    """Read a list of names with or without "CAP_"; "ALL" is every one. Raises CapabilityError."""
    names = {name.strip().upper().removeprefix("CAP_") for name in text.split(",") if name.strip()}
    if "ALL" in names:
        return frozenset(KNOWN)
    if unknown := sorted(names - set(KNOWN)):
        raise CapabilityError(f"there is no capability '{unknown[0]}'")
    return frozenset(names)


def of_task(info: LinuxInfo | None, policy: Policy) -> Capabilities:
    """What a task gets. Raises NativeError when it asks for more than is allowed."""
    asked_bounding = _asked(info.bounding_capabilities if info else None)
    asked_effective = _asked(
        (info.effective_capabilities or info.capability_info) if info else None
    )
    for asked in (asked_bounding, asked_effective):
        _check_allowed(asked or frozenset(), policy.bounding)
    bounding = asked_bounding if asked_bounding is not None else asked_effective
    if bounding is None:
        bounding = policy.bounding
    effective = asked_effective if asked_effective is not None else policy.effective
    is_explicit = effective is not None
    if asked_effective is not None and not asked_effective <= bounding:
        raise NativeError("The effective capabilities are not a part of the bounding capabilities")
    return Capabilities(
        bounding=_named(bounding),
        effective=_named(bounding if effective is None else effective & bounding),
        is_explicit=is_explicit,
    )


def _asked(given: CapabilitySet | None) -> frozenset[str] | None:
    if given is None:
        return None
    try:
        return parse(",".join(given.capabilities))
    except CapabilityError as error:
        raise NativeError(f"The task asks for a capability that is not known: {error}") from None


def _check_allowed(asked: frozenset[str], allowed: frozenset[str]) -> None:
    if excess := sorted(asked - allowed):
        raise NativeError(
            f"The task asks for the capabilities {', '.join(excess)}, which this agent does not "
            "allow (its bounding_capabilities)"
        )


def _named(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"CAP_{name}" for name in sorted(names))
