"""/v2/pods. Source: PodsResource, PodsValidation and podStatus.raml of Marathon 1.11."""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import (
    ABSENT,
    ANY,
    UUID,
    VERSION,
    Exactly,
    each,
    holding,
    like,
)
from tests.conformance.marathon.rules import Json, Look, Rule, app, did, pod, pod_body, usually
from tests.conformance.marathon.served import Served

ALL, ONE = "/v2/pods", "/v2/pods/{id}"
UNKNOWN = Exactly(message="Pod '/{id}' does not exist")
HEAD = {"Marathon-Deployment-Id": UUID}
NOBODY = "{id}.instance-00000000-0000-0000-0000-000000000000"
FIXED = {"kind": "fixed", "instances": 1}
RUNNING = [pod(scaling=FIXED)]
STUCK = [pod(settled=False, scaling=FIXED, containers=[{
    "name": "one", "exec": {"command": {"shell": "x"}},
    "resources": {"cpus": 1000, "mem": 32}}])]  # fmt: skip


def _get(name: str, path: str, says: Json, **more: Json) -> Rule:
    return Rule(name, f"GET {path}", says=says, **usually([pod()], more))


def _created(name: str, fields: Json, says: Json, **more: Json) -> Rule:
    return Rule(name, f"POST {ALL}", 201, body=pod_body(**fields), says=says, **more)


def _refused(name: str, fields: Json, message: str, path: Json) -> Rule:
    return Rule(name, f"POST {ALL}", 422, body=pod_body(**fields),
                says=Exactly(message=message, details=holding({"path": path})))  # fmt: skip


def _container(**fields: Json) -> Json:
    exec_ = {"command": {"shell": "x"}}
    return {"name": "one", "exec": exec_, "resources": {"cpus": 0.1, "mem": 32}} | fields


WRONG, NO_POD = "Object is not valid", "Invalid JSON"
READ = [
    Rule("HEAD says whether there are pods", f"HEAD {ALL}", says=""),
    _get("all are listed", ALL, holding({"id": "/{id}"})),
    _get("one is in no object", ONE, {"id": "/{id}", "version": VERSION, "pod": ABSENT}),
    _get("an unknown pod is not found", ONE, ANY, given=[], status=404),
    _get("an app is no pod", ONE, ANY, given=[app()], status=404),
    _get("one shows its status", ONE + "::status", {
        "id": "/{id}", "spec": {"id": "/{id}"}, "status": "STABLE", "statusSince": VERSION,
        "instances": [], "terminationHistory": [], "lastUpdated": VERSION,
        "lastChanged": VERSION}),
    _get("an instance shows its containers", ONE + "::status", {"instances": [{
        "id": "{instance}", "status": "STABLE", "statusSince": VERSION, "agentHostname": ANY,
        "agentId": ANY, "resources": {"cpus": ANY, "mem": ANY}, "networks": ANY,
        "specReference": like(r"/v2/pods/{id}::versions/.*"), "localVolumes": [],
        "lastUpdated": VERSION, "lastChanged": VERSION, "conditions": [], "containers": [{
            "name": "one", "status": "TASK_RUNNING", "statusSince": VERSION,
            "containerId": like(r"{id}\.instance-.*\.one(\.\d+)?"), "endpoints": [],
            "conditions": []}]}]}, given=RUNNING),
    _get("a pod without room is degraded", ONE + "::status", {"status": "DEGRADED"}, given=STUCK),
    _get("the status of an unknown pod is not found", ONE + "::status", UNKNOWN, given=[],
         status=404),
    _get("all show their status", ALL + "/::status", holding({"id": "/{id}", "status": "STABLE"})),
    _get("versions are a list of times", ONE + "::versions", each(VERSION)),
    _get("versions of an unknown pod are not found", ONE + "::versions", UNKNOWN, given=[],
         status=404),
    _get("a version is the pod as it was", ONE + "::versions/{version}",
         {"id": "/{id}", "version": "{version}"}),
    _get("a version that never was is not found", ONE + "::versions/2014-03-01T23:29:30.158Z",
         {"message": like("Pod '/{id}' does not exist.*")}, status=404),
    Rule("a version that is no time is refused", f"GET {ONE}::versions/what", 422,
         given=[pod()], says=Exactly(
             message="Invalid timestamp provided 'what'. Expecting ISO-8601 datetime string.")),
    _get("the answer is JSON", ONE, ANY, bears={"Content-Type": "application/json"}),
]  # fmt: skip

CREATE = [
    _created("the answer is the pod", {}, {"id": "/{id}", "containers": [{"name": "one"}]},
             bears=HEAD),
    _created("Location is the id", {}, ANY, bears={"Location": "/{id}"}),
    _refused("an id is absolute", {"id": "{id}"}, WRONG, "/id"),
    _created("a version that is sent is not heeded", {"version": "2014-03-01T23:29:30.158Z"},
             {"version": like("20[2-9].*")}),
    _created("networks that are not named are not shown", {}, {"networks": ABSENT}),
    _created("one instance is the default", {"scaling": None},
             {"scaling": Exactly(kind="fixed", instances=1)}),
    _created("scheduling has its defaults", {}, {"scheduling": {
        "backoff": {"backoff": 1, "backoffFactor": 1.15, "maxLaunchDelay": 300},
        "upgrade": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1},
        "killSelection": "YOUNGEST_FIRST",
        "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}}}),
    _created("resources have their defaults", {}, {"containers": [{"resources": {
        "cpus": 0.1, "mem": 32, "disk": 0, "gpus": 0}}]}),
    _created("executorResources have their defaults", {}, {"executorResources": {
        "cpus": 0.1, "mem": 32, "disk": 10}}),
    _created("an endpoint is kept as it is", {"containers": [_container(
        endpoints=[{"name": "http", "hostPort": 0}])]},
        {"containers": [{"endpoints": [{"name": "http", "hostPort": 0, "protocol": ABSENT}]}]}),
    Rule("a pod that exists is a conflict", f"POST {ALL}", 409, body=pod_body(), given=[pod()],
         says={"message": like("A pod with id \\[/{id}\\] already exists.*")}),
    Rule("what is no JSON is refused", f"POST {ALL}", 400, body=b"{",
         says=Exactly(message=NO_POD, details=ANY)),
    Rule("the id of an app is taken", f"POST {ALL}", 422, body=pod_body(), given=[app()],
         says={"message": WRONG}),
    _refused("a pod has to have containers", {"containers": []}, NO_POD, "/containers"),
    _refused("a container has to have a name", {"containers": [_container(name=None)]}, NO_POD,
             like(r"/containers\(0\)/name")),
    _refused("a container has to have resources", {"containers": [_container(resources=None)]},
             NO_POD, like(r"/containers\(0\)/resources")),
    _refused("names of containers are unique", {"containers": [_container(), _container()]},
             WRONG, like("/containers.*")),
    _refused("names of endpoints are unique", {"containers": [_container(
        endpoints=[{"name": "a", "hostPort": 0}, {"name": "a", "hostPort": 0}])]},
        WRONG, like(".*")),
    _refused("an id has to be valid", {"id": "/{id}/A"}, WRONG, "/id"),
    _refused("a mount names a volume there is", {"containers": [_container(
        volumeMounts=[{"name": "x", "mountPath": "d"}])]}, WRONG, like(r"/containers\(0\).*")),
    _refused("names of volumes are unique", {"volumes": [{"name": "a"}, {"name": "a"}]}, WRONG,
             like("/volumes.*")),
    _refused("kinds of networks are not mixed", {"networks": [
        {"mode": "host"}, {"mode": "container", "name": "n"}]}, WRONG, "/networks"),
    _refused("instances are not negative", {"scaling": {"kind": "fixed", "instances": -1}},
             NO_POD, "/scaling/instances"),
]  # fmt: skip

CHANGE = [
    Rule("the answer is the pod", f"PUT {ONE}", body=pod_body(labels={"a": "b"}), given=[pod()],
         says={"id": "/{id}", "labels": {"a": "b"}}, bears=HEAD),
    Rule("what is not named goes", f"PUT {ONE}", body=pod_body(), given=[pod(labels={"a": "b"})],
         then=[Look(ONE, {"labels": ABSENT})]),
    Rule("another id in the body is refused", f"PUT {ONE}", 400, body=pod_body("/other"),
         given=[pod()],
         says=Exactly(message="'/{id}' does not match definition's id ('/other')")),
    Rule("a pod that is locked stays", f"PUT {ONE}", 409, body=pod_body(), given=STUCK,
         says={"deployments": [{"id": "{deployment}"}]}),
    Rule("force=true changes a pod that is locked", f"PUT {ONE}", query="?force=true",
         body=pod_body(), given=STUCK, says={"id": "/{id}"}),
    Rule("what is no JSON is refused", f"PUT {ONE}", 400, body=b"{", given=[pod()],
         says=Exactly(message=NO_POD, details=ANY)),
    Rule("a newer version is listed as well", f"GET {ONE}::versions",
         given=[pod(), did("PUT", ONE, pod_body(labels={"a": "b"}))], says=[VERSION, "{version}"]),
    Rule("the deployment is in the headers alone", f"DELETE {ONE}", 202, given=[pod()], says="",
         bears={"Marathon-Deployment-Id": UUID, "Location": ANY},
         then=[Look(ONE, status=404)]),
    Rule("an unknown pod is not found", f"DELETE {ONE}", 404, says=UNKNOWN),
    Rule("an app is no pod", f"DELETE {ONE}", 404, given=[app()], says=UNKNOWN),
    Rule("a pod that is locked stays", f"DELETE {ONE}", 409, given=STUCK, says={"message": ANY}),
    Rule("force=true deletes a pod that is locked", f"DELETE {ONE}", 202, query="?force=true",
         given=STUCK, then=[Look(ONE, status=404)]),
    Rule("the instance is shown", f"DELETE {ONE}::instances/{{instance}}", given=RUNNING,
         says={"instanceId": ANY, "agentInfo": {"host": ANY, "agentId": ANY},
               "runSpecVersion": VERSION, "state": {"condition": ANY, "since": VERSION,
                                                    "goal": ANY}}),
    Rule("an unknown instance is not found", f"DELETE {ONE}::instances/{NOBODY}", 404,
         given=RUNNING, says=Exactly(message=f"Task '{NOBODY}' does not exist"),
         shown_as=f"DELETE {ONE}::instances/{{instance}}"),
    Rule("what is no id of an instance is refused", f"DELETE {ONE}::instances/what", 422,
         given=RUNNING, says={"message": WRONG},
         shown_as=f"DELETE {ONE}::instances/{{instance}}"),
    Rule("those that are named are shown", f"DELETE {ONE}::instances", given=RUNNING,
         body=["{instance}"], says=[{"instanceId": ANY}]),
    Rule("those that do not exist are passed over", f"DELETE {ONE}::instances", given=RUNNING,
         body=[NOBODY], says=[]),
    Rule("what is no id of an instance is refused", f"DELETE {ONE}::instances", 422, given=RUNNING,
         body=["what"], says={"message": WRONG}),
]  # fmt: skip


@pytest.mark.parametrize("rule", [*READ, *CREATE, *CHANGE], ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
