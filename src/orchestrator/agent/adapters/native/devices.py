"""Which devices a container may use: a few that are harmless, and what the operator adds.

``--allowed-devices`` is a list of ``PATH[:ACCESS]`` with ACCESS of r(ead), w(rite), m(knod), or the
JSON of Mesos' flag of that name.
"""

from __future__ import annotations

import os
import stat

import msgspec

from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.mesos.types import Message

DEFAULT_ACCESS = "rwm"


class DeviceError(ValueError):
    """A setting that names no device; says why."""


class Device(Message):
    """A device of the host that containers may use. ``access`` is of the letters r, w, m."""

    path: str
    access: str = DEFAULT_ACCESS


class DeviceNode(Message):
    """A device as it was found on the host."""

    device: Device
    type: str  # c or b
    major: int
    minor: int
    mode: int = 0o666


class _Access(msgspec.Struct, frozen=True):
    read: bool = False
    write: bool = False
    mknod: bool = False

    @property
    def letters(self) -> str:
        return "r" * self.read + "w" * self.write + "m" * self.mknod


class _Path(msgspec.Struct, frozen=True):
    path: str


class _Allowed(msgspec.Struct, frozen=True):
    device: _Path
    access: _Access = _Access()


class _Setting(msgspec.Struct, frozen=True):
    allowed_devices: list[_Allowed] = []


def parse(text: str) -> tuple[Device, ...]:
    """Read the setting. Raises DeviceError."""
    if text.lstrip().startswith("{"):
        try:
            found = msgspec.json.decode(text.encode(), type=_Setting).allowed_devices
        except msgspec.MsgspecError as error:
            raise DeviceError(f"the devices are not JSON as Mesos': {error}") from None
        return tuple(_device(one.device.path, one.access.letters) for one in found)
    words = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(_device(path, access) for path, _, access in (w.partition(":") for w in words))


def _device(path: str, access: str) -> Device:
    if not path.startswith("/dev/") or ".." in path.split("/"):
        raise DeviceError(f"'{path}' is no path below /dev")
    access = access or DEFAULT_ACCESS
    if set(access) - set(DEFAULT_ACCESS):
        raise DeviceError(f"'{access}' is no access to {path}: it is of r, w and m")
    return Device(path=path, access=access)


def look_up(device: Device) -> DeviceNode:
    """What the device is on this machine. Raises NativeError."""
    try:
        found = os.stat(device.path)  # noqa: PTH116
    except OSError as error:
        raise NativeError(f"The device {device.path} is not here: {error.strerror}") from None
    if not (stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)):
        raise NativeError(f"{device.path} is no device")
    return DeviceNode(
        device=device,
        type="c" if stat.S_ISCHR(found.st_mode) else "b",
        major=os.major(found.st_rdev),
        minor=os.minor(found.st_rdev),
        mode=stat.S_IMODE(found.st_mode),
    )
