"""What an earlier process saved, decoded: one object, one key (see ``keys``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from orchestrator.marathon.core import keys
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.backoff import Delay
from orchestrator.marathon.core.deployment.plan import Deployment
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.pods.history import Ended
from orchestrator.marathon.core.pods.pod import Pod


class TaskFailure(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How an app's task failed last."""

    app_id: str
    host: str
    message: str
    state: str
    task_id: str
    timestamp: str
    version: str
    slave_id: str | None = None


@dataclass
class Stored:
    """All objects by kind, but for groups, which read their own."""

    framework_id: str | None = None
    apps: list[App] = field(default_factory=list)
    versions: list[App] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    pod_versions: list[Pod] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    failures: list[TaskFailure] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)


def read(objects: Mapping[str, bytes]) -> Stored:
    """Decode what is of one of these kinds. Raises msgspec.DecodeError."""
    found = Stored()
    kinds: dict[str, tuple[list[Any], type[msgspec.Struct]]] = {
        keys.APPS: (found.apps, App),
        keys.VERSIONS: (found.versions, App),
        keys.PODS: (found.pods, Pod),
        keys.POD_VERSIONS: (found.pod_versions, Pod),
        keys.INSTANCES.rstrip("/"): (found.instances, Instance),
        keys.DEPLOYMENTS.rstrip("/"): (found.deployments, Deployment),
        keys.FAILURES: (found.failures, TaskFailure),
        keys.DELAYS: (found.delays, Delay),
        keys.ENDED: (found.ended, Ended),
    }
    for key, value in objects.items():
        kind, slash, _ = key.partition("/")
        if key == keys.FRAMEWORK:
            found.framework_id = value.decode()
        elif slash and kind in kinds:
            into, type_ = kinds[kind]
            into.append(msgspec.json.decode(value, type=type_))
    return found
