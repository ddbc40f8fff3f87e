"""GET /v2/events: which events are sent, in which form.

Source: docs/docs/event-bus.md and Events.scala of Marathon 1.11.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.conformance.marathon.matchers import (
    ANY,
    TEXT,
    UUID,
    VERSION,
    differences,
    holding,
    like,
)
from tests.conformance.marathon.rules import Json, Rule, Scene, Step, app, did, pod
from tests.conformance.marathon.served import Served

_STREAM = {"Accept": "text/event-stream"}
_MOST = 200
Line = Callable[[], str]

TOLD: list[tuple[str, str, list[Step], Json]] = [
    ("a listener that comes", "event_stream_attached", [], {"remoteAddress": "127.0.0.1"}),
    ("an app that is sent", "api_post_event", [app()], {
        "clientIp": "127.0.0.1", "uri": "/v2/apps", "appDefinition": {"id": "/{id}"}}),
    ("an app that is changed", "api_post_event",
     [app(), did("PUT", "/v2/apps/{id}", {"mem": 20})],
     {"uri": "/v2/apps/{id}", "appDefinition": {"mem": 20}}),
    ("a pod that is created", "pod_created_event", [pod()], {"uri": "/v2/pods"}),
    ("a pod that is changed", "pod_updated_event", [pod(), did("PUT", "/v2/pods/{id}", {
        "id": "/{id}", "scaling": {"kind": "fixed", "instances": 0}, "containers": [{
            "name": "b", "exec": {"command": {"shell": "x"}},
            "resources": {"cpus": 0.1, "mem": 32}}]})], {"uri": "/v2/pods/{id}"}),
    ("a pod that is deleted", "pod_deleted_event", [pod(), did("DELETE", "/v2/pods/{id}")],
     {"uri": "/v2/pods/{id}"}),
    ("a deployment that begins", "deployment_info", [app()], {
        "plan": {"id": UUID, "version": VERSION, "steps": ANY}, "currentStep": {"actions": ANY}}),
    ("a step that is done", "deployment_step_success", [app(instances=1)], {
        "plan": {"id": UUID}, "currentStep": {"actions": ANY}}),
    ("a deployment that is done", "deployment_success", [app()], {
        "id": "{deployment}", "plan": {"id": "{deployment}"}}),
    ("a group that changed", "group_change_success", [app("{id}/a")], {
        "groupId": "/{id}", "version": VERSION}),
    ("a task that starts", "status_update_event", [app(instances=1)], {
        "appId": "/{id}", "taskId": TEXT, "slaveId": TEXT, "host": TEXT, "taskStatus": like(
            "TASK_.*"), "message": ANY, "ports": ANY, "ipAddresses": ANY, "version": VERSION}),
    ("an instance that changes", "instance_changed_event", [app(instances=1)], {
        "runSpecId": "/{id}", "instanceId": TEXT, "condition": TEXT, "agentId": ANY,
        "host": ANY, "runSpecVersion": VERSION}),
    ("an app that is gone", "app_terminated_event", [app(), did("DELETE", "/v2/apps/{id}")],
     {"appId": "/{id}"}),
    ("a health check that is new", "add_health_check_event",
     [app(healthChecks=[{"protocol": "TCP"}])],
     {"appId": "/{id}", "healthCheck": {"protocol": "TCP"}, "version": VERSION}),
]  # fmt: skip


@contextmanager
def listening(served: Served, query: str = "", **headers: str) -> Iterator[Line]:
    """A listener; what is given reads a line of the stream."""
    connection = served.stream(f"/v2/events{query}", _STREAM | headers)
    try:
        response = connection.getresponse()
        assert response.status == 200
        yield lambda: response.readline().decode()
    finally:
        connection.close()


def events(line: Line) -> Iterator[tuple[str, Json]]:
    """Types and data as they come, a bounded number of them."""
    kind = ""
    for _ in range(_MOST * 4):
        text = line().rstrip("\r\n")
        if text.startswith("event: "):
            kind = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield kind, json.loads(text.removeprefix("data: "))


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [pytest.param(*rest, id=f"GET /v2/events: {rest[0]} tells of {what}") for what, *rest in TOLD],
)
def test_an_event_is_told(marathon: Served, kind: str, given: list[Step], says: Json) -> None:
    scene = Scene(marathon)
    try:
        with listening(marathon, f"?event_type={kind}") as line:
            for step in given:
                step(scene)
            wanted = scene.filled({"eventType": kind, "timestamp": VERSION} | says)
            for named, event in events(line):
                assert named == kind  # no other type comes
                if not list(differences(wanted, event)):
                    return
            raise AssertionError(f"no {kind} like {wanted}")
    finally:
        scene.clear_away()


RULES = [
    Rule("another type than an event stream is not allowed", "GET /v2/events", 405,
         headers={"Accept": "application/json"}, says={"message": TEXT},
         bears={"Allow": holding("GET")}),
    Rule("a POST is not allowed", "POST /v2/events", 405, body={}, says={"message": TEXT}),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)


def test_the_stream_has_its_type(marathon: Served) -> None:
    connection = marathon.stream("/v2/events", _STREAM)
    try:
        kind = connection.getresponse().headers["Content-Type"]
    finally:
        connection.close()
    assert kind.startswith("text/event-stream")


def test_plan_format_light_is_taken(marathon: Served) -> None:
    with listening(marathon, "?plan-format=light&event_type=event_stream_attached") as line:
        assert next(events(line))[0] == "event_stream_attached"


def test_several_types_may_be_asked_for(marathon: Served) -> None:
    scene = Scene(marathon)
    query = "?event_type=deployment_success&event_type=api_post_event"
    try:
        with listening(marathon, query) as line:
            app()(scene)
            stream = events(line)
            assert {next(stream)[0], next(stream)[0]} == {"api_post_event", "deployment_success"}
    finally:
        scene.clear_away()


def test_what_was_missed_is_sent_to_who_comes_back(marathon: Served) -> None:
    scene, query = Scene(marathon), "?event_type=api_post_event"
    try:
        with listening(marathon, query) as line:
            app("{id}/a")(scene)
            last = next(text for text in iter(line, "") if text.startswith("id: "))
        app("{id}/b")(scene)
        with listening(marathon, query, **{"Last-Event-ID": last[4:].strip()}) as line:
            missed = next(events(line))[1]
        assert missed["appDefinition"]["id"] == scene.filled("/{id}/b")
    finally:
        scene.clear_away()
