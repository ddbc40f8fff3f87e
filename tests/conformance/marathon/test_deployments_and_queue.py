"""/v2/deployments and /v2/queue. Source: DeploymentsResource, QueueResource of Marathon 1.11."""

from __future__ import annotations

import pytest
from tests.conformance.marathon.matchers import (
    ABSENT,
    ANY,
    DEPLOYED,
    FLAG,
    NUMBER,
    UUID,
    VERSION,
    Exactly,
    each,
    holding,
    without,
)
from tests.conformance.marathon.rules import Json, Look, Rule, app, did, pod, stuck_app, usually
from tests.conformance.marathon.served import Served

ALL, ONE, QUEUE = "/v2/deployments", "/v2/deployments/{deployment}", "/v2/queue"
STUCK = [stuck_app()]
START, SCALE = ({"action": f"{verb}Application", "app": "/{id}"} for verb in ("Start", "Scale"))
GONE = Look("/v2/apps/{id}", status=404)


def _get(name: str, path: str, says: Json, **more: Json) -> Rule:
    return Rule(name, f"GET {path}", says=says, **usually(STUCK, more))


def _mine(**says: Json) -> Json:
    return holding({"affectedApps": ["/{id}"]} | says)


def _waits(**says: Json) -> Json:
    return {"queue": holding({"app": {"id": "/{id}"}} | says)}


RULES = [
    _get("one under way has an id and a version", ALL, _mine(id="{deployment}", version=VERSION)),
    _get("one under way has its steps", ALL, _mine(
        steps=[{"actions": [START]}, {"actions": [SCALE]}])),
    _get("one under way has what it does now", ALL, _mine(
        currentStep=2, totalSteps=2, currentActions=[SCALE | {"readinessCheckResults": []}])),
    _get("one of apps affects no pods", ALL, _mine(affectedPods=[])),
    _get("one of a pod affects the pod", ALL, holding({"affectedPods": ["/{id}"],
         "affectedApps": []}), given=[pod(settled=False, scaling={
             "kind": "fixed", "instances": 1}, containers=[{
                 "name": "one", "exec": {"command": {"shell": "x"}},
                 "resources": {"cpus": 1000, "mem": 32}}])]),
    _get("one that is done is gone", ALL, without({"affectedApps": ["/{id}"]}), given=[app()]),
    _get("a change of the definition restarts", ALL, _mine(
        steps=[{"actions": [{"action": "RestartApplication", "app": "/{id}"}]}]),
        given=[app(instances=1), did("PUT", "/v2/apps/{id}", {"cpus": 1000}, settled=False)]),
    _get("a change of the number scales", ALL, _mine(steps=[{"actions": [SCALE]}]),
         given=[app(instances=1, constraints=[["hostname", "CLUSTER", "agent-0.example"]]),
                did("PUT", "/v2/apps/{id}", {"instances": 100}, settled=False)]),
    _get("the list is JSON", ALL, ANY, bears={"Content-Type": "application/json"}),
    Rule("another undoes it", f"DELETE {ONE}", given=STUCK, says=DEPLOYED,
         bears={"Marathon-Deployment-Id": UUID}, then=[GONE]),
    Rule("force=true only ends it", f"DELETE {ONE}", 202, query="?force=true", given=STUCK, says="",
         bears={"Marathon-Deployment-Id": ABSENT},
         then=[Look("/v2/apps/{id}", {"app": {"deployments": [], "instances": 1}})]),
    Rule("undoing a change brings the app back", f"DELETE {ONE}", says=DEPLOYED,
         given=[app(), did("PUT", "/v2/apps/{id}", {"instances": 1, "cpus": 1000}, settled=False)],
         then=[Look("/v2/apps/{id}", {"app": {"instances": 0, "cpus": 0.1}})]),
    Rule("an unknown one is not found", "DELETE /v2/deployments/nothing", 404,
         says=Exactly(message="DeploymentPlan nothing does not exist"), shown_as=f"DELETE {ONE}"),
    Rule("one that is done is not found", f"DELETE {ONE}", 404, given=[app()],
         says=Exactly(message="DeploymentPlan {deployment} does not exist")),
    Rule("one is not shown alone", f"GET {ONE}", 405, given=STUCK, says={"message": ANY}),
    _get("what waits is there with its count", QUEUE, _waits(count=1)),
    _get("the app is whole", QUEUE, {"queue": holding(
        {"app": {"id": "/{id}", "cpus": 1000, "version": VERSION}})}),
    _get("the delay is told", QUEUE, _waits(
        delay=Exactly(timeLeftSeconds=NUMBER, overdue=FLAG), since=VERSION)),
    _get("what waits for an offer alone is overdue", QUEUE, _waits(
        delay=Exactly(timeLeftSeconds=0, overdue=True))),
    _get("the offers are summed up", QUEUE, _waits(processedOffersSummary={
        "processedOffersCount": NUMBER, "unusedOffersCount": NUMBER,
        "rejectSummaryLastOffers": ANY, "rejectSummaryLaunchAttempt": ANY})),
    Rule("reasons are counted step by step", f"GET {QUEUE}", given=[*STUCK, Look(QUEUE, _waits(
        processedOffersSummary={"processedOffersCount": 3}))], says=_waits(
            processedOffersSummary={"unusedOffersCount": 3, "rejectSummaryLastOffers": holding(
                Exactly(reason="InsufficientCpus", declined=3, processed=3),
                Exactly(reason="UnfulfilledRole", declined=0, processed=3))})),
    _get("unused offers are not shown unless they are asked for", QUEUE,
         _waits(lastUnusedOffers=ABSENT)),
    Rule("embed=lastUnusedOffers shows them", f"GET {QUEUE}", query="?embed=lastUnusedOffers",
         given=[*STUCK, Look(QUEUE, _waits(processedOffersSummary={"unusedOffersCount": 3}))],
         says=_waits(lastUnusedOffers=each({"timestamp": VERSION, "reason": holding(
             "InsufficientCpus"), "offer": {"id": ANY, "hostname": ANY, "agentId": ANY,
                                            "resources": ANY, "attributes": []}}))),
    _get("what runs does not wait", QUEUE, {"queue": without({"app": {"id": "/{id}"}})},
         given=[app(instances=1)]),
    _get("a pod that waits is called pod", QUEUE, {"queue": holding({"pod": {"id": "/{id}"},
         "app": ABSENT})}, given=[pod(settled=False, scaling={"kind": "fixed", "instances": 1},
         containers=[{"name": "one", "exec": {"command": {"shell": "x"}},
                      "resources": {"cpus": 1000, "mem": 32}}])]),
    Rule("the delay ends, without a body", f"DELETE {QUEUE}/{{id}}/delay", 204, given=STUCK,
         says=""),
    Rule("an app that does not wait is not found", f"DELETE {QUEUE}/{{id}}/delay", 404,
         given=[app()], says=Exactly(message="Application /{id} not found in tasks queue.")),
    Rule("an unknown app is not found", f"DELETE {QUEUE}/{{id}}/delay", 404,
         says=Exactly(message="Application /{id} not found in tasks queue.")),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rule(marathon: Served, rule: Rule) -> None:
    rule.play(marathon)
