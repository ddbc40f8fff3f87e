"""An agent's settings as the Docker containerizer wants them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from orchestrator.agent.adapters import logins, policy
from orchestrator.agent.adapters.docker.collection import GarbageSettings
from orchestrator.agent.adapters.docker.limits import LimitSettings
from orchestrator.agent.adapters.docker.pulls import PullSettings
from orchestrator.agent.adapters.docker.spec import Rules
from orchestrator.agent.adapters.logins import CredentialError, Logins
from orchestrator.agent.config import AgentConfig
from orchestrator.agent.core.images import Limits
from orchestrator.mesos.types import DurationInfo, Message
from orchestrator.runtime.config import ConfigError

_NANO = 1e-9


class DockerSettings(Message):
    """``engine_wait_s``: how long a launch waits for an Engine that has gone away."""

    rules: Rules = Rules()
    logins: Logins = {}
    pulls: PullSettings = PullSettings()
    garbage: GarbageSettings = GarbageSettings()
    engine_wait_s: float = 600.0


class _ImageGcConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Mesos' ``--image_gc_config`` (ImageGcConfig in src/messages/flags.proto), and three more."""

    image_disk_headroom: float = 0.1
    image_disk_watch_interval: DurationInfo = DurationInfo(nanoseconds=3600 * 10**9)
    excluded_images: list[str] = []
    image_min_age: DurationInfo = DurationInfo(nanoseconds=3600 * 10**9)
    image_max_age: DurationInfo = DurationInfo(nanoseconds=14 * 24 * 3600 * 10**9)
    image_max_bytes: int = 0


def from_config(config: AgentConfig, work_dir: Path, socket: Path | None) -> DockerSettings:
    """Raises ConfigError."""
    return DockerSettings(
        rules=Rules(
            policy=policy.from_config(config, work_dir, socket),
            limits=LimitSettings(
                enable_cfs=config.cgroups_enable_cfs, max_pids=config.cgroups_pids_limit
            ),
        ),
        logins=_logins(config.docker_config),
        pulls=PullSettings(timeout_s=config.docker_pull_timeout_s),
        garbage=_garbage(config.image_gc_config),
        engine_wait_s=config.docker_pull_timeout_s,
    )


def _logins(setting: str) -> Logins:
    try:
        return logins.of_setting(setting)
    except CredentialError as error:
        raise ConfigError(f"--docker-config: {error}") from None


def _garbage(setting: str) -> GarbageSettings:
    if not setting:
        return GarbageSettings()
    if setting.lower() == "none":
        return GarbageSettings(interval_s=0)
    try:
        is_text = setting.lstrip().startswith("{")
        text = setting.encode() if is_text else Path(setting).read_bytes()
        found = msgspec.json.decode(text, type=_ImageGcConfig)
    except OSError as error:
        raise ConfigError(f"--image-gc-config: {setting}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"--image-gc-config: {error}") from None
    if not 0 <= found.image_disk_headroom <= 1:
        raise ConfigError("--image-gc-config: image_disk_headroom is a part, from 0 to 1")
    return GarbageSettings(
        interval_s=found.image_disk_watch_interval.nanoseconds * _NANO,
        limits=Limits(
            headroom=found.image_disk_headroom,
            min_age_s=found.image_min_age.nanoseconds * _NANO,
            max_age_s=found.image_max_age.nanoseconds * _NANO,
            max_bytes=found.image_max_bytes,
            excluded=tuple(found.excluded_images),
        ),
    )
