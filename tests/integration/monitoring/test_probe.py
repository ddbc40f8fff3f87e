"""A real probe on this machine: what it sees, what the kernel shows, the app it tells."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.integration.monitoring.apps import Client, an_app
from tests.integration.monitoring.probes import HOST, by_id, carry, joined, probing, program
from tests.support import eventually, free_port

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.kernel.netlink import ROUTE, drain, open_netlink
from orchestrator.monitoring.probe.server import Probe
from orchestrator.monitoring.probe.short_lived.source import is_heard_here
from orchestrator.monitoring.report import Connection, Node, Report

SECRET = "correct-horse-battery"
WAITING = "import sys; print(flush=True); sys.stdin.read()"


@pytest.fixture
def probe() -> Iterator[Probe]:
    """A probe that is asked by hand."""
    probe = Probe(ProbeConfig(host_id=HOST, docker_socket="", resolve_names=False))
    yield probe
    probe.close()


def _pids() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208


def _told_pids(report: Report) -> set[int]:
    return {int(id.rpartition(";")[2]) for id in by_id(report, "process")}


async def test_every_process_of_the_machine_is_told_no_more_no_less(probe: Probe) -> None:
    def agree() -> bool:
        before = _pids()
        told = _told_pids(probe.survey.take(time.time()))
        after = _pids()
        assert told >= before & after
        assert told <= before | after
        return before == after

    await eventually(agree)


async def test_a_process_is_told_with_what_it_is(probe: Probe) -> None:
    with program(WAITING, "an argument", f"--db-password={SECRET}") as process:
        assert process.stdout is not None
        process.stdout.readline()
        node = by_id(probe.survey.take(time.time()), "process")[f"{HOST};{process.pid}"]
    assert node.latest["parent_pid"] == str(os.getpid())
    assert node.latest["state"] == "running"
    assert "an argument --db-password=***" in node.latest["command"]
    assert abs(float(node.latest["started_at"]) - time.time()) < 60
    assert node.metrics["memory_bytes"] > 1_000_000
    assert node.parents["host"] == [HOST]


async def test_a_process_that_burns_a_processor_has_its_percent(probe: Probe) -> None:
    with program("print(flush=True)\nwhile True: pass") as process:
        assert process.stdout is not None
        process.stdout.readline()
        probe.survey.take(time.time())

        def is_busy() -> bool:
            node = by_id(probe.survey.take(time.time()), "process")[f"{HOST};{process.pid}"]
            return node.metrics["cpu_percent"] > 20

        await eventually(is_busy, interval_s=0.5)


async def test_a_process_that_ended_is_told_no_more(probe: Probe) -> None:
    with program(WAITING) as process:
        assert process.pid in _told_pids(probe.survey.take(time.time()))
    assert process.pid not in _told_pids(probe.survey.take(time.time()))


async def test_a_process_that_lived_between_two_reports_is_told_once(probe: Probe) -> None:
    await probe.tick_all()
    report = probe.survey.take(time.time())
    if not is_heard_here():
        assert any("within a PID namespace" in problem for problem in report.problems)
        return
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; sys.exit(3)", f"--api-token={SECRET}"
    )
    await child.wait()

    def told() -> Report | None:
        report = probe.survey.take(time.time())
        return report if f"{HOST};{child.pid}" in by_id(report, "process") else None

    node = by_id(await eventually(told), "process")[f"{HOST};{child.pid}"]
    assert (node.latest["state"], node.latest["exit_code"]) == ("exited", "3")
    assert node.latest["parent_pid"] == str(os.getpid())
    assert "sys.exit(3)" in node.latest["command"]
    assert SECRET not in node.latest["command"]
    again = by_id(probe.survey.take(time.time()), "process")
    assert f"{HOST};{child.pid}" not in again


async def test_no_secret_of_a_command_line_leaves_the_machine(probe: Probe) -> None:
    secrets = ["--password", SECRET, f"postgres://u:{SECRET}@db/x", f"API_KEY={SECRET}"]
    with program(WAITING, *secrets) as process:
        assert process.stdout is not None
        process.stdout.readline()
        report = probe.survey.take(time.time())
    assert f"{HOST};{process.pid}" in by_id(report, "process")
    assert SECRET.encode() not in msgspec.json.encode(report)


async def test_show_all_shows_all() -> None:
    probe = Probe(ProbeConfig(host_id=HOST, docker_socket="", show_all=True))
    with program(WAITING, f"--password={SECRET}") as process:
        assert process.stdout is not None
        process.stdout.readline()
        node = by_id(probe.survey.take(time.time()), "process")[f"{HOST};{process.pid}"]
    probe.close()
    assert SECRET in node.latest["command"]


def _to_port(report: Report, port: int) -> list[Connection]:
    return [one for one in report.connections if one.target.endswith(f";{port}")]


async def _listening(probe: Probe, port: int) -> Node:
    """A listener, once its process is known: a busy machine's are looked for over some reports."""

    def owned() -> Node | None:
        nodes = by_id(probe.survey.take(time.time()), "endpoint")
        [node] = [node for id, node in nodes.items() if id.endswith(f";127.0.0.1;{port}")]
        return node if "process" in node.parents else None

    return await eventually(owned)


async def test_the_bytes_of_a_connection_are_those_that_were_carried(probe: Probe) -> None:
    with joined() as (opener, accepted):
        carry(opener, accepted, 1_234_567)
        carry(accepted, opener, 89)
        port = opener.getpeername()[1]

        def owned() -> Connection | None:
            [one] = _to_port(probe.survey.take(time.time()), port)
            return one if one.source_process and one.target_process else None

        one = await eventually(owned)
    here = f"{HOST};{os.getpid()}"
    assert (one.bytes_sent, one.bytes_received, one.count) == (1_234_567, 89, 1)
    assert (one.source_process, one.target_process) == (here, here)
    assert one.rtt_ms is not None


async def test_connections_that_lived_between_two_reports_are_told(probe: Probe) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        await _listening(probe, port)
        for _ in range(20):
            with socket.create_connection(listener.getsockname()) as opener:
                accepted, _ = listener.accept()
                carry(opener, accepted, 1000)
                carry(accepted, opener, 10)
                accepted.close()
        told = _to_port(probe.survey.take(time.time()), port)
        again = _to_port(probe.survey.take(time.time()), port)
    assert sum(one.closed + one.count for one in told) == 20
    assert sum(one.bytes_sent for one in told) == 20_000
    assert sum(one.bytes_received for one in told) == 200
    assert {one.target_process for one in told} == {f"{HOST};{os.getpid()}"}
    assert again == []


def test_a_socket_that_hears_the_kernel_never_waits() -> None:
    with open_netlink(ROUTE, groups=1) as opened:  # that of links; none comes or goes
        assert list(drain(opened)) == []


async def test_a_listener_is_told_with_its_process(probe: Probe) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        node = await _listening(probe, listener.getsockname()[1])
    assert node.parents["process"] == [f"{HOST};{os.getpid()}"]


async def _hosts(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/api/v1/agents/list"))["agents"]
    return found


async def test_reports_arrive_at_an_app(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, app), probing(client.url):

        async def is_seen() -> bool:
            agents = await _hosts(client)
            return bool(agents) and agents[0]["reports"] > 1 and agents[0]["is_connected"]

        await eventually(is_seen)
        [agent] = await _hosts(client)
        kept = app.monitor.picture.kept[HOST]
    assert (agent["agent_id"], agent["missed"]) == (HOST, 0)
    assert "processes" in agent["registration"]["sources"]
    assert f"{HOST};{os.getpid()}" in by_id(kept.report, "process")


async def test_an_app_that_was_away_gets_what_it_missed(tmp_path: Path) -> None:
    port = free_port()
    async with probing(f"http://127.0.0.1:{port}", controls=False) as probe:
        await eventually(lambda: len(probe.publisher.backlog) >= 3)
        async with an_app(tmp_path / "first", port=port) as (client, _):

            async def has_all() -> bool:
                agents = await _hosts(client)
                return bool(agents) and agents[0]["reports"] >= 4

            await eventually(has_all)
            assert (await _hosts(client))[0]["missed"] == 0
        async with an_app(tmp_path / "second", port=port) as (client, _):
            await eventually(lambda: _hosts(client))
            await eventually(probe.publisher.is_registered.is_set)


ACCESS = "tokens: [{name: p, role: probe, token: a-token-of-a-probe}]"


async def test_a_probe_with_a_token_is_let_in_and_one_without_waits(tmp_path: Path) -> None:
    (tmp_path / "access.yaml").write_text(ACCESS)
    access = str(tmp_path / "access.yaml")
    async with (
        an_app(tmp_path / "data", access_file=access) as (client, app),
        probing(client.url, token="a-token-of-a-probe") as known,
        probing(client.url, agent_id="stranger") as stranger,
    ):
        channel = known.channel
        assert channel is not None
        await eventually(lambda: channel.is_open and HOST in app.monitor.picture.kept)
        await eventually(lambda: stranger.publisher.counts.problem)
    assert not stranger.publisher.is_registered.is_set()


async def test_what_waits_for_an_app_is_bounded() -> None:
    app = f"http://127.0.0.1:{free_port()}"
    async with probing(app, backlog_reports=2, controls=False) as probe:
        await eventually(lambda: probe.publisher.backlog.dropped)
        assert len(probe.publisher.backlog) == 2


async def test_the_app_sets_the_interval_and_the_sources(tmp_path: Path) -> None:
    async with an_app(tmp_path, heartbeat_s=1) as (client, app), probing(client.url) as probe:
        await eventually(lambda: HOST in app.monitor.picture.kept)
        wanted = {"interval_s": 2.0, "disabled_sources": ["processes", "short_lived"]}
        await client.call("PUT", f"/api/v1/agents/config/{HOST}", json=wanted)
        await eventually(lambda: probe.survey.interval_s == 2.0)
        await eventually(
            lambda: not by_id(app.monitor.picture.kept[HOST].report, "process"), interval_s=0.1
        )


async def test_a_process_is_killed_by_the_app(tmp_path: Path) -> None:
    with program(WAITING) as process:
        async with an_app(tmp_path) as (client, app), probing(client.url):

            async def is_connected() -> bool:
                agents = await _hosts(client)
                return bool(agents) and agents[0]["is_connected"] and agents[0]["reports"] > 0

            await eventually(is_connected)
            await eventually(
                lambda: (
                    f"{HOST};{process.pid}"
                    in by_id(app.monitor.picture.kept[HOST].report, "process")
                )
            )
            path = f"/api/v1/control/{HOST}/{HOST};{process.pid}/kill"
            status, body = await client.call("POST", path)
            assert status == 200, body
            await eventually(lambda: process.poll() is not None)
    assert process.returncode == -signal.SIGTERM


async def test_without_controls_nothing_can_be_asked(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, app), probing(client.url, controls=False):
        await eventually(lambda: HOST in app.monitor.picture.kept)
        path = f"/api/v1/control/{HOST}/{HOST};{os.getpid()}/kill"
        status, _ = await client.call("POST", path)
    assert status == 404


async def test_a_second_probe_with_the_same_name_ends_the_first(tmp_path: Path) -> None:
    async with an_app(tmp_path) as (client, _), probing(client.url) as first:
        await eventually(first.publisher.is_registered.is_set)
        async with probing(client.url) as second:
            await eventually(second.publisher.is_registered.is_set)
            await eventually(first.failed.done)
            assert "started later" in str(first.failed.exception())


async def _command(*flags: str, **env: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator.cli.main", "probe", *flags,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env},
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--app", "nowhere"], "is not a URL"),
        (["--agent-id", "a b"], "is no name of a probe"),
        (["--disabled-sources", "proceses"], "there is no 'proceses'"),
        (["--app", "https://x", "--ca-file", "/missing"], "cannot be used"),
        (["--interval-s", "0"], "--interval-s"),
    ],
)
async def test_a_wrong_setting_ends_with_a_sentence(flags: list[str], sentence: str) -> None:
    code, _, err = await _command(*flags)
    assert (code, sentence in err, "Traceback" in err) == (2, True, False)


async def test_one_report_is_printed_and_the_environment_sets_what_flags_do() -> None:
    code, out, err = await _command("--once", ORCHESTRATOR_PROBE_HOST_ID="named")
    assert code == 0, err
    report = msgspec.json.decode(out, type=Report)
    assert (report.host_id, report.number) == ("named", 2)


async def test_sigterm_ends_a_probe_cleanly_and_it_answers_before() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator.cli.main", "probe", "--port", "0",
        "--app", f"http://127.0.0.1:{free_port()}",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = msgspec.json.decode(await process.stdout.readline())["url"]
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    page = await reader.read()
    writer.close()
    process.terminate()
    _, err = await process.communicate()
    text = page.partition(b"\r\n\r\n")[2].decode()
    families = {one.name: one for one in text_string_to_metric_families(text)}
    assert "orchestrator_probe_reports_taken" in families
    assert [name for name, one in families.items() if not one.documentation] == []
    assert (process.returncode, "Traceback" in err.decode()) == (0, False)
