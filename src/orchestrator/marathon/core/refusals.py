"""Why Marathon says no: each refusal is one sentence for the user, and what a client needs besides.

The API answers them in Marathon's own form; nothing here knows of HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Violation(msgspec.Struct, frozen=True):
    """One thing wrong with an object: where (a JSON path such as ``/cpus``) and what."""

    path: str
    error: str


class Refusal(Exception):  # noqa: N818 - saying no is no error of the program
    """A request that is not carried out; the text says why."""


class InvalidObject(Refusal):
    """Well-formed JSON that is no app Marathon could run."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("Object is not valid")
        self.violations = tuple(violations)


class WrongShape(Refusal):
    """JSON of the wrong types, or without a field that has to be there."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("Invalid JSON")
        self.violations = tuple(violations)


class NotJson(Refusal):
    """Bytes that are not JSON; ``details`` says what the parser found."""

    def __init__(self, message: str, details: str) -> None:
        super().__init__(message)
        self.details = details


class BadRequest(Refusal):
    """Parameters that contradict each other."""


class Unprocessable(Refusal):
    """A parameter that cannot be read."""


class Unknown(Refusal):
    """Something named that does not exist."""

    @classmethod
    def app(cls, app_id: str, version: str | None = None) -> Unknown:
        """An app, or a version of it."""
        suffix = f" in version {version}" if version else ""
        return cls(f"App '{app_id}' does not exist{suffix}")

    @classmethod
    def pod(cls, pod_id: str, version: str | None = None) -> Unknown:
        """A pod, or a version of it."""
        suffix = f" in version {version}" if version else ""
        return cls(f"Pod '{pod_id}' does not exist{suffix}")

    @classmethod
    def group(cls, group_id: str) -> Unknown:
        """A group."""
        return cls(f"Group '{group_id}' does not exist")

    @classmethod
    def task(cls, task_id: str) -> Unknown:
        """A task."""
        return cls(f"Task '{task_id}' does not exist")

    @classmethod
    def deployment(cls, deployment_id: str) -> Unknown:
        """A deployment."""
        return cls(f"DeploymentPlan {deployment_id} does not exist")

    @classmethod
    def queued(cls, app_id: str) -> Unknown:
        """An app with nothing left to launch."""
        return cls(f"Application {app_id} not found in tasks queue.")


class Unavailable(Refusal):
    """A version that is not kept, or never was."""

    @classmethod
    def group(cls, group_id: str, version: str) -> Unavailable:
        """A group."""
        return cls(f"Group {group_id} not available in version {version}")


class Conflict(Refusal):
    """The app, or group, exists already."""


class AppLocked(Refusal):
    """Another deployment is changing the app; ``deployments`` are the ids of those."""

    def __init__(self, deployments: Sequence[str]) -> None:
        super().__init__(
            "App is locked by one or more deployments. Override with the option '?force=true'. "
            "View details at '/v2/deployments/<DEPLOYMENT_ID>'."
        )
        self.deployments = tuple(deployments)


class TooManyDeployments(Refusal):
    """The bound on deployments at work has been reached."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Max number ({limit}) of running deployments is achieved. Wait for existing "
            "deployments to complete or cancel one using force=true parameter."
        )
