"""Reports for tests: small ones by hand, and hypothesis' own."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from orchestrator.monitoring.report import Connection, Node, Report

HOSTS = ("a", "b", "c")


def report(host: str, number: int = 1, **changes: Any) -> Report:
    """What a probe on a host with nothing on it says."""
    fields: dict[str, Any] = {
        "version": 1,
        "agent_id": host,
        "instance": "first",
        "instance_started_at": 1.0,
        "number": number,
        "taken_at": 1000.0 + 15 * number,
        "host_id": host,
        "nodes": {"host": [Node(id=host, addresses=[f";10.0.0.{ord(host[0])}"])]},
    }
    return Report(**{**fields, **changes})


_numbers = st.integers(0, 10**6).map(lambda n: n / 4)  # their sums are exact
_metrics = st.dictionaries(st.sampled_from(["cpu_percent", "memory_bytes", "own"]), _numbers)
_few = st.integers(0, 3)


@st.composite
def reports(draw: st.DrawFn, host: str, number: int) -> Report:
    """Of a host with a few containers, processes, tasks, and connections to any host."""
    containers = [
        Node(
            id=f"{host}c{n}",
            label=draw(st.sampled_from(["web", "db", ""])),
            latest={"state": draw(st.sampled_from(["running", "paused"])), "image": "nginx:1"},
            metrics=draw(_metrics),
            parents={"host": [host], "mesos_task": [f"f;t{n}"]},
            labels=draw(st.sampled_from([{}, {"com.docker.compose.project": "shop"}])),
            addresses=[f"{host};172.17.0.{n}"],
        )
        for n in sorted(draw(st.sets(_few)))
    ]
    processes = [
        Node(
            id=f"{host};{n}",
            label=draw(st.sampled_from(["nginx", "python3"])),
            metrics=draw(_metrics),
            parents={"host": [host], "container": [f"{host}c{n}"]},
        )
        for n in sorted(draw(st.sets(_few)))
    ]
    tasks = [
        Node(id=f"f;t{n}", label=f"task {n}", parents={"marathon_app": [f"/app{draw(_few)}"]})
        for n in sorted(draw(st.sets(_few)))
    ]
    apps = [Node(id=f"/app{n}") for n in sorted(draw(st.sets(_few)))]
    listeners = [
        Node(id=f";10.0.0.{ord(host[0])};{80 + n}", parents={"process": [f"{host};{n}"]})
        for n in sorted(draw(st.sets(_few)))
    ]
    connections = draw(st.lists(_connection(host), max_size=4))
    return report(
        host,
        number,
        nodes={
            "host": [Node(id=host, addresses=[f";10.0.0.{ord(host[0])}"], metrics=draw(_metrics))],
            "container": containers,
            "process": processes,
            "mesos_task": tasks,
            "marathon_app": apps,
            "image": [Node(id="nginx:1", label="nginx")],
            "endpoint": listeners,
        },
        connections=connections,
    )


@st.composite
def _connection(draw: st.DrawFn, host: str) -> Connection:
    here = f";10.0.0.{ord(host[0])}"
    there = draw(
        st.sampled_from([*(f";10.0.0.{ord(one)}" for one in HOSTS), ";8.8.8.8", ";10.9.9.9"])
    )
    protocol = draw(st.sampled_from(["tcp", "udp"]))
    port = f"{80 + draw(_few)}{draw(st.sampled_from(['', '/udp'])) if protocol == 'udp' else ''}"
    process = f"{host};{draw(_few)}"
    counted: dict[str, Any] = {
        "protocol": protocol,
        "bytes_sent": draw(st.integers(0, 10**9)),
        "count": draw(st.integers(0, 5)),
        "rtt_ms": draw(st.sampled_from([None, 0.5, 12.0])),
    }
    if draw(st.booleans()):
        return Connection(
            source=f"{here};", target=f"{there};{port}", source_process=process, **counted
        )
    return Connection(
        source=f"{there};4000", target=f"{here};{port}", target_process=process, **counted
    )


@st.composite
def histories(draw: st.DrawFn) -> list[list[Report | str]]:
    """Batches of reports, and of the ids of probes that are gone."""
    batches: list[list[Report | str]] = []
    number = 0
    for _ in range(draw(st.integers(1, 5))):
        batch: list[Report | str] = []
        for _ in range(draw(st.integers(0, 3))):
            number += 1
            host = draw(st.sampled_from(HOSTS))
            is_gone = draw(st.integers(0, 4)) == 0
            batch.append(host if is_gone else draw(reports(host, number)))
        batches.append(batch)
    return batches
