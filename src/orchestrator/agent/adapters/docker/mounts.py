"""The parameters ``volume``, ``mount`` and ``tmpfs`` of ``docker run``."""

from __future__ import annotations

from orchestrator.agent.adapters.docker import volumes
from orchestrator.agent.adapters.docker.body import Draft
from orchestrator.agent.adapters.docker.values import flag
from orchestrator.mesos.types import DockerVolumeSource, Volume, VolumeMode

_MOUNT_MODES = frozenset(
    ["ro", "rw", "z", "Z", "nocopy", "rprivate", "private", "rslave", "slave", "rshared", "shared"]
)


def tmpfs(draft: Draft, value: str) -> None:
    """``path[:options]``."""
    path, _, options = value.partition(":")
    draft.host.setdefault("Tmpfs", {})[path] = options


def volume(draft: Draft, value: str) -> None:
    """``source:target[:options]``; a source without a slash in front is a volume's name."""
    parts = value.split(":")
    if len(parts) not in (2, 3):
        raise ValueError(value)
    options = (parts[2] if len(parts) == 3 else "rw").split(",")
    if not set(options) <= _MOUNT_MODES:
        raise ValueError(value)
    if not {"ro", "rw"} & set(options):
        options.insert(0, "rw")
    _mount_by_kind(draft, parts[0], parts[1], options, driver=draft.host.get("VolumeDriver"))


def _mount_by_kind(
    draft: Draft, source: str, target: str, options: list[str], driver: str | None
) -> None:
    if source.startswith("/"):
        return volumes.from_host(draft, source, target, options)
    if "/" in source:
        return volumes.from_sandbox(draft, source, target, options)
    mode = VolumeMode.RO if "ro" in options else VolumeMode.RW
    named = DockerVolumeSource(name=source, driver=driver)
    return volumes.named(draft, named, Volume(container_path=target, mode=mode))


def mount(draft: Draft, value: str) -> None:
    """``type=bind|volume|tmpfs,source=...,target=...[,readonly][,tmpfs-size=...]``."""
    fields = dict(_mount_field(part) for part in value.split(","))
    kind = fields.pop("type", "volume")
    source = fields.pop("source", None) or fields.pop("src", "")
    places = [fields.pop(key) for key in ("target", "dst", "destination") if key in fields]
    read_only = flag(fields.pop("readonly", fields.pop("ro", "false")))
    options = [fields.pop(key) for key in ("bind-propagation",) if key in fields]
    if len(places) != 1 or (kind != "tmpfs" and (fields or not source)):
        raise ValueError(value)
    if kind == "tmpfs":
        return tmpfs(draft, f"{places[0]}:{_tmpfs_options(fields)}")
    if kind not in ("bind", "volume") or (kind == "bind") != source.startswith("/"):
        raise ValueError(value)
    mode = "ro" if read_only else "rw"
    return _mount_by_kind(draft, source, places[0], [mode, *options], driver=None)


def _mount_field(part: str) -> tuple[str, str]:
    key, found, value = part.partition("=")
    return key.strip().lower(), value if found else "true"


def _tmpfs_options(fields: dict[str, str]) -> str:
    names = {"tmpfs-size": "size", "tmpfs-mode": "mode"}
    if not set(fields) <= set(names):
        raise ValueError(fields)
    return ",".join(f"{names[key]}={value}" for key, value in fields.items())
