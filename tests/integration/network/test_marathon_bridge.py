"""A whole datacenter on a host that is a namespace: Marathon's bridge for containers of runc."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import pytest
from tests.integration.agent.processes import end_all_below
from tests.support import eventually, hosts
from tests.support.hosts import Host
from tests.system.masters import Process

_CALL = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[2], sys.argv[3].encode() or None, method=sys.argv[1])
request.add_header("Content-Type", "application/json")
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""
_GET = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)"
_APP = {
    "id": "/web",
    "cmd": "exec python3 -m http.server 80",
    "cpus": 0.1,
    "mem": 64,
    "instances": 2,
    "networks": [{"mode": "container/bridge"}],
    "container": {"type": "MESOS", "portMappings": [{"containerPort": 80, "hostPort": 0}]},
}


class Datacenter:
    def __init__(self, host: Host) -> None:
        self.host = host

    def call(self, method: str, path: str, body: object = None) -> object:
        text = json.dumps(body) if body is not None else ""
        words = ("-c", _CALL, method, f"http://127.0.0.1:8080{path}", text)
        return json.loads(self.host.run(sys.executable, *words) or "null")

    def get(self, port: int) -> int | None:
        """The status of a page at a port of the host; None when nobody answers."""
        words = ("-c", _GET, f"http://127.0.0.1:{port}/")
        with suppress(CalledProcessError):
            return int(self.host.run(sys.executable, *words))
        return None

    def is_up(self) -> bool:
        with suppress(CalledProcessError):
            return bool(self.call("GET", "/v2/info"))
        return False

    def tasks(self) -> list[Any]:
        answer = self.call("GET", "/v2/apps/web/tasks")
        assert isinstance(answer, dict)
        return [task for task in answer["tasks"] if task["state"] == "TASK_RUNNING"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    reason = hosts.missing() or (None if shutil.which("runc") else "there is no runc")
    if reason is not None:
        pytest.skip(reason)
    with hosts.host(tmp_path) as made:
        yield made
    end_all_below(tmp_path)


async def test_an_app_on_the_bridge_is_reached_at_its_host_ports_and_leaves_nothing(
    host: Host, tmp_path: Path
) -> None:
    up = Process(tmp_path, "up", "up", "--data-dir", str(tmp_path / "data"), prefix=host.entered())
    await up.start()
    try:
        datacenter = Datacenter(host)
        await eventually(datacenter.is_up, 30)
        datacenter.call("POST", "/v2/apps", _APP)
        await eventually(lambda: len(datacenter.tasks()) == 2, 30)
        for task in datacenter.tasks():
            assert task["ipAddresses"][0]["ipAddress"].startswith("172.30.24")
            (port,) = task["ports"]
            assert await eventually(partial(datacenter.get, port), 20) == 200
        datacenter.call("DELETE", "/v2/apps/web")
        await eventually(lambda: host.devices() == ["orchestrator0"], 20)
    finally:
        await up.stop()
