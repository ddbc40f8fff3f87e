"""App definitions as clients send them: everything optional, deprecated spellings included.

``read`` answers wrong types the way Marathon's reader does (a JSON path and a code such as
``error.expected.jsnumber``); a field that no version of Marathon knows is ignored, and null is the
same as absent, as there.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from orchestrator.marathon.core.apps import json_errors
from orchestrator.marathon.core.apps.app_parts import (
    Amount,
    AnyPort,
    Artifact,
    Check,
    Container,
    Count,
    HealthCheck,
    KillSelection,
    Network,
    Part,
    PortDefinition,
    Protocol,
    ReadinessCheck,
    ResourceLimits,
    Seconds,
    Text,
    UnreachableStrategy,
    UpgradeStrategy,
)
from orchestrator.marathon.core.apps.app_volumes import (
    ExecutorResources,
    Residency,
    SecretReference,
    SecretSource,
)
from orchestrator.marathon.core.refusals import NotJson

T = TypeVar("T")
_MAX_DEPTH = 64


class DiscoveryPort(Part):
    """A container's port, before 1.5."""

    number: AnyPort
    name: str
    protocol: Protocol = "tcp"
    labels: dict[str, str] = {}


class Discovery(Part):
    """The ports of a container with its own address, before 1.5."""

    ports: list[DiscoveryPort] = []


class IpAddress(Part):
    """The wish for a container with its own address, before 1.5."""

    discovery: Discovery | None = None
    groups: list[str] = []
    labels: dict[str, str] = {}
    network_name: str | None = None


class AppUpdate(Part):
    """What a client says about an app; what it leaves out is None."""

    id: Text | None = None
    cmd: Text | None = None
    args: list[str] | None = None
    user: str | None = None
    env: dict[str, str | SecretReference] | None = None
    instances: Count | None = None
    cpus: Annotated[float, Meta(ge=0.001, le=1e9)] | None = None
    mem: Amount | None = None
    disk: Amount | None = None
    gpus: Count | None = None
    executor: str | None = None
    constraints: list[list[str]] | None = None
    fetch: list[Artifact] | None = None
    container: Container | None = None
    networks: list[Network] | None = None
    port_definitions: list[PortDefinition] | None = None
    require_ports: bool | None = None
    health_checks: list[HealthCheck] | None = None
    check: Check | None = None
    readiness_checks: list[ReadinessCheck] | None = None
    backoff_seconds: Seconds | None = None
    backoff_factor: Annotated[float, Meta(ge=1, le=1e6)] | None = None
    max_launch_delay_seconds: Seconds | None = None
    task_kill_grace_period_seconds: Seconds | None = None
    upgrade_strategy: UpgradeStrategy | None = None
    kill_selection: KillSelection | None = None
    unreachable_strategy: UnreachableStrategy | None = None
    dependencies: list[str] | None = None
    labels: dict[str, str] | None = None
    accepted_resource_roles: list[str] | None = None
    role: Text | None = None
    resource_limits: ResourceLimits | None = None
    tty: bool | None = None
    secrets: dict[str, SecretSource] | None = None
    residency: Residency | None = None
    executor_resources: ExecutorResources | None = None
    version: str | None = None
    # Spellings of older versions:
    uris: list[str] | None = None
    ports: list[AnyPort] | None = None
    ip_address: IpAddress | None = None
    store_urls: list[str] | None = None


def read(kind: type[T], body: bytes) -> T:
    """Decode a request body. Raises NotJson, WrongShape or InvalidObject."""
    if not body.strip():
        details = "No content to map due to end-of-input"
        raise NotJson("Please specify data in JSON format", details)
    try:
        value = _tidy(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson("Invalid JSON", str(error)) from None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise json_errors.refusal(error, value, kind) from None


def _tidy(value: Any, depth: int = 0) -> Any:
    """Without nulls, and with whole numbers as such: in JSON, 2 and 2.0 are the same."""
    if depth > _MAX_DEPTH:
        raise NotJson("Invalid JSON", f"more than {_MAX_DEPTH} levels of nesting")
    match value:
        case dict():
            return {k: _tidy(v, depth + 1) for k, v in value.items() if v is not None}
        case list():
            return [_tidy(v, depth + 1) for v in value if v is not None]
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case _:
            return value
