"""/v2/apps/{id}: show, change, delete, restart. Source: AppsResource of Marathon 1.11."""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import (
    ABSENT,
    ANY,
    DEPLOYED,
    UUID,
    VERSION,
    Exactly,
    holding,
    like,
)
from tests.conformance.marathon.rules import (
    Json,
    Look,
    Rule,
    Scene,
    Step,
    app,
    did,
    failed_task,
    pod,
    stuck_app,
)
from tests.conformance.marathon.served import Served

ONE = "/v2/apps/{id}"
UNKNOWN = Exactly(message="App '/{id}' does not exist")
LOCKED = Exactly(
    message="App is locked by one or more deployments. Override with the option '?force=true'. "
    "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
    deployments=[Exactly(id=UUID)],
)
NO_BODY = Exactly(message="Invalid JSON", details=ANY)
HEAD = {"Marathon-Deployment-Id": UUID, "Content-Type": "application/json"}


def _get(name: str, says: Json, given: list[Step], **more: Json) -> Rule:
    return Rule(name, f"GET {ONE}", says=says, given=given, **more)


def _put(name: str, body: Json, shows: Json = ANY, **more: Json) -> Rule:
    """A change that is made, and what the app is like then."""
    given = more.pop("given", [app()])
    says = more.pop("says", DEPLOYED)
    call = more.pop("call", f"PUT {ONE}")
    return Rule(name, call, body=body, given=given, says=says, bears=HEAD,
                then=[Look(ONE, {"app": shows})], **more)  # fmt: skip


def _refused(name: str, call: str, status: int, says: Json, **more: Json) -> Rule:
    return Rule(name, call, status=status, says=says, **more)


def first_version(scene: Scene) -> None:
    """``{version}`` is that of the app as it was first."""
    versions = scene.ask("GET", f"{ONE}/versions").json["versions"]
    scene.names["version"] = min(versions)


def known_task(scene: Scene) -> None:
    """``{task}`` stays the task that is the first now."""
    scene.names["task"] = scene.filled("{task}")


def _wrong(path: str, error: Json) -> Json:
    return Exactly(message="Object is not valid", details=[Exactly(path=path, errors=error)])


SHOW = [
    _get("it is in an object", Exactly(app={"id": "/{id}"}), [app()]),
    _get("an app has its counts", {"app": {"tasksStaged": 0, "tasksRunning": 2,
         "tasksHealthy": 0, "tasksUnhealthy": 0}}, [app(instances=2)]),
    _get("an app has its tasks", {"app": {"tasks": [{"id": "{task}"}]}}, [app(instances=1)]),
    _get("an app has its deployments", {"app": {"deployments": [Exactly(id="{deployment}")]}},
         [stuck_app()]),
    _get("an app has its last failure", {"app": {"lastTaskFailure": {"state": "TASK_FAILED"}}},
         [app(instances=1), failed_task]),
    _get("an app that never failed has no last failure", {"app": {"lastTaskFailure": ABSENT}},
         [app()]),
    _get("a version is a time", {"app": {"version": VERSION, "versionInfo": Exactly(
         lastScalingAt=VERSION, lastConfigChangeAt=VERSION)}}, [app()]),
    _get("an unknown app is not found", UNKNOWN, [], status=404),
    _get("a group is no app", UNKNOWN, [app("{id}/a")], status=404),
    _get("a pod is no app", UNKNOWN, [pod()], status=404),
    _get("the answer is JSON", ANY, [app()], bears={"Content-Type": "application/json"}),
    Rule("a second slash before the id makes no difference", "GET /v2/apps//{id}", given=[app()],
         says={"app": {"id": "/{id}"}}),
    Rule("an id may have slashes", "GET /v2/apps/{id}/a/b", given=[app("{id}/a/b")],
         says={"app": {"id": "/{id}/a/b"}}),
    Rule("/* shows the apps of a group", "GET /v2/apps/{id}/*",
         given=[app("{id}/a"), app("{id}/b/c")],
         says={"*": [{"id": "/{id}/a"}, {"id": "/{id}/b/c"}]}),
    Rule("/* shows tasks as one app does", "GET /v2/apps/{id}/*",
         given=[app("{id}/a", instances=1)], says={"*": [{"tasksRunning": 1, "tasks": [ANY]}]}),
    Rule("/* alone shows all apps", "GET /v2/apps/*", given=[app()],
         says={"*": holding({"id": "/{id}"})}),
    Rule("/* of an unknown group is not found", "GET /v2/apps/{id}/*", 404,
         says=Exactly(message="Group '/{id}' does not exist")),
]  # fmt: skip

CHANGE = [
    _put("the answer is the deployment", {"instances": 1}, {"instances": 1}),
    _put("what is not named stays", {"instances": 1}, {"cmd": "sleep 100", "mem": 16}),
    _put("labels are replaced as a whole", {"labels": {"b": "2"}}, {"labels": Exactly(b="2")},
         given=[app(labels={"a": "1"})]),
    _put("env is replaced as a whole", {"env": {"B": "2"}}, {"env": Exactly(B="2")},
         given=[app(env={"A": "1"})]),
    _put("an unknown app is created", {"cmd": "x", "instances": 0}, {"cmd": "x"}, given=[],
         status=201),
    _put("another id in the body is not heeded", {"id": "/other", "instances": 1},
         {"id": "/{id}", "instances": 1}),
    _put("partialUpdate=false replaces the app", {"cmd": "y", "instances": 0},
         {"cmd": "y", "mem": 128, "cpus": 1, "labels": Exactly()},
         given=[app(labels={"a": "1"})], query="?partialUpdate=false"),
    _put("partialUpdate=true is the default", {"cmd": "y"}, {"cmd": "y", "mem": 16},
         query="?partialUpdate=true"),
    _put("a boolean may be written large", {"cmd": "y", "instances": 0}, {"mem": 128},
         query="?partialUpdate=False"),
    _put("a change of the number alone is a scaling",
         {"instances": 1}, {"versionInfo": {"lastScalingAt": VERSION}}),
    _put("force=true changes an app that is locked", {"instances": 0, "cpus": 0.1},
         {"instances": 0}, given=[stuck_app()], query="?force=true"),
    _put("a bare force is true", {"instances": 0, "cpus": 0.1}, {"instances": 0},
         given=[stuck_app()], query="?force"),
    _put("version brings a version back", {"version": "{version}"}, {"mem": 16},
         given=[app(), did("PUT", ONE + "?partialUpdate=false", {"cmd": "z", "instances": 0}),
                first_version]),
    _refused("version goes with the id alone", f"PUT {ONE}", 422,
             _wrong("/", ["The 'version' field may only be combined with the 'id' field."]),
             body={"version": "2020-01-01T00:00:00.000Z", "cmd": "x1"}, given=[app()]),
    _refused("an app that is locked stays as it is", f"PUT {ONE}", 409, LOCKED,
             body={"instances": 2}, given=[stuck_app()]),
    _refused("what is no JSON is refused", f"PUT {ONE}", 400, NO_BODY, body=b"{",
             given=[app()]),
    _refused("what is not valid is refused", f"PUT {ONE}", 422,
             {"message": "Object is not valid"}, body={"cmd": "x1", "args": ["y"]}, given=[app()]),
    _refused("a new app has to be whole", f"PUT {ONE}", 422,
             _wrong("/", ["AppDefinition must either contain one of 'cmd' or 'args', "
                          "and/or a 'container'."]), body={"instances": 1}),
    _refused("a pod is no app", f"PUT {ONE}", 422, {"message": "Object is not valid"},
             body={"cmd": "xx"}, given=[pod()]),
    _refused("another content type is unsupported", f"PUT {ONE}", 415, {"message": ANY},
             body=b"{}", headers={"Content-Type": "text/plain"}),
    Rule("Location is the id of a new app", f"PUT {ONE}", 201, body={"cmd": "xx", "instances": 0},
         bears={"Location": like(".*/{id}")}),
]  # fmt: skip

PATCH = [
    _put("the answer is the deployment", {"instances": 1}, {"instances": 1}, call=f"PATCH {ONE}"),
    _put("what is not named stays", {"mem": 32}, {"cmd": "sleep 100", "mem": 32},
         call=f"PATCH {ONE}"),
    _put("force=true changes an app that is locked", {"instances": 0, "cpus": 0.1},
         {"instances": 0}, call=f"PATCH {ONE}", given=[stuck_app()], query="?force=true"),
    _refused("an unknown app is not created", f"PATCH {ONE}", 404, UNKNOWN,
             body={"cmd": "xx", "instances": 0}),
    _refused("an app that is locked stays as it is", f"PATCH {ONE}", 409, LOCKED,
             body={"instances": 2}, given=[stuck_app()]),
    _refused("what is no JSON is refused", f"PATCH {ONE}", 400, NO_BODY, body=b"[", given=[app()]),
    _refused("the wrong type is refused", f"PATCH {ONE}", 422,
             Exactly(message="Invalid JSON", details=[
                 Exactly(path="/instances", errors=["error.expected.jsnumber"])]),
             body={"instances": "two"}, given=[app()]),
]  # fmt: skip

DELETE = [
    Rule("the answer is the deployment", f"DELETE {ONE}", says=DEPLOYED, bears=HEAD,
         given=[app(instances=1)], then=[Look(ONE, UNKNOWN, 404)]),
    Rule("an app that is locked goes as well: force is true unless it is said",
         f"DELETE {ONE}", says=DEPLOYED, given=[stuck_app()], then=[Look(ONE, UNKNOWN, 404)]),
    Rule("force=false leaves an app that is locked", f"DELETE {ONE}", 409, query="?force=false",
         says=LOCKED, given=[stuck_app()]),
    Rule("an unknown app is not found", f"DELETE {ONE}", 404, says=UNKNOWN),
    Rule("a group is no app", f"DELETE {ONE}", 404, says=UNKNOWN, given=[app("{id}/a")]),
    Rule("an app called restart is not found, as no app is called so", f"DELETE {ONE}/restart",
         404, says=Exactly(message="App '/{id}/restart' does not exist"), given=[app()]),
    Rule("the group of the app stays", "DELETE /v2/apps/{id}/a", says=DEPLOYED,
         given=[app("{id}/a")], then=[Look("/v2/groups/{id}", {"apps": []})]),
]  # fmt: skip

RESTART = [
    Rule("the answer is the deployment", f"POST {ONE}/restart", says=DEPLOYED, bears=HEAD,
         given=[app(instances=1)]),
    Rule("the tasks are new ones", f"POST {ONE}/restart", given=[app(instances=1), known_task],
         then=[Look(ONE, {"app": {"tasks": [{"id": like("(?!{task}$).*")}], "deployments": []}})]),
    Rule("an unknown app is not found", f"POST {ONE}/restart", 404, says=UNKNOWN),
    Rule("an app that is locked is not restarted", f"POST {ONE}/restart", 409, says=LOCKED,
         given=[stuck_app()]),
    Rule("force=true restarts an app that is locked", f"POST {ONE}/restart", query="?force=true",
         says=DEPLOYED, given=[stuck_app()]),
    Rule("a GET is of an app called restart", f"GET {ONE}/restart", 404, given=[app()],
         says=Exactly(message="App '/{id}/restart' does not exist")),
]  # fmt: skip

VERSIONS = [
    Rule("they are listed", f"GET {ONE}/versions", given=[app()],
         says=Exactly(versions=["{version}"])),
    Rule("the newest is the first", f"GET {ONE}/versions",
         given=[app(), did("PUT", ONE, {"mem": 17})],
         says=Exactly(versions=["{version}", VERSION])),
    Rule("those of an unknown app are not found", f"GET {ONE}/versions", 404, says=UNKNOWN),
    Rule("one is the app as it was, in no object", f"GET {ONE}/versions/{{version}}",
         given=[app()], says={"id": "/{id}", "version": "{version}", "app": ABSENT}),
    Rule("one has no counts and no tasks", f"GET {ONE}/versions/{{version}}", given=[app()],
         says={"tasksRunning": ABSENT, "tasks": ABSENT, "deployments": ABSENT}),
    Rule("one that never was is not found", f"GET {ONE}/versions/2014-03-01T23:29:30.158Z", 404,
         given=[app()],
         says=Exactly(message="App '/{id}' does not exist in version 2014-03-01T23:29:30.158Z")),
    Rule("a version that is no time is refused", f"GET {ONE}/versions/what", 422,
         given=[app()], says=Exactly(
             message="Invalid timestamp provided 'what'. Expecting ISO-8601 datetime string.")),
    Rule("one of an unknown app is not found", f"GET {ONE}/versions/2014-03-01T23:29:30.158Z", 404,
         says=Exactly(message="App '/{id}' does not exist in version 2014-03-01T23:29:30.158Z")),
]  # fmt: skip


MANY = [
    Rule("many apps are created at once", "PUT /v2/apps", says=DEPLOYED, bears=HEAD,
         body=[{"id": "/{id}/a", "cmd": "xx", "instances": 0},
               {"id": "/{id}/b", "cmd": "xx", "instances": 0}],
         then=[Look("/v2/apps?id={id}", {"apps": [{"id": "/{id}/a"}, {"id": "/{id}/b"}]})]),
    Rule("many apps are changed at once", "PUT /v2/apps", says=DEPLOYED,
         given=[app("{id}/a"), app("{id}/b")],
         body=[{"id": "/{id}/a", "mem": 20}, {"id": "/{id}/b", "mem": 20}],
         then=[Look("/v2/apps?id={id}", {"apps": [{"mem": 20}, {"mem": 20}]})]),
    Rule("one app that is not valid has none change", "PUT /v2/apps", 422, given=[app("{id}/a")],
         body=[{"id": "/{id}/a", "mem": 20}, {"id": "/{id}/b"}],
         then=[Look("/v2/apps?id={id}", {"apps": [{"mem": 16}]})]),
    Rule("a relative id is of the root", "PUT /v2/apps", says=DEPLOYED,
         body=[{"id": "{id}", "cmd": "xx", "instances": 0}],
         then=[Look(ONE, {"app": {"id": "/{id}"}})]),
    Rule("an app has to have an id", "PUT /v2/apps", 422, body=[{"cmd": "xx"}],
         says={"message": ANY}),
    Rule("an app that is locked has none change", "PUT /v2/apps", 409, says=LOCKED,
         given=[stuck_app()], body=[{"id": "/{id}", "instances": 2}]),
    Rule("force=true changes those that are locked", "PUT /v2/apps", query="?force=true",
         says=DEPLOYED, given=[stuck_app()], body=[{"id": "/{id}", "instances": 2}]),
    Rule("an object is no list", "PUT /v2/apps", 422, body={"id": "/{id}"},
         says=Exactly(message="Invalid JSON", details=[
             Exactly(path="/", errors=["error.expected.jsarray"])])),
    Rule("many apps are changed at once", "PATCH /v2/apps", says=DEPLOYED, given=[app()],
         body=[{"id": "/{id}", "mem": 20}], then=[Look(ONE, {"app": {"mem": 20}})]),
    Rule("an unknown app is not created", "PATCH /v2/apps", 404, says=UNKNOWN,
         body=[{"id": "/{id}", "cmd": "xx"}]),
]  # fmt: skip

RULES = [*SHOW, *CHANGE, *PATCH, *DELETE, *RESTART, *VERSIONS, *MANY]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
