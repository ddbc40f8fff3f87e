"""Secrets, GPUs and executors: what they need, and which features have to be on.

The rules over secrets are those of pods, too.
Source: SecretValidation.scala, EnvVarValidation.scala and AppValidation.scala of Marathon 1.11.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from orchestrator.marathon.core.apps import features
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import PullConfig
from orchestrator.marathon.core.apps.app_volumes import SecretReference, SecretSource
from orchestrator.marathon.core.refusals import Violation

Violations = Iterator[Violation]
Secrets = Mapping[str, SecretSource]
_EXECUTOR_PATTERN = "^(//cmd)|(/?[^/]+(/[^/]+)*)|$"
_EXECUTOR = re.compile(r"(//cmd)|(/?[^/]+(/[^/]+)*)|")


def secrets(app: App, enabled: Collection[str]) -> Violations:
    """What is wrong with the app's secrets and with the variables that name them."""
    yield from sources(app.secrets, enabled)
    yield from variables("/env", app.env, app.secrets, enabled)


def sources(given: Secrets, enabled: Collection[str]) -> Violations:
    """What is wrong with secrets themselves."""
    if given and (error := features.problem(features.SECRETS, enabled)):
        yield Violation("/secrets", error)
    for name, secret in given.items():
        if not name:
            yield Violation("/secrets", "must not be empty")
        if not secret.source:
            yield Violation(f"/secrets/{name}/source", "must not be empty")


def variables(
    where: str,
    environment: Mapping[str, str | SecretReference],
    given: Secrets,
    enabled: Collection[str],
) -> Violations:
    """What is wrong with the variables at ``where`` that name secrets."""
    references = {k: v for k, v in environment.items() if isinstance(v, SecretReference)}
    if references and features.SECRETS not in enabled:
        yield Violation(
            where,
            "use of secret-references in the environment requires the secrets feature "
            "to be enabled",
        )
    for name, reference in references.items():
        if reference.secret not in given:
            yield Violation(f"{where}/{name}/secret", "references an undefined secret")


def volume(where: str, name: str, given: Secrets) -> Violations:
    """What is wrong with a volume that is a secret; its feature is asked for elsewhere."""
    if name not in given:
        yield Violation(where, "volume.secret must refer to an existing secret")


def pull_config(
    where: str, wanted: PullConfig, given: Secrets, enabled: Collection[str]
) -> Violations:
    """What is wrong with the secret by which an image is pulled."""
    if error := features.problem(features.SECRETS, enabled):
        yield Violation(where, error)
    if wanted.secret not in given:
        yield Violation(where, "pullConfig.secret must refer to an existing secret")


def gpus(app: App, enabled: Collection[str]) -> Violations:
    """GPUs are for the Mesos containerizer, where the feature is on."""
    if not app.gpus:
        return
    if app.container is not None and app.container.type == "DOCKER":
        yield Violation("/", "GPU resources only work with the Mesos containerizer")
    if error := features.problem(features.GPU_RESOURCES, enabled):
        yield Violation("/", error)


def executor(app: App) -> Violations:
    """An executor is the command executor or a path."""
    if not _EXECUTOR.fullmatch(app.executor):
        error = f"must fully match regular expression '{_EXECUTOR_PATTERN}'"
        yield Violation("/executor", error)
