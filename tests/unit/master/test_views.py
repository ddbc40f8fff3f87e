"""What tools read: the keys of /state and its kin, and the figures."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator.master.core import gauges, views
from orchestrator.mesos import older_api
from orchestrator.mesos.resource_wire import parse_attributes
from orchestrator.mesos.types import (
    ContainerStatus,
    DiscoveryInfo,
    IPAddress,
    Label,
    Labels,
    NetworkInfo,
    Port,
    Ports,
    TaskState,
)

from .world import World, task


def busy_world() -> tuple[World, str, str]:
    world = World()
    agent = world.agent(attributes=parse_attributes("rack:r1;level:2;slots:[1-3];kinds:{a,b}"))
    framework = world.framework(name="marathon", hostname="here", webui_url="http://ui")
    wanted = task(
        "t1",
        agent.id,
        "cpus:0.5;mem:64;ports:[31000-31001]",
        labels=Labels(labels=[Label(key="k", value="v")]),
        discovery=DiscoveryInfo(
            visibility="CLUSTER", name="web", ports=Ports(ports=[Port(number=31000, name="http")])
        ),
    )
    framework.accept(framework.open_offers, [wanted], refuse_s=0)
    status = agent.report(framework.id, "t1", TaskState.RUNNING)
    network = NetworkInfo(ip_addresses=[IPAddress(ip_address="10.0.0.2")])
    seen = msgspec.structs.replace(
        status, container_status=ContainerStatus(network_infos=[network])
    )
    world.master.cluster.frameworks[framework.id].tasks["t1"].note(seen)
    return world, agent.id, framework.id


def plain(view: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(view))


def test_state_has_what_mesos_dns_resolves_by() -> None:
    world, agent_id, framework_id = busy_world()
    state = plain(views.state(world.master.state))
    assert state["leader"] == "master@127.0.0.1:5050"
    (agent,) = state["slaves"]
    assert (agent["id"], agent["hostname"]) == (agent_id, "host")
    assert agent["pid"] == "slave(1)@127.0.0.1:5051"
    (framework,) = state["frameworks"]
    assert {"id": framework_id, "name": "marathon", "hostname": "here"}.items() <= framework.items()
    (shown,) = framework["tasks"]
    assert shown["resources"]["ports"] == "[31000-31001]"
    assert shown["statuses"][0]["state"] == "TASK_RUNNING"
    network = shown["statuses"][0]["container_status"]["network_infos"][0]
    assert network["ip_addresses"][0]["ip_address"] == "10.0.0.2"
    assert shown["discovery"]["ports"]["ports"][0]["number"] == 31000
    assert shown["labels"] == [{"key": "k", "value": "v"}]
    assert (shown["slave_id"], shown["framework_id"]) == (agent_id, framework_id)


def test_agents_show_their_attributes_and_what_is_used() -> None:
    world, *_ = busy_world()
    (agent,) = world.master.cluster.agents.values()
    shown = views.agent(agent)
    assert shown["attributes"] == {"rack": "r1", "level": 2.0, "slots": "[1-3]", "kinds": "{a, b}"}
    assert shown["used_resources"] == {
        "cpus": 0.5, "gpus": 0.0, "mem": 64.0, "disk": 0.0, "ports": "[31000-31001]",
    }  # fmt: skip


def test_reserved_resources_are_shown_by_role() -> None:
    world = World()
    agent = world.agent("cpus(web):2;cpus:1;mem:64")
    shown = views.agent(world.master.cluster.agents[agent.id])
    assert shown["reserved_resources"] == {
        "web": {"cpus": 2.0, "gpus": 0.0, "mem": 0.0, "disk": 0.0}
    }
    assert shown["unreserved_resources"] == {"cpus": 1.0, "gpus": 0.0, "mem": 64.0, "disk": 0.0}


def test_queries_pick_what_they_name() -> None:
    world, agent_id, framework_id = busy_world()
    state = world.master.state
    assert len(plain(views.slaves(state, {"slave_id": agent_id}))["slaves"]) == 1
    assert views.slaves(state, {"slave_id": "x"})["slaves"] == []
    assert len(plain(views.frameworks(state, {"framework_id": framework_id}))["frameworks"]) == 1
    assert views.frameworks(state, {"framework_id": "x"})["frameworks"] == []


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["t3", "t2", "t1"]),
        ({"order": "asc"}, ["t1", "t2", "t3"]),
        ({"limit": "1"}, ["t3"]),
        ({"limit": "-1"}, ["t3", "t2", "t1"]),
        ({"limit": "1", "offset": "1"}, ["t2"]),
        ({"task_id": "t2"}, ["t2"]),
        ({"framework_id": "nobody"}, []),
    ],
)
def test_tasks_are_paged_and_ordered(query: dict[str, str], ids: list[str]) -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1", "t2", "t3")
    for task_id in ("t1", "t2", "t3"):
        world.now += 1
        agent.report(framework.id, task_id, TaskState.RUNNING)
    found = plain(views.tasks(world.master.state, query))["tasks"]
    assert [t["id"] for t in found] == ids


@pytest.mark.parametrize("query", [{"limit": "many"}, {"offset": "-1"}])
def test_a_page_that_cannot_be_is_an_error(query: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        views.tasks(World().master.state, query)


def test_the_summary_counts_tasks() -> None:
    world, agent_id, framework_id = busy_world()
    summary = plain(views.summary(world.master.state))
    assert summary["slaves"][0]["TASK_RUNNING"] == 1
    assert summary["frameworks"][0]["slave_ids"] == [agent_id]
    assert summary["slaves"][0]["framework_ids"] == [framework_id]


def test_ended_and_unreachable_tasks_are_shown_apart() -> None:
    world = World()
    agent, framework = world.agent(), world.framework(capabilities=["PARTITION_AWARE"])
    framework.launch("t1", "t2")
    framework.acknowledge(agent.report(framework.id, "t1", TaskState.FINISHED))
    world.advance(100)
    known = world.master.cluster.frameworks[framework.id]
    shown = plain(views.framework(world.master.state, known))
    assert [t["id"] for t in shown["completed_tasks"]] == ["t1"]
    assert [t["id"] for t in shown["unreachable_tasks"]] == ["t2"]


def test_roles_show_weight_members_and_what_they_have() -> None:
    world = World(weights={"web": 2.0})
    world.agent()
    framework = world.framework(role="web")
    star, web = plain(views.roles(world.master.state))["roles"]
    assert (star["name"], star["frameworks"]) == ("*", [])
    assert (web["weight"], web["frameworks"]) == (2.0, [framework.id])
    assert web["resources"]["cpus"] == 4.0


def test_figures_count_agents_frameworks_tasks_and_resources() -> None:
    world, *_ = busy_world()
    figures = gauges.gauges(world.master.state)
    expected = {
        "slaves_active": 1, "frameworks_active": 1, "tasks_running": 1, "outstanding_offers": 1,
        "cpus_total": 4.0, "cpus_used": 0.5, "cpus_percent": 0.125,
    }  # fmt: skip
    assert expected.items() <= figures.items()
    assert gauges.counters(world.master.state)["messages_launch_tasks"] == 1


def test_the_version_is_digits_only() -> None:
    assert [int(part) for part in str(older_api.version("0")["version"]).split(".")]
