"""/v2/tasks and /v2/apps/{id}/tasks. Source: TasksResource and AppTasksResource."""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import (
    ANY,
    DEPLOYED,
    NUMBER,
    UUID,
    VERSION,
    Exactly,
    holding,
    like,
    without,
)
from tests.conformance.marathon.rules import Json, Look, Rule, Scene, app, pod, stuck_app, usually
from tests.conformance.marathon.served import Served

ALL, OWN = "/v2/tasks", "/v2/apps/{id}/tasks"
ONE = f"DELETE {OWN}/{{task}}"
UNKNOWN = Exactly(message="App '/{id}' does not exist")
BOTH = Exactly(message="You cannot use scale and wipe at the same time.")
RUNNING = [app(instances=1)]
NOBODY = "{id}.instance-00000000-0000-0000-0000-000000000000._app.1"
TEXT = {"Accept": "text/plain"}


def known_task(scene: Scene) -> None:
    """``{task}`` stays the task that is the first now."""
    scene.names["task"] = scene.filled("{task}")


def _get(name: str, path: str, says: Json, **more: Json) -> Rule:
    return Rule(name, f"GET {path}", says=says, **usually(RUNNING, more))


KILL: dict[str, Json] = {
    "given": [*RUNNING, known_task],
    "then": [
        Look("/v2/apps/{id}", {"app": {"instances": 1, "tasks": [{"id": like("(?!{task}$).*")}]}})
    ],
}
SCALE: dict[str, Json] = {"given": [*RUNNING, known_task], "says": DEPLOYED,
         "bears": {"Marathon-Deployment-Id": UUID},
         "then": [Look("/v2/apps/{id}", {"app": {"instances": 0, "tasks": []}})]}  # fmt: skip

RULES = [
    _get("all tasks are listed", ALL, {"tasks": holding({"id": "{task}", "appId": "/{id}"})}),
    _get("a task has all that Marathon shows", ALL, {"tasks": holding({
        "id": "{task}", "appId": "/{id}", "host": like("agent-.*"), "slaveId": ANY,
        "state": "TASK_RUNNING", "ports": [NUMBER], "servicePorts": [NUMBER], "stagedAt": VERSION,
        "startedAt": VERSION, "version": VERSION, "ipAddresses": ANY, "localVolumes": [],
        "healthCheckResults": [], "role": "*"})}),
    _get("status=running shows those that run", ALL, {"tasks": holding({"id": "{task}"})},
         query="?status=running"),
    _get("status takes no notice of case", ALL, {"tasks": holding({"id": "{task}"})},
         query="?status=RUNNING"),
    _get("status=staging leaves out those that run", ALL, {"tasks": without({"appId": "/{id}"})},
         query="?status=staging"),
    _get("status[] may be given several times", ALL, {"tasks": holding({"id": "{task}"})},
         query="?status[]=running&status[]=staging"),
    _get("an unknown status is passed over", ALL, {"tasks": holding({"id": "{task}"})},
         query="?status=happy"),
    _get("what waits is no task", ALL, {"tasks": without({"appId": "/{id}"})},
         given=[stuck_app()]),
    _get("a pod has no tasks here", ALL, {"tasks": without({"appId": "/{id}"})},
         given=[pod(scaling={"kind": "fixed", "instances": 1})]),
    _get("the answer is JSON", ALL, ANY, bears={"Content-Type": "application/json"}),
    _get("text has a line a service port", ALL, like(r"(.*\n)?{id}\t\d+\tagent-\d.example:\d+\t\n"
         r"(.*\n)?"), headers=TEXT, bears={"Content-Type": like("text/plain.*")}),
    _get("text of an app below a group has an underscore", ALL, holding("{id}_a\t"), headers=TEXT,
         given=[app("{id}/a", instances=1)]),
    _get("text of an app without ports has hosts", ALL, like(r"(.*\n)?{id}\t \tagent-\d.example.*"),
         headers=TEXT, given=[app(instances=1, ports=[])]),
    _get("those of an app are listed", OWN, {"tasks": [{"id": "{task}", "state": "TASK_RUNNING"}]}),
    _get("an app without tasks has an empty list", OWN, Exactly(tasks=[]), given=[app()]),
    _get("those of an app have no service ports", OWN, {"tasks": [{"servicePorts": []}]}),
    _get("those of an unknown app are not found", OWN, UNKNOWN, given=[], status=404),
    _get("/* are those of a group", "/v2/apps/{id}/*/tasks", {"tasks": [{"appId": "/{id}/a"}]},
         given=[app("{id}/a", instances=1)]),
    _get("/* of an unknown group are not found", "/v2/apps/{id}/*/tasks",
         Exactly(message="Group '/{id}' does not exist"), given=[], status=404),
    _get("/* of an empty group are none", "/v2/apps/{id}/x/*/tasks", Exactly(tasks=[]),
         given=[app("{id}/x/y/z")]),
    Rule("all of an app end, and come again", f"DELETE {OWN}",
         says=Exactly(tasks=[{"id": "{task}"}]), **KILL),
    Rule("scale=true ends them for good", f"DELETE {OWN}", query="?scale=true", **SCALE),
    Rule("wipe=true ends them, and others come", f"DELETE {OWN}", query="?wipe=true",
         says=Exactly(tasks=[{"id": "{task}"}]), **KILL),
    Rule("host=* are all", f"DELETE {OWN}", query="?host=*",
         says=Exactly(tasks=[{"id": "{task}"}]), **KILL),
    Rule("host leaves the others alone", f"DELETE {OWN}", query="?host=nowhere",
         says=Exactly(tasks=[]), given=RUNNING),
    Rule("scale and wipe exclude each other", f"DELETE {OWN}", 400, query="?scale=true&wipe=true",
         says=BOTH, given=RUNNING),
    Rule("those of an unknown app are not found", f"DELETE {OWN}", 404, says=UNKNOWN),
    Rule("the task is shown, and another comes", f"DELETE {OWN}/{{task}}",
         says=Exactly(task={"id": "{task}"}), **KILL),
    Rule("scale=true ends it for good", f"DELETE {OWN}/{{task}}", query="?scale=true", **SCALE),
    Rule("wipe=true ends it, and another comes", f"DELETE {OWN}/{{task}}", query="?wipe=true",
         says=Exactly(task={"id": "{task}"}), **KILL),
    Rule("an unknown task is not found", f"DELETE {OWN}/{NOBODY}", 404, shown_as=ONE,
         given=RUNNING,
         says=Exactly(message=f"Task '{NOBODY}' does not exist")),
    Rule("what is no id of a task is not found", f"DELETE {OWN}/what", 404, shown_as=ONE,
         given=RUNNING,
         says=Exactly(message="Task 'what' does not exist")),
    Rule("one of an unknown app is not found", f"DELETE {OWN}/{NOBODY}", 404, shown_as=ONE,
         says=UNKNOWN),
    Rule("scale and wipe exclude each other", f"DELETE {OWN}/{NOBODY}", 400, shown_as=ONE,
         given=RUNNING,
         query="?scale=true&wipe=true", says=BOTH),
    Rule("those that are named end, and come again", f"POST {ALL}/delete",
         body={"ids": ["{task}"]}, says=Exactly(tasks=[{"id": "{task}"}]), **KILL),
    Rule("scale=true ends them for good", f"POST {ALL}/delete", query="?scale=true",
         body={"ids": ["{task}"]}, **SCALE),
    Rule("those that do not exist are passed over", f"POST {ALL}/delete", body={"ids": [NOBODY]},
         says=Exactly(tasks=[]), given=RUNNING),
    Rule("what is no id of a task is refused", f"POST {ALL}/delete", 400, body={"ids": ["what"]},
         says={"message": like("Invalid task id 'what'.*")}),
    Rule("scale and wipe exclude each other", f"POST {ALL}/delete", 400, body={"ids": []},
         query="?scale=true&wipe=true", says=BOTH),
    Rule("ids have to be there", f"POST {ALL}/delete", 422, body={}, says={
        "message": "Invalid JSON", "details": [ANY]}),
    Rule("what is no JSON is refused", f"POST {ALL}/delete", 400, body=b"ids",
         says=Exactly(message="Invalid JSON", details=ANY)),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
