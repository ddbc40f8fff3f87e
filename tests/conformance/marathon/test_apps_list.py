"""GET /v2/apps: filters and what is embedded. Source: AppsResource.index of Marathon 1.11."""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import ABSENT, ANY, NUMBER, VERSION, Exactly, holding
from tests.conformance.marathon.rules import Json, Rule, Step, app, failed_task, stuck_app
from tests.conformance.marathon.served import Served

_OWN = "?id={id}"
_RUNNING = [app(instances=1)]
_TASK = {"id": "{task}", "appId": "/{id}", "state": "TASK_RUNNING"}


def _rule(name: str, query: str, says: Json, given: list[Step], **more: Json) -> Rule:
    return Rule(name, "GET /v2/apps", query=query, says=says, given=given, **more)


def _selected(name: str, selector: str, *wanted: str) -> Rule:
    """A selector against three apps: ``a`` and ``b`` have labels, ``c`` has none."""
    given = [
        app("{id}/a", labels={"tier": "front", "team": "x"}),
        app("{id}/b", labels={"tier": "back"}),
        app("{id}/c"),
    ]
    says = {"apps": [{"id": f"/{{id}}/{one}"} for one in wanted]}
    return _rule(name, f"?id={{id}}&label={selector}", says, given)


RULES = [
    _rule("no app that fits is an empty list", _OWN, Exactly(apps=[]), []),
    _rule("an app has its counts", _OWN, {"apps": [{
        "tasksStaged": 0, "tasksRunning": 1, "tasksHealthy": 0, "tasksUnhealthy": 0,
    }]}, _RUNNING),
    _rule("an app has its deployments", _OWN, {"apps": [{"deployments": [{"id": "{deployment}"}]}]},
          [stuck_app()]),
    _rule("no deployment is an empty list", _OWN, {"apps": [{"deployments": []}]}, [app()]),
    _rule("tasks are not shown unless they are asked for", _OWN,
          {"apps": [{"tasks": ABSENT, "lastTaskFailure": ABSENT, "taskStats": ABSENT}]}, _RUNNING),
    _rule("embed=apps.tasks shows the tasks", _OWN + "&embed=apps.tasks",
          {"apps": [{"tasks": [_TASK]}]}, _RUNNING),
    _rule("embed=tasks needs no prefix", _OWN + "&embed=tasks",
          {"apps": [{"tasks": [_TASK]}]}, _RUNNING),
    _rule("embed=group.apps.tasks may have the prefix of groups", _OWN + "&embed=group.apps.tasks",
          {"apps": [{"tasks": [_TASK]}]}, _RUNNING),
    _rule("embed=app.tasks may be in the singular", _OWN + "&embed=app.tasks",
          {"apps": [{"tasks": [_TASK]}]}, _RUNNING),
    _rule("embed=apps.failures is tasks and last failure", _OWN + "&embed=apps.failures",
          {"apps": [{"tasks": ANY, "lastTaskFailure": {"state": "TASK_FAILED"}}]},
          [*_RUNNING, failed_task]),
    _rule("embed=apps.lastTaskFailure shows how a task failed",
          _OWN + "&embed=apps.lastTaskFailure",
          {"apps": [{"tasks": ABSENT, "lastTaskFailure": {
              "appId": "/{id}", "state": "TASK_FAILED", "taskId": ANY, "host": ANY,
              "slaveId": ANY, "message": ANY, "timestamp": VERSION, "version": VERSION,
          }}]}, [*_RUNNING, failed_task]),
    _rule("embed=apps.lastTaskFailure shows nothing of an app that never failed",
          _OWN + "&embed=apps.lastTaskFailure", {"apps": [{"lastTaskFailure": ABSENT}]}, _RUNNING),
    _rule("embed=apps.readiness is a list", _OWN + "&embed=apps.readiness",
          {"apps": [{"readinessCheckResults": []}]}, [app()]),
    _rule("embed=apps.taskStats shows statistics", _OWN + "&embed=apps.taskStats",
          {"apps": [{"taskStats": {"totalSummary": {"stats": {
              "counts": Exactly(staged=0, running=1, healthy=0, unhealthy=0),
              "lifeTime": {"averageSeconds": NUMBER, "medianSeconds": NUMBER},
          }}}}]}, _RUNNING),
    _rule("embed may be given several times", _OWN + "&embed=apps.tasks&embed=apps.taskStats",
          {"apps": [{"tasks": ANY, "taskStats": ANY}]}, _RUNNING),
    _rule("an unknown embed is passed over", _OWN + "&embed=apps.nothing",
          {"apps": [{"id": "/{id}"}]}, [app()]),
    _rule("id selects by a part of the id", "?id={id}", {"apps": [{"id": "/{id}/web"}]},
          [app("{id}/web")]),
    _rule("id takes no notice of case", "?id={id}/WEB", {"apps": [{"id": "/{id}/web"}]},
          [app("{id}/web"), app("{id}/db")]),
    _rule("cmd selects by a part of the command", _OWN + "&cmd=second",
          {"apps": [{"id": "/{id}/b"}]},
          [app("{id}/a", cmd="the first"), app("{id}/b", cmd="the second")]),
    _rule("cmd takes no notice of case", _OWN + "&cmd=SECOND",
          {"apps": [{"id": "/{id}/b"}]}, [app("{id}/b", cmd="the Second")]),
    _rule("cmd never selects an app without a command", _OWN + "&cmd=a", {"apps": []},
          [app(cmd=None, args=["a"])]),
    _selected("label=a selects what has it", "tier", "a", "b"),
    _selected("label=a==b selects by value", "tier==front", "a"),
    _selected("label=a == b may have spaces", "tier == front", "a"),
    _selected("label=a!=b selects what has another value", "tier!=front", "b"),
    _selected("label=a in (..) selects one of several values", "tier in (front, back)", "a", "b"),
    _selected("label=a notin (..) leaves values out", "tier notin (front)", "b"),
    _selected("label=a,b is both", "tier,team", "a"),
    _selected("label=a==b,c is both", "tier==front, team in (x, y)", "a"),
    _selected("label=a in () selects nothing", "tier in ()"),
    _selected("label= without a selector selects all", "", "a", "b", "c"),
    _rule("label escapes letters with a backslash", _OWN + "&label=%5C!tier==%5C%2B",
          {"apps": [{"id": "/{id}"}]}, [app(labels={"!tier": "+"})]),
    _rule("label that cannot be read is refused", "?label=!!", Exactly(
        message=holding("Can not parse label selector !!. Reason: ")), [], status=422),
    _rule("label that ends with a comma is refused", "?label=a,", Exactly(
        message=holding("Can not parse label selector a,. Reason: ")), [], status=422),
    _rule("label with a value of two words is refused", "?label=a in (b c)", Exactly(
        message=holding("Can not parse label selector a in (b c). Reason: ")), [], status=422),
    _rule("the answer is JSON", _OWN, ANY, [], bears={"Content-Type": "application/json"}),
    _rule("the answer has an ETag", _OWN, ANY, [], bears={"ETag": ANY}),
    _rule("a slash at the end makes no difference", "/" + _OWN, {"apps": []}, []),
    _rule("limit is a part of the list", _OWN + "&limit=1", {"apps": [{"id": "/{id}/a"}]},
          [app("{id}/a"), app("{id}/b")], bears={"X-Total-Count": "2"}),
    _rule("limit that is no number is refused", "?limit=x", {"message": ANY}, [], status=400),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
