"""What runs in a container: the command with the image's defaults, its directory and its limits.

How a command and an image's entry point become one is a table in Mesos' docker-runtime isolator:
a value replaces both, arguments alone are given to the entry point, or else to the image's command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.agent.adapters.images.documents import Settings
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.mesos.types import CommandInfo, LinuxInfo, Message, RLimitInfo

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RLIMITS = (
    "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING"
    " STACK"
)
RLIMITS = frozenset(_RLIMITS.split())
INFINITY = 2**64 - 1


class RLimit(Message):
    """One limit of setrlimit(2)."""

    type: str
    soft: int
    hard: int


def argv_of(command: CommandInfo | None, settings: Settings) -> list[str]:
    """The words of the command. Raises NativeError when there is nothing to run."""
    command = command or CommandInfo(shell=False)
    if command.shell:
        if command.value is None:
            raise NativeError("The command is a shell command without a value")
        return ["/bin/sh", "-c", command.value]
    if command.value is not None:
        return [command.value, *command.arguments[1:]]  # arguments[0] is the program's own name
    entrypoint, cmd = settings.entrypoint or [], settings.cmd or []
    if not entrypoint and not cmd:
        raise NativeError("Neither the task nor its image says what to run")
    if not command.arguments:
        return [*entrypoint, *cmd]
    return [*(entrypoint or cmd[:1]), *command.arguments]


def environment_of(settings: Settings, own: Mapping[str, str]) -> dict[str, str]:
    """The image's variables, overridden by the task's."""
    pairs = (entry.partition("=") for entry in settings.env or [])
    of_image = {name: value for name, _, value in pairs if name}
    return {"PATH": DEFAULT_PATH} | of_image | dict(own)


def directory_of(settings: Settings, sandbox: str) -> str:
    """Where it starts: where the image says, or in the sandbox."""
    directory = settings.working_dir
    return directory if directory.startswith("/") else f"/{directory}" if directory else sandbox


def has_own_ipc(linux: LinuxInfo, *, has_image: bool) -> bool:
    """Whether it shares memory and queues with nobody else. Raises NativeError."""
    if linux.ipc_mode in (None, "UNKNOWN"):
        return has_image
    if linux.ipc_mode not in ("PRIVATE", "SHARE_PARENT"):
        raise NativeError(f"There is no IPC mode '{linux.ipc_mode}'")
    if linux.shm_size and linux.ipc_mode == "SHARE_PARENT":
        raise NativeError("A size of /dev/shm needs the IPC mode PRIVATE")
    return linux.ipc_mode == "PRIVATE"


def check_sharing(linux: LinuxInfo) -> None:
    """Of a member of a task group. Raises NativeError.

    It asks for what its group has; the machine's own would be far more than that.
    """
    if linux.share_pid_namespace:
        raise NativeError("Members of a task group do not share their processes on this agent")
    if linux.ipc_mode == "SHARE_PARENT":
        raise NativeError("Members of a task group do not share memory and queues on this agent")


def rlimits_of(info: RLimitInfo | None) -> Sequence[RLimit]:
    """The limits of RLimitInfo. Raises NativeError."""
    return [
        _rlimit(one.type, one.soft, one.hard) for one in (info.rlimits if info is not None else ())
    ]


def _rlimit(type_: str, soft: int | None, hard: int | None) -> RLimit:
    name = type_.removeprefix("RLMT_")
    if name not in RLIMITS:
        raise NativeError(f"There is no limit '{type_}' of processes on Linux")
    if (soft is None) != (hard is None):
        raise NativeError(f"The limit {type_} has a soft or a hard value, but needs both or none")
    soft, hard = INFINITY if soft is None else soft, INFINITY if hard is None else hard
    if not 0 <= soft <= hard <= INFINITY:
        raise NativeError(f"The limit {type_} has the soft value {soft} above the hard one {hard}")
    return RLimit(type=f"RLIMIT_{name}", soft=soft, hard=hard)
