"""What an API server says of persistent volumes and who claims them; pure. Form: core/v1."""

from __future__ import annotations

import msgspec

from orchestrator.monitoring.probe.kubernetes.objects import Object, Wire


class Resources(Wire):
    """How much is wanted."""

    requests: dict[str, str] | None = None


class ClaimSpec(Wire):
    """What is claimed."""

    volume_name: str = ""
    """Empty until there is one."""
    storage_class_name: str | None = None
    access_modes: list[str] | None = None
    resources: Resources = msgspec.field(default_factory=Resources)


class ClaimStatus(Wire):
    """What was got."""

    phase: str = ""
    capacity: dict[str, str] | None = None


class Claim(Object):
    """A PersistentVolumeClaim."""

    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)
    status: ClaimStatus = msgspec.field(default_factory=ClaimStatus)


class VolumeSpec(Wire):
    """What a volume is."""

    capacity: dict[str, str] | None = None
    storage_class_name: str | None = None
    access_modes: list[str] | None = None
    persistent_volume_reclaim_policy: str = ""


class VolumeStatus(Wire):
    """How a volume does."""

    phase: str = ""
    reason: str = ""


class Volume(Object):
    """A PersistentVolume."""

    spec: VolumeSpec = msgspec.field(default_factory=VolumeSpec)
    status: VolumeStatus = msgspec.field(default_factory=VolumeStatus)
