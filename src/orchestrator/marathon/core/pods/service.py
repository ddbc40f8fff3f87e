"""Carries out what clients ask for pods; refused before anything changes, or done whole."""

from __future__ import annotations

from typing import assert_never

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.deployment.deployer import Deployer
from orchestrator.marathon.core.effects import (
    ChangePod,
    CreatePod,
    DeletePod,
    Deployed,
    Planned,
    PodRequest,
)
from orchestrator.marathon.core.events import PodEvent, PodRequested
from orchestrator.marathon.core.groups import group_roles
from orchestrator.marathon.core.groups.tree import Change
from orchestrator.marathon.core.pods import normalisation, validation
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import Conflict, InvalidObject, Unknown, Violation
from orchestrator.marathon.core.state import State


class PodService:
    """The commands of /v2/pods."""

    def __init__(self, state: State, deployer: Deployer) -> None:
        self._state = state
        self._deployer = deployer

    def carry_out(self, command: PodRequest) -> Deployed | Planned:
        """Do what is asked. Raises Refusal."""
        version = self._state.next_version()
        match command:
            case CreatePod(pod):
                wanted = self._checked(pod, version)
                if wanted.id in self._state.pods:
                    raise Conflict(f"A pod with id [{wanted.id}] already exists.")
                return self._deploy(command, wanted.id, wanted, version, PodEvent.CREATED)
            case ChangePod(pod):
                wanted = self._checked(pod, version)
                if (existing := self._state.pods.get(wanted.id)) is not None:
                    validation.check_change(existing, wanted, force=command.force)
                return self._deploy(command, wanted.id, wanted, version, PodEvent.UPDATED)
            case DeletePod(pod_id):
                if pod_id not in self._state.pods:
                    raise Unknown.pod(pod_id)
                return self._deploy(command, pod_id, None, version, PodEvent.DELETED)
            case _:
                assert_never(command)

    def _checked(self, pod: Pod, version: str) -> Pod:
        """The pod as it will be. Raises InvalidObject."""
        pod_id = ids.canonical(pod.id)
        roles = group_roles.of_spec(self._state, pod_id)
        validation.check(pod, roles, self._state.settings.features)
        if pod_id in self._state.apps:
            raise InvalidObject([Violation("/", "Applications and Pods may not share the same id")])
        existing = self._state.pods.get(pod_id)
        return normalisation.canonical(pod, roles[0]).stamped(version, existing)

    def _deploy(
        self, command: PodRequest, pod_id: str, pod: Pod | None, version: str, kind: PodEvent
    ) -> Deployed | Planned:
        change = Change({pod_id: pod})
        if command.dry_run:
            return Planned(self._deployer.steps(change))
        created = frozenset({pod_id} - self._state.pods.keys())
        group_id = ids.parent(pod_id)
        deployment = self._deployer.submit(change, version, force=command.force, group_id=group_id)
        client = command.client
        self._state.publish(
            PodRequested(
                event_type=kind.value,
                timestamp=self._state.timestamp,
                client_ip=client.ip,
                uri=client.uri,
            )
        )
        return Deployed(deployment, created)
