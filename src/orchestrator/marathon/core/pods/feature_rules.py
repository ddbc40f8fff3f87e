"""Secrets and GPUs of a pod: what they need, and which features have to be on.

Source: PodsValidation.scala of Marathon 1.11, which lets pods ask for GPUs where the feature is off
and then never launches them; here they are refused as apps are.
"""

from __future__ import annotations

from collections.abc import Collection

from orchestrator.marathon.core.apps import features, secret_rules
from orchestrator.marathon.core.apps.validation import Violations
from orchestrator.marathon.core.pods.parts import PodContainer
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import Violation


def problems(pod: Pod, enabled: Collection[str]) -> Violations:
    """What is wrong with the pod's secrets, what names them, and its GPUs."""
    yield from secret_rules.sources(pod.secrets, enabled)
    yield from secret_rules.variables("/environment", pod.environment, pod.secrets, enabled)
    yield from _volumes(pod, enabled)
    for index, container in enumerate(pod.containers):
        yield from _container(pod, container, f"/containers({index})", enabled)


def _volumes(pod: Pod, enabled: Collection[str]) -> Violations:
    is_asked = any(volume.secret is not None for volume in pod.volumes)
    if is_asked and (error := features.problem(features.SECRETS, enabled)):
        yield Violation("/volumes", error)
    for index, volume in enumerate(pod.volumes):
        if volume.secret is not None:
            where = f"/volumes({index})/secret"
            yield from secret_rules.volume(where, volume.secret, pod.secrets)


def _container(
    pod: Pod, container: PodContainer, where: str, enabled: Collection[str]
) -> Violations:
    variables = container.environment
    yield from secret_rules.variables(f"{where}/environment", variables, pod.secrets, enabled)
    if container.image and (wanted := container.image.pull_config):
        path = f"{where}/image/pullConfig"
        yield from secret_rules.pull_config(path, wanted, pod.secrets, enabled)
    error = features.problem(features.GPU_RESOURCES, enabled)
    if container.resources.gpus and error:
        yield Violation(f"{where}/resources/gpus", error)
