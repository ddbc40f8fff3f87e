"""Decides when Marathon's own checks are made, what their results lead to, and whom to kill.

An instance is checked while it runs, so one that is lost or being killed is left alone. Checks
are spread over time by the instance's id: the first within seconds of its start, or within an
interval if it ran before this process did. They begin on whole ticks, so that many wake the
machine once. A check that still waits for its answer when the next is due is not made twice.

Unhealthy instances are killed a bounded number at a time, whatever the upgrade strategy says, and
replaced by the same instance's next launch. Source: HealthCheckActor.scala and
KillServiceActor.scala of Marathon 1.11.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from zlib import crc32

from msgspec.structs import replace

from orchestrator.marathon.core import announcements, ids, timestamps
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import HealthCheck, HealthProtocol
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.health import results, targets
from orchestrator.marathon.core.health.book import own_checks
from orchestrator.marathon.core.health.happenings import UnhealthyInstanceKilled
from orchestrator.marathon.core.health.probes import (
    Answer,
    HttpRequest,
    NoAnswer,
    Probe,
    ProbeKey,
    ProbeRequest,
    Purpose,
    TcpRequest,
)
from orchestrator.marathon.core.health.verdict import Failed, counts, is_beyond_hope, result_of
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.lifecycle import Lifecycle
from orchestrator.marathon.core.state import State

HEALTH = "health"
FIRST_CHECK_WITHIN_S = 5.0
_TICK_S = 0.05
_SHORTEST_S = 1.0  # of an interval or a timeout: 0 is allowed, and would mean without end
_NO_ADDRESS = "the task has no address to be checked at yet"


class HealthMonitor:
    """The checks that Marathon makes itself."""

    def __init__(self, state: State, lifecycle: Lifecycle) -> None:
        self._state = state
        self._lifecycle = lifecycle
        self._watched: dict[str, list[int]] = {}  # the checks of each instance that runs
        self._in_flight: set[ProbeKey] = set()
        self._doomed: dict[str, int] = {}  # by which check; to be killed, oldest first
        self._killing: set[str] = set()

    def resume(self) -> None:
        """After a start nothing is known of what only Marathon itself can see."""
        for instance in list(self._state.instances.values()):
            app = self._state.app_of(instance)
            if instance.healthy is not None and app and own_checks(app.health_checks):
                self._state.put(replace(instance, healthy=None))

    def follow(self, changed: Iterable[str]) -> None:
        """After every event: watch what runs now, and what runs no more no longer."""
        for instance_id in changed:
            self._look_at(instance_id, self._state.instances.get(instance_id))
        self._kill_doomed()

    def alarm(self, subject: str) -> None:
        """A check is due."""
        instance_id, _, number = subject.rpartition("#")
        instance, index = self._state.instances.get(instance_id), int(number)
        app = self._state.app_of(instance) if instance else None
        if instance is None or app is None or index >= len(app.health_checks):
            return
        check = app.health_checks[index]
        interval_s = max(float(check.interval_seconds), _SHORTEST_S)
        self._state.timers.set(HEALTH, subject, _tick(self._state.now + interval_s))
        key = ProbeKey(Purpose.HEALTH, instance.task_id, index)
        if key not in self._in_flight:
            self._check(key, app, instance, check)

    def answered(self, key: ProbeKey, answer: Answer) -> None:
        """A check was made."""
        self._in_flight.discard(key)
        instance = self._state.instances.get(ids.instance_of(key.task_id) or "")
        if instance is None or instance.task_id != key.task_id or not _is_checked(instance):
            return
        app = self._state.app_of(instance)
        if app is None or key.index >= len(app.health_checks):
            return
        check = app.health_checks[key.index]
        result = result_of(check, answer)
        health = self._state.health.health(instance.id, key.index)
        now = self._state.now
        if result is None:
            return
        if not counts(check, health, result, instance.changed_at, now):
            if isinstance(result, Failed):
                self._state.health.excuse(instance.id, key.index, result.cause)
            return
        health = results.note(self._state, instance, app, key.index, result)
        self._set_healthy(instance, app)
        if is_beyond_hope(check, health) and not self._is_being_killed(instance):
            self._doomed.setdefault(instance.id, key.index)

    def _look_at(self, instance_id: str, instance: Instance | None) -> None:
        if instance is None or not _is_checked(instance):
            self._rest(instance_id)
        elif instance_id not in self._watched:
            self._begin(instance)
        if instance is None or not instance.condition.is_launched or instance.condition.is_lost:
            self._killing.discard(instance_id)

    def _begin(self, instance: Instance) -> None:
        app = self._state.app_of(instance)
        own = own_checks(app.health_checks) if app else []
        if app is None or not own:
            return
        self._watched[instance.id] = own
        for index in own:
            subject = f"{instance.id}#{index}"
            within_s = self._first_within_s(instance, app.health_checks[index])
            delay_s = within_s * crc32(subject.encode()) / 2**32
            self._state.timers.set(HEALTH, subject, _tick(self._state.now + delay_s))

    def _first_within_s(self, instance: Instance, check: HealthCheck) -> float:
        interval_s = max(float(check.interval_seconds), _SHORTEST_S)
        is_old = self._state.now - instance.changed_at > FIRST_CHECK_WITHIN_S
        return interval_s if is_old else min(interval_s, FIRST_CHECK_WITHIN_S)

    def _rest(self, instance_id: str) -> None:
        for index in self._watched.pop(instance_id, ()):
            self._state.timers.cancel(HEALTH, f"{instance_id}#{index}")
        self._doomed.pop(instance_id, None)

    def _check(self, key: ProbeKey, app: App, instance: Instance, check: HealthCheck) -> None:
        target = targets.of_check(app, instance, check)
        if target is None:
            self.answered(key, NoAnswer(_NO_ADDRESS))
            return
        self._in_flight.add(key)
        timeout_s = max(float(check.timeout_seconds), _SHORTEST_S)
        self._state.out(Probe(key, _request(check, target), timeout_s))

    def _set_healthy(self, instance: Instance, app: App) -> None:
        healthy = self._state.health.overall(instance.id, app.health_checks)
        if healthy is None or healthy is instance.healthy:
            return
        self._state.put(replace(instance, healthy=healthy))
        event = announcements.health_changed(instance, healthy, self._state.timestamp)
        self._state.publish(event)

    def _is_being_killed(self, instance: Instance) -> bool:
        return instance.id in self._killing or self._lifecycle.is_being_killed(instance)

    def _kill_doomed(self) -> None:
        limit = self._state.settings.kill_chunk_size
        while self._doomed and len(self._killing) < limit:
            instance_id = next(iter(self._doomed))
            index = self._doomed.pop(instance_id)
            instance = self._state.instances.get(instance_id)
            app = self._state.app_of(instance) if instance else None
            health = self._state.health.health(instance_id, index)
            if instance and app and is_beyond_hope(app.health_checks[index], health):
                self._kill(instance, index)

    def _kill(self, instance: Instance, index: int) -> None:
        health = self._state.health.health(instance.id, index)
        self._killing.add(instance.id)
        self._lifecycle.kill(instance)
        place = instance.place
        self._state.publish(
            UnhealthyInstanceKilled(
                timestamp=timestamps.render(health.last_failure or self._state.now),
                app_id=instance.app_id,
                task_id=instance.task_id,
                instance_id=instance.id,
                version=instance.version,
                reason=health.last_failure_cause or "unknown",
                host=place.host if place else "unknown",
                slave_id=place.agent_id if place else None,
            )
        )


def _is_checked(instance: Instance) -> bool:
    return instance.condition is Condition.RUNNING and instance.goal is Goal.RUNNING


def _request(check: HealthCheck, target: targets.Target) -> ProbeRequest:
    is_ipv6 = check.ip_protocol == "IPv6"
    if check.protocol is HealthProtocol.TCP:
        return TcpRequest(target.host, target.port, is_ipv6)
    path = check.path or "/"
    return HttpRequest(
        target.host,
        target.port,
        path if path.startswith("/") else "/" + path,
        is_secure=check.protocol is HealthProtocol.HTTPS,
        is_ipv6=is_ipv6,
    )


def _tick(at: float) -> float:
    return math.ceil(at / _TICK_S) * _TICK_S
