"""The operator's settings, read into what containers and images are made by."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.agent.adapters import logins
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.images import reference
from orchestrator.agent.adapters.images.reference import ReferenceError
from orchestrator.agent.adapters.images.store import ImageStore, Source
from orchestrator.agent.adapters.logins import CredentialError, Logins
from orchestrator.agent.adapters.native import capabilities, devices, seccomp
from orchestrator.agent.adapters.native.capabilities import CapabilityError
from orchestrator.agent.adapters.native.containers import NativeContainers
from orchestrator.agent.adapters.native.devices import DeviceError
from orchestrator.agent.adapters.native.given import Given, Policy
from orchestrator.agent.adapters.policy import Policy as Rights
from orchestrator.agent.config import AgentConfig
from orchestrator.runtime.config import ConfigError

MIB = 1024 * 1024


def containers(
    config: AgentConfig,
    directory: Path,
    around: Surroundings,
    given: Given,
    rights: Rights,
    *,
    switch_user: bool,
) -> NativeContainers:
    """The native containers of an agent. Raises ConfigError."""
    store = ImageStore(directory / "images", source(config))
    native = NativeContainers(
        directory, around, store, policy(config, rights), switch_user=switch_user, given=given
    )
    store.is_in_use = native.uses
    return native


def policy(config: AgentConfig, rights: Rights) -> Policy:
    """What holds for all containers. Raises ConfigError."""
    directory = Path(config.seccomp_config_dir) if config.seccomp_config_dir else None
    if config.seccomp_profile_name and directory is None:
        raise ConfigError("--seccomp-profile-name needs --seccomp-config-dir")
    try:
        return Policy(
            rights=rights,
            capabilities=_capabilities(config),
            seccomp=seccomp.Policy(directory=directory, profile_name=config.seccomp_profile_name),
            devices=devices.parse(config.allowed_devices),
            is_read_only=config.read_only_root,
            no_new_privileges=config.no_new_privileges,
            shm_bytes=config.default_container_shm_size_mb * MIB,
        )
    except DeviceError as error:
        raise ConfigError(f"--allowed-devices: {error}") from None


def _capabilities(config: AgentConfig) -> capabilities.Policy:
    found: dict[str, frozenset[str] | None] = {}
    for name in ("bounding_capabilities", "effective_capabilities"):
        text: str = getattr(config, name)
        try:
            found[name] = capabilities.parse(text) if text else None
        except CapabilityError as error:
            raise ConfigError(f"--{name.replace('_', '-')}: {error}") from None
    bounding = found["bounding_capabilities"] or capabilities.DEFAULT
    effective = found["effective_capabilities"]
    if effective is not None and not effective <= bounding:
        raise ConfigError("--effective-capabilities are not a part of --bounding-capabilities")
    return capabilities.Policy(bounding=bounding, effective=effective)


def source(config: AgentConfig) -> Source:
    """Where images come from. Raises ConfigError."""
    registry, directory = _origin(config.docker_registry)
    insecure = {one.strip() for one in config.insecure_registries.split(",") if one.strip()}
    if config.docker_registry.startswith("http://"):
        insecure.add(registry)
    return Source(
        registry=registry,
        directory=directory,
        insecure=frozenset(insecure),
        logins=_logins(config.docker_config),
        max_bytes=config.image_store_mb * MIB,
    )


def _origin(given: str) -> tuple[str, Path | None]:
    """A registry, and the directory that stands in for it where one does."""
    if given.startswith(("/", "file://")):
        directory = Path(given.removeprefix("file://"))
        if not directory.is_dir():
            raise ConfigError(f"--docker-registry: {directory} is no directory")
        return reference.DOCKER_HUB, directory
    parts = urlsplit(given if "://" in given else f"https://{given}")
    if parts.scheme not in ("http", "https") or parts.path.strip("/"):
        raise ConfigError(f"--docker-registry: '{given}' is no registry and no directory")
    try:
        return reference.parse("image", parts.netloc).registry, None
    except ReferenceError as error:
        raise ConfigError(f"--docker-registry: {error}") from None


def _logins(given: str) -> Logins:
    try:
        return logins.of_setting(given)
    except CredentialError as error:
        raise ConfigError(f"--docker-config: {error}") from None
