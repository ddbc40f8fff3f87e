"""The apps and pods that are to be, and their versions, with how they are stored.

A part of ``state``, which alone may change it: methods return the ``Save`` of each change. No id is
both an app's and a pod's. What is counted of them is counted as they change: service ports, and the
Mesos roles they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TypeVar

import msgspec

from orchestrator.marathon.core import keys
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.run_spec import RunSpec
from orchestrator.marathon.core.stored import Stored
from orchestrator.runtime.machine import Save

S = TypeVar("S", App, Pod)
Versions = dict[str, dict[str, S]]


class Definitions:
    """All of them by id, and all kept versions by id and version."""

    def __init__(self, max_versions: int) -> None:
        self.apps: dict[str, App] = {}
        self.pods: dict[str, Pod] = {}
        self.versions: Versions[App] = {}
        self.pod_versions: Versions[Pod] = {}
        self.service_ports: Counter[int] = Counter()  # how many ports of apps have a number
        self.roles: Counter[str] = Counter()  # how many apps and reservations have a role
        self._max_versions = max_versions

    def load(self, found: Stored) -> None:
        """Take up what was saved."""
        specs: list[RunSpec] = [*found.apps, *found.pods]
        for spec in specs:
            self._count(spec)
        for app in (*found.versions, *found.apps):
            _remember(self.versions, app)
        for pod in (*found.pod_versions, *found.pods):
            _remember(self.pod_versions, pod)

    def spec(self, spec_id: str) -> RunSpec | None:
        """The app or the pod of this id."""
        return self.apps.get(spec_id) or self.pods.get(spec_id)

    def of(self, instance: Instance) -> RunSpec | None:
        """What the instance runs, or will run."""
        kinds: tuple[Mapping[str, Mapping[str, RunSpec]], Mapping[str, RunSpec]]
        kinds = (self.pod_versions, self.pods) if instance.tasks else (self.versions, self.apps)
        versions, current = kinds
        known = versions.get(instance.app_id, {}).get(instance.version)
        return known or current.get(instance.app_id)

    def put(self, spec: RunSpec, in_use: Collection[str]) -> list[Save]:
        """Keep it as it is to be from now on; its oldest versions are forgotten, if not in use."""
        self._count(spec)
        match spec:
            case App():
                saves = self._put_version(spec, self.versions, in_use)
            case Pod():
                saves = self._put_version(spec, self.pod_versions, in_use)
        return [*saves, Save(keys.current(spec), msgspec.json.encode(spec))]

    def remove(self, spec: RunSpec) -> Save:
        """There is none of this id any more; its versions stay."""
        if isinstance(spec, App):
            self.service_ports.subtract(self.apps.pop(spec.id).service_ports)
        else:
            del self.pods[spec.id]
        self.roles[spec.role] -= 1
        return Save(keys.current(spec), None)

    def forget(self, spec_id: str) -> list[Save]:
        """Nothing of it is left."""
        versions: list[RunSpec] = [*self.versions.pop(spec_id, {}).values()]
        versions += self.pod_versions.pop(spec_id, {}).values()
        return [Save(keys.version(version), None) for version in versions]

    def all_versions(self) -> list[str]:
        """Every version of anything."""
        kinds: list[Collection[str]] = [*self.versions.values(), *self.pod_versions.values()]
        return [version for versions in kinds for version in versions]

    def _count(self, spec: RunSpec) -> None:
        if (old := self.spec(spec.id)) is not None:
            self.service_ports.subtract(old.service_ports)
            self.roles[old.role] -= 1
        if isinstance(spec, App):
            self.apps[spec.id] = spec
        else:
            self.pods[spec.id] = spec
        self.service_ports.update(spec.service_ports)
        self.roles[spec.role] += 1

    def _put_version(self, spec: S, versions: Versions[S], in_use: Collection[str]) -> list[Save]:
        saves = []
        if spec.version not in versions.get(spec.id, {}):
            _remember(versions, spec)
            saves.append(Save(keys.version(spec), msgspec.json.encode(spec)))
        kept = versions[spec.id]
        for version in sorted(kept.keys() - set(in_use) - {spec.version}):
            if len(kept) <= self._max_versions:
                break
            saves.append(Save(keys.version(kept.pop(version)), None))
        return saves


def _remember(versions: Versions[S], spec: S) -> None:
    versions.setdefault(spec.id, {})[spec.version] = spec
