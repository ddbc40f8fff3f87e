"""JSON that is kept is the JSON that would be written now, whatever has happened."""

import random

import pytest
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.adapters.api.views import AppJson, TaskJson
from orchestrator.marathon.core.condition import Condition
from orchestrator.marathon.core.effects import (
    CancelDeployment,
    DeleteApp,
    KillInstances,
    RestartApp,
)
from orchestrator.marathon.core.refusals import Refusal
from orchestrator.mesos.types import TaskState

APPS = ("/a", "/g/b", "/g/c")
EMBEDS = ({"counts", "deployments"}, {"counts", "deployments", "tasks", "lastTaskFailure"})
RUNNING = frozenset({Condition.RUNNING})


class Readers:
    """Clients that look after every event; each finds what a first-time reader would find."""

    def __init__(self, cluster: Cluster) -> None:
        self._state = cluster.marathon.state
        self._apps, self._tasks = AppJson(self._state), TaskJson(self._state)
        self.looks = 0

    def look(self) -> None:
        self.looks += 1
        fresh_apps, fresh_tasks = AppJson(self._state), TaskJson(self._state)
        apps = list(self._state.apps.values())
        for embeds in EMBEDS:
            assert self._apps.apps(apps, embeds) == fresh_apps.apps(apps, embeds)
        ids = self._state.apps_with_instances()
        for wanted in (frozenset[Condition](), RUNNING):
            kept = self._tasks.of_apps(ids, wanted, True)
            assert kept == fresh_tasks.of_apps(ids, wanted, True)


def disturb(cluster: Cluster, chance: random.Random) -> None:
    """Something that a user or the world does."""
    app_id = chance.choice(APPS)
    tasks = sorted(cluster.master.tasks)
    deployments = sorted(cluster.marathon.state.deployments)
    try:
        match chance.randrange(9):
            case 0 | 1:
                cluster.change(id=app_id, cmd="x", instances=chance.randrange(4), force=True)
            case 2:
                labels = {"n": str(chance.random())}
                cluster.change(id=app_id, cmd="x", labels=labels, force=True)
            case 3:
                cluster.ask(DeleteApp(app_id))
            case 4:
                cluster.ask(RestartApp(app_id, force=True))
            case 5 if tasks:
                ends = (TaskState.FAILED, TaskState.UNREACHABLE, TaskState.FINISHED)
                cluster.report(chance.choice(tasks), chance.choice(ends))
            case 6 | 7 if deployments:
                cluster.ask(CancelDeployment(chance.choice(deployments), force=True))
            case _:
                ids = [instance.id for instance in cluster.instances(app_id)]
                cluster.ask(KillInstances(ids[:1], wipes=chance.random() < 0.5))
    except Refusal:
        pass


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_is_never_outdated(seed: int) -> None:
    cluster, chance = Cluster(), random.Random(seed)
    readers = Readers(cluster)
    cluster.after_event = readers.look
    for _ in range(60):
        disturb(cluster, chance)
        for choice in cluster.master.choices()[: chance.randrange(4)]:
            cluster.hear(cluster.master.do(choice))
        cluster.pass_time(chance.choice((0.0, 1.0)))
    assert readers.looks > 100


def test_of_what_did_not_change_the_same_bytes_are_given_again() -> None:
    cluster = Cluster()
    for app_id in APPS:
        cluster.create(id=app_id, cmd="x")
    cluster.run()
    state = cluster.marathon.state
    written = AppJson(state)
    first = {app.id: written.app(app, EMBEDS[1]) for app in state.apps.values()}
    cluster.change(id="/a", instances=2)
    cluster.run()
    again = {app.id: written.app(app, EMBEDS[1]) for app in state.apps.values()}
    assert [app_id for app_id in APPS if again[app_id] is first[app_id]] == ["/g/b", "/g/c"]
