"""/v2/groups. Source: GroupsResource of Marathon 1.11."""

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
from tests.conformance.marathon.rules import Json, Look, Rule, app, did, pod, stuck_app, usually
from tests.conformance.marathon.served import Served

ONE = "/v2/groups/{id}"
UNKNOWN = Exactly(message="Group '/{id}' does not exist")
HEAD = {"Marathon-Deployment-Id": UUID}
GROUP = did("PUT", ONE, {"id": "/{id}"})
APP = {"cmd": "sleep 100", "instances": 0}
FULL = [app("{id}/a"), app("{id}/b/c"), pod("{id}/p")]


def _get(name: str, says: Json, path: str = ONE, **more: Json) -> Rule:
    return Rule(name, f"GET {path}", says=says, **usually(FULL, more))


def _put(name: str, body: Json, shows: Json = ANY, **more: Json) -> Rule:
    return Rule(name, f"PUT {ONE}", body=body, says=DEPLOYED, bears=HEAD,
                then=[Look(ONE, shows)], **usually([GROUP], more))  # fmt: skip


SHOW = [
    _get("a group has apps, groups and pods", {
        "id": "/{id}", "apps": [{"id": "/{id}/a"}], "pods": [{"id": "/{id}/p"}],
        "groups": [{"id": "/{id}/b", "apps": [{"id": "/{id}/b/c"}]}]}),
    _get("a group has a version and dependencies", {"version": VERSION, "dependencies": []}),
    _get("apps in a group have no tasks", {"apps": [{"tasks": ABSENT, "tasksRunning": ABSENT}]}),
    _get("embed=group.apps shows apps alone", {"apps": [ANY], "groups": [], "pods": []},
         query="?embed=group.apps"),
    _get("embed=group.groups shows groups alone",
         {"apps": [], "groups": [{"id": "/{id}/b", "apps": []}], "pods": []},
         query="?embed=group.groups"),
    _get("embed=group.pods shows pods alone", {"apps": [], "groups": [], "pods": [ANY]},
         query="?embed=group.pods"),
    _get("embed of what is unknown shows nothing", {"apps": [], "groups": [], "pods": []},
         query="?embed=nothing"),
    _get("embed=group.apps.counts shows counts", {"apps": [{"tasksRunning": 0}]},
         query="?embed=group.apps&embed=group.apps.counts"),
    _get("embed=group.apps.tasks shows tasks", {"apps": [{"tasks": [{"appId": "/{id}/a"}]}]},
         query="?embed=group.apps&embed=group.apps.tasks", given=[app("{id}/a", instances=1)]),
    _get("an unknown group is not found", UNKNOWN, given=[], status=404),
    _get("an app is no group", UNKNOWN, given=[app()], status=404),
    _get("the root holds all", {"id": "/", "groups": holding({"id": "/{id}"})}, "/v2/groups"),
    _get("the root may be a slash", {"id": "/"}, "/v2/groups/"),
    _get("/apps are the apps below", [{"id": "/{id}/a"}, {"id": "/{id}/b/c"}], ONE + "/apps"),
    _get("/apps of an unknown group are none", [], ONE + "/apps", given=[]),
    _get("/apps of the root are all", holding({"id": "/{id}/a"}), "/v2/groups/apps"),
    _get("/versions are a list of times", holding("{version}"),
         ONE + "/versions", given=[app("{id}/a")]),
    _get("/versions of the root are a list", holding("{version}"), "/v2/groups/versions",
         given=[app("{id}/a")]),
    _get("/versions of an unknown group are not found", UNKNOWN, ONE + "/versions", given=[],
         status=404),
    _get("a version is the group as it was", {"id": "/{id}", "apps": [{"id": "/{id}/a"}]},
         ONE + "/versions/{version}", given=[app("{id}/a")]),
    _get("a version of the root is the whole tree", {"id": "/"},
         "/v2/groups/versions/{version}", given=[app("{id}/a")]),
    _get("a version that never was is not found", UNKNOWN,
         ONE + "/versions/2014-03-01T23:29:30.158Z", status=404),
    Rule("a version that is no time is refused", f"GET {ONE}/versions/what", 422,
         given=FULL, says=Exactly(
             message="Invalid timestamp provided 'what'. Expecting ISO-8601 datetime string.")),
    _get("the answer is JSON", ANY, bears={"Content-Type": "application/json"}),
]  # fmt: skip

CREATE = [
    Rule("the answer is the deployment", "POST /v2/groups", 201, says=DEPLOYED, bears=HEAD,
         body={"id": "/{id}", "apps": [APP | {"id": "a"}]},
         then=[Look(ONE, {"apps": [{"id": "/{id}/a"}]})]),
    Rule("Location is the id", "POST /v2/groups", 201, body={"id": "/{id}"},
         bears={"Location": "/{id}"}),
    Rule("an id may be in the path", f"POST {ONE}", 201, body={"apps": [APP | {"id": "a"}]},
         bears={"Location": "/{id}"}, then=[Look(ONE, {"apps": [{"id": "/{id}/a"}]})]),
    Rule("an id in the body is relative to that in the path", f"POST {ONE}", 201,
         body={"id": "x"}, bears={"Location": "/{id}/x"}, then=[Look(ONE + "/x", {"id": ANY})]),
    Rule("groups may be in groups", "POST /v2/groups", 201,
         body={"id": "{id}", "groups": [{"id": "x", "apps": [APP | {"id": "a"}]}]},
         then=[Look(ONE + "/x", {"apps": [{"id": "/{id}/x/a"}]})]),
    Rule("a group that exists is a conflict", "POST /v2/groups", 409, body={"id": "/{id}"},
         given=[GROUP], says=Exactly(
             message="Group /{id} is already created. Use PUT to change this group.")),
    Rule("the id of an app is a conflict", "POST /v2/groups", 409, body={"id": "/{id}"},
         given=[app()], says=Exactly(message="An app with the path /{id} already exists.")),
    Rule("an app outside the group is refused", "POST /v2/groups", 422,
         body={"id": "/{id}", "apps": [APP | {"id": "/elsewhere/a"}]},
         says={"message": "Object is not valid"}),
    Rule("an app that is not valid is refused", "POST /v2/groups", 422,
         body={"id": "/{id}", "apps": [{"id": "a"}]}, says={"message": "Object is not valid"},
         then=[Look(ONE, UNKNOWN, 404)]),
    Rule("what is no JSON is refused", "POST /v2/groups", 400, body=b"{",
         says=Exactly(message="Invalid JSON", details=ANY)),
    Rule("a circle of dependencies is refused", "POST /v2/groups", 422,
         body={"id": "/{id}", "apps": [APP | {"id": "a", "dependencies": ["b"]},
                                       APP | {"id": "b", "dependencies": ["a"]}]},
         says={"message": "Object is not valid"}),
]  # fmt: skip

CHANGE = [
    _put("the answer is the deployment", {"apps": [APP | {"id": "a"}]},
         {"apps": [{"id": "/{id}/a"}]}),
    _put("an unknown group is created", {"apps": [APP | {"id": "a"}]},
         {"apps": [{"id": "/{id}/a"}]}, given=[]),
    _put("apps that are left out go", {"apps": [APP | {"id": "b"}]},
         {"apps": [{"id": "/{id}/b"}]}, given=[app("{id}/a")]),
    _put("without apps those there stay", {"dependencies": []}, {"apps": [{"id": "/{id}/a"}]},
         given=[app("{id}/a")]),
    _put("scaleBy multiplies instances", {"scaleBy": 2}, {"apps": [{"instances": 4}]},
         given=[app("{id}/a", instances=2)]),
    _put("scaleBy rounds up", {"scaleBy": 0.4}, {"apps": [{"instances": 1}]},
         given=[app("{id}/a", instances=2)]),
    _put("version brings a version back", {"version": "{version}"}, {"apps": [{"id": "/{id}/a"}]},
         given=[app("{id}/a"), app("{id}/b"), lambda scene: scene.names.update(
             version=scene.ask("GET", "/v2/apps/{id}/a").json["app"]["version"])]),
    Rule("version that never was is refused", f"PUT {ONE}", 422, given=[GROUP],
         body={"version": "2014-03-01T23:29:30.158Z"}, says=Exactly(
             message="Group /{id} not available in version 2014-03-01T23:29:30.158Z")),
    Rule("dryRun tells the steps", f"PUT {ONE}", query="?dryRun=true",
         body={"apps": [APP | {"id": "a", "instances": 1}]},
         says=Exactly(steps=[
             {"actions": [{"action": "StartApplication", "app": "/{id}/a"}]},
             {"actions": [{"action": "ScaleApplication", "app": "/{id}/a"}]}]),
         then=[Look(ONE, UNKNOWN, 404)]),
    Rule("a group that is locked stays", f"PUT {ONE}", 409, given=[stuck_app("{id}/a")],
         body={"apps": []}, says={"deployments": [{"id": "{deployment}"}]}),
    _put("force=true changes a group that is locked", {"apps": []}, {"apps": []},
         given=[stuck_app("{id}/a")], query="?force=true"),
    Rule("version and apps exclude each other", f"PUT {ONE}", 422, given=[GROUP],
         body={"version": "2014-03-01T23:29:30.158Z", "apps": []}, says={"message": ANY}),
    Rule("scaleBy is a number", f"PUT {ONE}", 422, given=[GROUP], body={"scaleBy": "x"},
         says=Exactly(message="Invalid JSON", details=[
             Exactly(path="/scaleBy", errors=["error.expected.jsnumber"])])),
]  # fmt: skip

REST = [
    Rule("enforceRole is set", f"PATCH {ONE}", body={"enforceRole": True}, given=[GROUP],
         then=[Look(ONE, {"enforceRole": True})]),
    Rule("only top-level groups are patched", f"PATCH {ONE}/x", 422, body={"enforceRole": True},
         given=[app("{id}/x/a")], says={"message": "Object is not valid"}),
    Rule("an unknown group is not found", f"PATCH {ONE}", 404, body={"enforceRole": True},
         says=UNKNOWN),
    Rule("the answer is the deployment", f"DELETE {ONE}", given=FULL, says=DEPLOYED, bears=HEAD,
         then=[Look(ONE, UNKNOWN, 404), Look("/v2/apps/{id}/a", status=404)]),
    Rule("an unknown group is not found", f"DELETE {ONE}", 404, says={"message": like(".*{id}.*")}),
    Rule("a group that is locked stays", f"DELETE {ONE}", 409, given=[stuck_app("{id}/a")],
         says={"deployments": [{"id": "{deployment}"}]}),
    Rule("force=true deletes a group that is locked", f"DELETE {ONE}", query="?force=true",
         given=[stuck_app("{id}/a")], says=DEPLOYED),
]  # fmt: skip


@pytest.mark.parametrize("rule", [*SHOW, *CREATE, *CHANGE, *REST], ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
