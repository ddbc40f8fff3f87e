"""Readiness checks: whether a task that runs can do its work yet, asked during deployments only.

A task is asked as soon as it runs, and an interval after each answer, until it is ready. That is
kept with the instance: what has been ready is not asked again, not by a later deployment either.
Source: ReadinessBehavior.scala and ReadinessCheckExecutorImpl.scala of Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from orchestrator.marathon.core import ids
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import ReadinessCheck
from orchestrator.marathon.core.condition import Condition, Goal
from orchestrator.marathon.core.deployment.plan import Course
from orchestrator.marathon.core.health import targets
from orchestrator.marathon.core.health.probes import (
    Answer,
    HttpAnswer,
    HttpRequest,
    NoAnswer,
    NotTried,
    Probe,
    ProbeKey,
    Purpose,
)
from orchestrator.marathon.core.health.readiness_book import LastResponse, ReadinessResult
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.state import State

READINESS = "readiness"
_GATEWAY_TIMEOUT = 504


class ReadinessMonitor:
    """Asks tasks whether they are ready."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._asked: dict[str, dict[str, str]] = {}  # by app: the task of each instance asked
        self._courses: dict[str, Course] = {}  # that each of these apps was on then

    def follow(self, app_ids: Iterable[str], changed: Iterable[str]) -> None:
        """After every event: begin to ask what a deployment now waits for, or have done with it.

        ``changed`` are instances, ``app_ids`` the apps that somehow changed.
        """
        for app_id in app_ids:
            course, app = self._state.courses.get(app_id), self._app(app_id)
            if course is None:
                self._end(app_id)
            elif app is not None and app.readiness_checks and self._is_new(app_id, course):
                for each in self._state.instances_of(app_id):
                    self._look_at(app, each)
        for instance_id in changed:
            instance = self._state.instances.get(instance_id)
            if instance is not None and instance.app_id in self._courses:
                self._look_at_changed(instance)

    def _is_new(self, app_id: str, course: Course) -> bool:
        """Whether a deployment has only now come to what it does with the app."""
        known = self._courses.get(app_id)
        self._courses[app_id] = course
        return course is not known

    def _app(self, app_id: str) -> App | None:
        spec = self._state.effective(app_id)
        return spec if isinstance(spec, App) else None

    def alarm(self, instance_id: str) -> None:
        """It is time to ask an instance again."""
        instance = self._state.instances.get(instance_id)
        app = self._app(instance.app_id) if instance else None
        if instance and app and self._is_wanted(app, instance):
            self._ask(app, instance)

    def answered(self, key: ProbeKey, answer: Answer) -> None:
        """A task was asked."""
        instance = self._state.instances.get(ids.instance_of(key.task_id) or "")
        if instance is None or instance.task_id != key.task_id:
            return
        app = self._app(instance.app_id)
        if app is None or not self._is_wanted(app, instance):
            return
        check = app.readiness_checks[0]
        is_ready = isinstance(answer, HttpAnswer) and answer.status in check.http_status_codes
        last = _last_response(answer, _url(app, instance, check))
        result = ReadinessResult(
            name=check.name,
            task_id=instance.task_id,
            ready=is_ready,
            last_response=last if check.preserve_last_response else None,
        )
        self._state.readiness.note(instance.id, result, _in_words(answer))
        self._state.dirty.touch(app.id)
        if is_ready:
            self._state.put(replace(instance, passed_readiness=True))
        else:
            due = self._state.now + check.interval_seconds
            self._state.timers.set(READINESS, instance.id, due)

    def _look_at_changed(self, instance: Instance) -> None:
        if (app := self._app(instance.app_id)) is not None and app.readiness_checks:
            self._look_at(app, instance)

    def _look_at(self, app: App, instance: Instance) -> None:
        asked = self._asked.setdefault(app.id, {})
        if self._is_wanted(app, instance) and asked.get(instance.id) != instance.task_id:
            asked[instance.id] = instance.task_id
            self._ask(app, instance)

    def _is_wanted(self, app: App, instance: Instance) -> bool:
        course = self._state.courses.get(app.id)
        is_running = instance.condition is Condition.RUNNING and instance.goal is Goal.RUNNING
        is_current = instance.config_version == app.config_version
        is_under_way = course is not None and course.action is not None
        has_check = bool(app.readiness_checks) and not instance.passed_readiness
        return is_running and is_current and is_under_way and has_check

    def _ask(self, app: App, instance: Instance) -> None:
        check = app.readiness_checks[0]
        key = ProbeKey(Purpose.READINESS, instance.task_id)
        request = _request(app, instance, check)
        if request is None:
            cause = f"it has no address yet for its port named {check.port_name!r}"
            self.answered(key, NoAnswer(cause))
        else:
            self._state.out(Probe(key, request, float(check.timeout_seconds)))

    def _end(self, app_id: str) -> None:
        self._courses.pop(app_id, None)
        asked = self._asked.pop(app_id, {})
        for instance_id in asked:
            self._state.timers.cancel(READINESS, instance_id)
            self._state.readiness.forget(instance_id)
        if asked:
            self._state.dirty.touch(app_id)


def _request(app: App, instance: Instance, check: ReadinessCheck) -> HttpRequest | None:
    index = targets.index_of_port(app, check.port_name)
    target = targets.of_port(app, instance, index) if index is not None else None
    if target is None:
        return None
    path = check.path if check.path.startswith("/") else "/" + check.path
    is_secure = check.protocol == "HTTPS"
    return HttpRequest(
        target.host,
        target.port,
        path,
        is_secure=is_secure,
        wants_body=check.preserve_last_response,
    )


def _url(app: App, instance: Instance, check: ReadinessCheck) -> str:
    request = _request(app, instance, check)
    return request.url if request else check.path


def _in_words(answer: Answer) -> str:
    if isinstance(answer, HttpAnswer):
        return f"was answered {answer.status}"
    return f"was not answered: {_cause(answer)}"


def _cause(answer: Answer) -> str:
    return answer.cause if isinstance(answer, NoAnswer | NotTried) else "it only connected"


def _last_response(answer: Answer, url: str) -> LastResponse | None:
    if isinstance(answer, HttpAnswer):
        return LastResponse(
            status=answer.status, content_type=answer.content_type, body=answer.body
        )
    return LastResponse(
        status=_GATEWAY_TIMEOUT,
        content_type="text/plain",
        body=f"Marathon could not query {url}: {_cause(answer)}",
    )
