"""What makes an app one that can run: rules over a whole, canonical app.

Each rule yields violations (JSON path and sentence, in Marathon's words where it has them).
Source: AppValidation.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps import (
    artifact_uris,
    residency,
    roles,
    secret_rules,
    volume_rules,
)
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    HealthCheck,
    HealthProtocol,
    UnreachableEnabled,
)
from orchestrator.marathon.core.apps.network_rules import NETWORK_RULES
from orchestrator.marathon.core.health.book import own_checks
from orchestrator.marathon.core.health.targets import port_names
from orchestrator.marathon.core.placement import constraints
from orchestrator.marathon.core.refusals import InvalidObject, Violation

Violations = Iterator[Violation]
_PORTLESS = (HealthProtocol.COMMAND,)
MAX_INSTANCES = 100_000


def check(app: App, allowed_roles: Sequence[str], features: Collection[str] = ()) -> None:
    """Refuse an app that breaks a rule or uses a feature that is off. Raises InvalidObject."""
    found = [violation for rule in _RULES for violation in rule(app)]
    found += [violation for rule in _FEATURE_RULES for violation in rule(app, features)]
    found += roles.problems(app, allowed_roles)
    _raise(found)


def check_change(old: App, new: App, *, force: bool) -> None:
    """Refuse what cannot change about an app that has reservations. Raises InvalidObject."""
    _raise([*residency.changes(old, new), *residency.role_change(old, new, force=force)])


def check_scaling(app: App) -> None:
    """Refuse a number of instances that the app cannot have. Raises InvalidObject."""
    _raise(list(_scaling(app)))


def _raise(found: Sequence[Violation]) -> None:
    if found:
        raise InvalidObject(found)


def _id(app: App) -> Violations:
    yield from (Violation("/id", error) for error in ids.problems(app.id))


def _command(app: App) -> Violations:
    has_container = app.container is not None and (
        app.container.docker is not None or app.container.type == "MESOS"
    )
    if (app.cmd and app.args) or not (app.cmd or app.args or has_container):
        error = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."
        yield Violation("/", error)


def _container(app: App) -> Violations:
    if app.container is None:
        return
    if app.container.type == "DOCKER" and app.container.docker is None:
        yield Violation("/container/docker", "not defined")


def _fetch(app: App) -> Violations:
    for index, artifact in enumerate(app.fetch):
        if not artifact_uris.is_uri(artifact.uri):
            yield Violation(f"/fetch({index})/uri", artifact_uris.SYNTAX_ERROR)


def _dependencies(app: App) -> Violations:
    for index, wanted in enumerate(app.dependencies):
        if not ids.has_valid_segments(wanted):
            yield Violation(f"/dependencies({index})", ids.SEGMENT_ERROR)


def _health_checks(app: App) -> Violations:
    for index, health_check in enumerate(app.health_checks):
        where = f"/healthChecks({index})"
        if health_check.protocol is HealthProtocol.COMMAND and health_check.command is None:
            yield Violation(f"{where}/command", "not defined")
        if not _addresses_a_port(app, health_check):
            yield Violation(
                where,
                "Health check port indices must address an element of the ports array "
                "or container port mappings.",
            )
    if len(app.health_checks) - len(own_checks(app.health_checks)) > 1:
        yield Violation("/", "AppDefinition can contain at most one Mesos health check")


def _addresses_a_port(app: App, health_check: HealthCheck) -> bool:
    count = len(app.host_ports)
    if health_check.protocol in _PORTLESS or health_check.port:
        return True
    return (health_check.port_index or 0) < count


def _readiness_checks(app: App) -> Violations:
    if len(app.readiness_checks) > 1:
        yield Violation("/readinessChecks", "there can be at most one readiness check")
    for index, check in enumerate(app.readiness_checks):
        where = f"/readinessChecks({index})"
        if check.port_name not in port_names(app):
            error = f"No port definition reference for portName {check.port_name}"
            yield Violation(f"{where}/portName", error)
        if check.timeout_seconds >= check.interval_seconds:
            error = f"must be less than intervalSeconds ({check.interval_seconds})"
            yield Violation(f"{where}/timeoutSeconds", error)


def _check(app: App) -> Violations:
    if app.check is None:
        return
    if sum(kind is not None for kind in (app.check.http, app.check.tcp, app.check.exec)) != 1:
        yield Violation("/check", "must specify exactly one of http, tcp or exec")
    if app.container and app.container.type == "DOCKER":
        yield Violation("/", "AppDefinition must not use 'checks' if using docker")
    target = app.check.http or app.check.tcp
    if target and not target.port and (target.port_index or 0) >= len(app.host_ports):
        yield Violation(
            "/check",
            "check port index must address an element of the ports array "
            "or container port mappings.",
        )


def _constraints(app: App) -> Violations:
    for index, constraint in enumerate(app.constraints):
        if error := constraints.problem(constraint):
            yield Violation(f"/constraints({index})", error)


def _resources(app: App) -> Violations:
    limits = app.resource_limits
    for name in ("cpus", "mem") if limits else ():
        limit, request = getattr(limits, name), getattr(app, name)
        if isinstance(limit, int | float) and limit < request:
            error = (
                f"resource limit must be greater than or equal to requested resource ({request})"
            )
            yield Violation(f"/resourceLimits/{name}", error)


def _scaling(app: App) -> Violations:
    is_single = app.labels.get("MARATHON_SINGLE_INSTANCE_APP") == "true"
    if is_single and app.instances > 1:
        yield Violation("/", "Single instance app may only have one instance")
    if app.instances > MAX_INSTANCES:
        yield Violation("/instances", f"must not be more than {MAX_INSTANCES}")
    strategy = app.upgrade_strategy
    shares = {
        "minimumHealthCapacity": strategy.minimum_health_capacity,
        "maximumOverCapacity": strategy.maximum_over_capacity,
    }
    for name, share in shares.items():
        if is_single and share:
            yield Violation(f"/upgradeStrategy/{name}", f"got {share}, expected 0.0")


def _unreachable(app: App) -> Violations:
    strategy = app.unreachable_strategy
    if not isinstance(strategy, UnreachableEnabled):
        return
    inactive_s, expunge_s = strategy.inactive_after_seconds, strategy.expunge_after_seconds
    if inactive_s > expunge_s:
        yield Violation(
            "/unreachableStrategy/inactiveAfterSeconds",
            f"inactiveAfterSeconds ({inactive_s}) must be less or equal to "
            f"expungeAfterSeconds, which is {expunge_s}",
        )


def _env(app: App) -> Violations:
    if "" in app.env:
        yield Violation("/env", "must not be empty")
    for name, value in app.env.items():
        text = value if isinstance(value, str) else ""
        if "\0" in name or "=" in name or "\0" in text:
            yield Violation(f"/env/{name}", "must be a name and a value that a process can have")


def _migration(app: App) -> Violations:
    """What packages of DC/OS have to say when they offer to be migrated."""
    api = app.labels.get("DCOS_MIGRATION_API_VERSION")
    others = ("DCOS_PACKAGE_FRAMEWORK_NAME", "DCOS_MIGRATION_API_PATH")
    if api and (api != "v1" or not all(app.labels.get(name) for name in others)):
        error = f"{' and '.join(others)} must be defined when using DCOS_MIGRATION_API_VERSION"
        yield Violation("/", error)


_RULES: Sequence[Callable[[App], Violations]] = (
    _id, _command, _container, _fetch, _dependencies, *NETWORK_RULES, _health_checks,
    _readiness_checks, _check, _constraints, _resources, _scaling, _unreachable, _env, _migration,
    residency.problems, secret_rules.executor,
)  # fmt: skip
_FEATURE_RULES: Sequence[Callable[[App, Collection[str]], Violations]] = (
    volume_rules.problems, secret_rules.secrets, secret_rules.gpus,
)  # fmt: skip
