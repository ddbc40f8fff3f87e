"""What mesos-dns, mesos_exporter, the web UI and pymesos read of a master."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from tests.conformance.cluster import Cluster
from tests.conformance.raw_framework import RawFramework
from tests.conformance.raw_http import Json, get, request
from tests.support import eventually

PORTS = {
    "name": "ports",
    "type": "RANGES",
}
EXPORTED = """
cpus_percent cpus_revocable_percent cpus_revocable_total cpus_revocable_used cpus_total cpus_used
disk_percent disk_revocable_percent disk_revocable_total disk_revocable_used disk_total disk_used
dropped_messages elected event_queue_dispatches event_queue_http_requests event_queue_messages
frameworks_active frameworks_disconnected frameworks_inactive gpus_percent gpus_revocable_percent
gpus_revocable_total gpus_revocable_used gpus_total gpus_used
invalid_executor_to_framework_messages invalid_framework_to_executor_messages
invalid_status_update_acknowledgements invalid_status_updates mem_percent mem_revocable_percent
mem_revocable_total mem_revocable_used mem_total mem_used messages_authenticate
messages_deactivate_framework messages_decline_offers messages_executor_to_framework
messages_exited_executor messages_framework_to_executor messages_kill_task messages_launch_tasks
messages_reconcile_tasks messages_register_framework messages_register_slave
messages_reregister_framework messages_reregister_slave messages_resource_request
messages_revive_offers messages_status_update messages_status_update_acknowledgement
messages_suppress_offers messages_unregister_framework messages_unregister_slave
messages_update_slave outstanding_offers recovery_slave_removals slave_registrations
slave_removals slave_reregistrations slave_shutdowns_canceled slave_shutdowns_completed
slave_shutdowns_scheduled slave_unreachable_canceled slave_unreachable_completed
slave_unreachable_scheduled slaves_active slaves_disconnected slaves_inactive slaves_unreachable
tasks_dropped tasks_error tasks_failed tasks_finished tasks_gone tasks_gone_by_operator
tasks_killed tasks_killing tasks_lost tasks_running tasks_staging tasks_starting tasks_unreachable
uptime_secs valid_executor_to_framework_messages valid_framework_to_executor_messages
valid_status_update_acknowledgements valid_status_updates
"""
EXPORTED_ELSEWHERE = """
allocator/event_queue_dispatches allocator/mesos/allocation_run_latency_ms
allocator/mesos/allocation_run_ms allocator/mesos/allocation_runs
allocator/mesos/event_queue_dispatches allocator/mesos/resources/cpus/offered_or_allocated
allocator/mesos/resources/cpus/total allocator/mesos/resources/disk/offered_or_allocated
allocator/mesos/resources/disk/total allocator/mesos/resources/mem/offered_or_allocated
allocator/mesos/resources/mem/total overlay/log/ensemble_size overlay/log/recovered
registrar/log/ensemble_size registrar/log/recovered registrar/queued_operations
registrar/registry_size_bytes registrar/state_fetch_ms registrar/state_store_ms
"""
TIMERS = """
allocator/mesos/allocation_run_latency_ms allocator/mesos/allocation_run_ms
registrar/state_store_ms
"""
OF_A_TIMER = "max min p50 p90 p95 p99 p999 p9999"


@pytest.fixture
async def framework(cluster: Cluster) -> AsyncIterator[RawFramework]:
    """A framework with one running task that has a port and wants to be discovered."""
    async with RawFramework(cluster.port, "shown", hostname="here") as framework:
        (offer, *_) = await framework.wait_for_offers(3)
        port = next(r for r in offer["resources"] if r["name"] == "ports")["ranges"]["range"][0]
        task = framework.task(offer)
        task["resources"].append(
            {**PORTS, "ranges": {"range": [{"begin": port["begin"], "end": port["begin"]}]}}
        )
        task["discovery"] = {
            "visibility": "CLUSTER",
            "name": "shown",
            "ports": {"ports": [{"number": port["begin"], "name": "http", "protocol": "tcp"}]},
        }
        (task_id,) = await framework.launch(offer, [task])
        await framework.wait_for_state("TASK_RUNNING", [task_id])
        await eventually(lambda: tasks_of(cluster.get("/state"), framework))
        yield framework


def tasks_of(state: Json, framework: RawFramework) -> list[Json]:
    (shown,) = [f for f in state["frameworks"] if f["id"] == framework.id]
    return [task for task in shown["tasks"] if task["state"] == "TASK_RUNNING"]


@pytest.mark.parametrize("path", ["/state", "/master/state", "/master/state.json", "/state.json"])
async def test_state_has_what_mesos_dns_reads(
    cluster: Cluster, framework: RawFramework, path: str
) -> None:
    state = cluster.get(path)
    assert state["leader"] == f"master@127.0.0.1:{cluster.port}"
    (shown,) = [f for f in state["frameworks"] if f["id"] == framework.id]
    assert (shown["name"], shown["hostname"]) == ("shown", "here")
    assert "pid" in shown
    (task,) = tasks_of(state, framework)
    assert task["framework_id"] == framework.id
    assert task["resources"]["ports"].startswith("[31")
    assert task["discovery"]["name"] == "shown"
    (port,) = task["discovery"]["ports"]["ports"]
    assert (port["name"], port["protocol"]) == ("http", "tcp")
    running = task["statuses"][-1]
    assert running["state"] == "TASK_RUNNING"
    assert running["timestamp"] > 1.6e9
    (agent,) = [a for a in state["slaves"] if a["id"] == task["slave_id"]]
    assert agent["hostname"].startswith("agent")
    assert agent["pid"].startswith("slave(1)@127.0.0.1:")


@pytest.mark.parametrize("path", ["/slaves", "/master/slaves"])
async def test_slaves_have_what_mesos_exporter_reads(
    cluster: Cluster, framework: RawFramework, path: str
) -> None:
    agents = cluster.get(path)["slaves"]
    assert len(agents) == 3
    for agent in agents:
        assert agent["active"] is True
        assert agent["resources"]["cpus"] == 8
        assert agent["unreserved_resources"]["mem"] == 4096
        assert agent["resources"]["ports"].startswith("[31")
        assert agent["attributes"]["rack"].startswith("r")
        assert agent["reserved_resources"] == {}
    assert sum(agent["used_resources"]["cpus"] for agent in agents) == pytest.approx(0.1)


async def test_slaves_can_be_asked_for_one(cluster: Cluster) -> None:
    agent = cluster.get("/slaves")["slaves"][0]
    assert [a["id"] for a in cluster.get(f"/slaves?slave_id={agent['id']}")["slaves"]] == [
        agent["id"]
    ]


@pytest.mark.parametrize("path", ["/frameworks", "/master/frameworks", "/master/frameworks/"])
async def test_frameworks_are_shown_with_their_tasks(
    cluster: Cluster, framework: RawFramework, path: str
) -> None:
    shown = {f["id"]: f for f in cluster.get(path)["frameworks"]}[framework.id]
    assert shown["active"] is True
    assert len(shown["tasks"]) == 1
    assert shown["completed_tasks"] == []


async def test_frameworks_can_be_asked_for_one(cluster: Cluster, framework: RawFramework) -> None:
    answer = cluster.get(f"/frameworks?framework_id={framework.id}")
    assert [f["id"] for f in answer["frameworks"]] == [framework.id]


@pytest.mark.parametrize("path", ["/tasks", "/master/tasks"])
async def test_tasks_are_listed_paged_and_filtered(
    cluster: Cluster, framework: RawFramework, path: str
) -> None:
    (task,) = cluster.get(f"{path}?framework_id={framework.id}&limit=-1")["tasks"]
    assert task["state"] == "TASK_RUNNING"
    assert cluster.get(f"{path}?task_id={task['id']}")["tasks"][0]["id"] == task["id"]
    assert len(cluster.get(f"{path}?limit=1&order=asc")["tasks"]) == 1
    assert cluster.get(f"{path}?framework_id={framework.id}&offset=1")["tasks"] == []


@pytest.mark.parametrize("query", ["limit=x", "offset=-1", "order=sideways"])
async def test_a_strange_query_of_tasks_is_no_accident(cluster: Cluster, query: str) -> None:
    assert (await get(cluster.port, f"/tasks?{query}")).status in (200, 400)


@pytest.mark.parametrize("path", ["/state", "/slaves", "/frameworks", "/metrics/snapshot"])
async def test_views_can_be_called_back(cluster: Cluster, path: str) -> None:
    answer = await get(cluster.port, f"{path}?jsonp=JSON_CALLBACK")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.text.startswith("JSON_CALLBACK(")
    assert answer.text.rstrip().endswith(");")
    assert isinstance(json.loads(answer.text.strip()[len("JSON_CALLBACK(") : -2]), dict)


async def test_the_version_is_digits_only(cluster: Cluster) -> None:
    version = cluster.get("/version")["version"]
    assert tuple(int(number) for number in version.split(".")) >= (1, 0, 0)


async def test_health_is_an_empty_200(cluster: Cluster) -> None:
    for path in ("/health", "/master/health"):
        assert (await get(cluster.port, path)).status == 200


async def test_the_snapshot_has_what_mesos_exporter_reads(
    cluster: Cluster, framework: RawFramework
) -> None:
    metrics = cluster.get("/metrics/snapshot")
    assert [name for name in EXPORTED.split() if f"master/{name}" not in metrics] == []
    assert metrics["master/elected"] == 1
    assert metrics["master/slaves_active"] == 3
    assert metrics["master/tasks_running"] == 1
    assert metrics["master/cpus_total"] == 24
    assert all(isinstance(value, int | float) for value in metrics.values())


async def test_the_snapshot_has_allocator_and_registrar(
    cluster: Cluster, framework: RawFramework
) -> None:
    metrics = cluster.get("/metrics/snapshot")
    names = EXPORTED_ELSEWHERE.split()
    names += [f"{timer}/{part}" for timer in TIMERS.split() for part in OF_A_TIMER.split()]
    assert [name for name in names if name not in metrics] == []
    assert metrics["allocator/mesos/allocation_runs"] > 0
    assert 0 < metrics["allocator/mesos/allocation_run_ms/min"] < 10_000
    assert metrics["allocator/mesos/resources/cpus/total"] == 24
    assert metrics["allocator/mesos/resources/cpus/offered_or_allocated"] > 0
    assert metrics["registrar/state_store_ms/count"] > 0
    assert metrics["registrar/registry_size_bytes"] > 0
    assert metrics["master/messages_register_slave"] >= 3


async def test_prometheus_finds_its_metrics(cluster: Cluster) -> None:
    answer = await get(cluster.port, "/metrics")
    assert answer.status == 200
    assert "# TYPE" in answer.text
    assert "orchestrator_master_allocator_compiled 0.0" in answer.text  # the cluster is small


@pytest.mark.parametrize(
    "path", ["/nowhere", "/master/nowhere", "/state/x", "/%00", "/" + "a" * 9000]
)
async def test_what_is_not_there_is_not_found(cluster: Cluster, path: str) -> None:
    assert (await get(cluster.port, path)).status == 404


async def test_a_view_cannot_be_posted_to(cluster: Cluster) -> None:
    answer = await request(cluster.port, "POST", "/state")
    assert answer.status in (405, 200)  # Mesos answers a POST like a GET
    assert "Traceback" not in answer.text


async def test_the_master_says_what_it_understands(cluster: Cluster) -> None:
    state = (await get(cluster.port, "/state")).json
    assert state["capabilities"] == ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"]
    assert "RESIZE_VOLUME" in state["slaves"][0]["capabilities"]
