"""How soon a newcomer sees something run: ``python -m benchmarks.startup``.

``first_task_s``  from starting ``orchestrator up`` on an empty data directory to the first task of
                  an app in TASK_RUNNING, the app posted as soon as Marathon answers; the median
``stub_s``        from starting a process of the same libraries that only answers ``/health`` to
                  its first answer, in the same rounds; the median
``ratio_to_stub`` the median of the rounds' ratios
"""

from __future__ import annotations

import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from benchmarks import harness

_ROUNDS = 5
_PATIENCE_S = 30.0
_STUB = """
import asyncio, aiohttp, msgspec, prometheus_client
from starlette.responses import PlainTextResponse
from orchestrator.runtime.http import serve
async def main():
    async with serve(PlainTextResponse("ok"), "127.0.0.1", {port}):
        await asyncio.Event().wait()
asyncio.run(main())
"""
_APP = {"id": "/first", "cmd": "exec sleep 1000", "cpus": 0.1, "mem": 16}


def first_task_s(directory: Path) -> float:
    """Start the platform, post an app, wait for its task; end everything."""
    master, agent, marathon = (harness.free_port() for _ in range(3))
    command = ["-m", "orchestrator.cli.main", "up", "--data-dir", str(directory / "data")]
    command += ["--master-port", str(master), "--agent-port", str(agent)]
    command += ["--marathon-port", str(marathon)]
    url = f"http://127.0.0.1:{marathon}"
    began = time.perf_counter()
    with harness.server(command, marathon, directory / "log"):
        _until(lambda: bool(_ask(f"{url}/v2/info")))
        _ask(f"{url}/v2/apps", json.dumps(_APP).encode())
        _until(lambda: b"TASK_RUNNING" in _ask(f"{url}/v2/apps/first/tasks"))
        return time.perf_counter() - began


def stub_s(directory: Path) -> float:
    """Start the stub and wait for its first answer."""
    port = harness.free_port()
    began = time.perf_counter()
    with harness.server(["-c", _STUB.format(port=port)], port, directory / "stub.log"):
        return time.perf_counter() - began


def _ask(url: str, body: bytes | None = None) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as response:
        answer: bytes = response.read()
        return answer


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError):
            if holds():
                return
        time.sleep(0.01)
    raise SystemExit("the platform did not come up in time")


def main() -> None:
    """Run the rounds and print the figures."""
    arguments = harness.parser("From `orchestrator up` to the first running task.").parse_args()
    firsts, stubs = [], []
    for round_ in range(1 if arguments.quick else _ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            stubs.append(stub_s(Path(directory)))
            firsts.append(first_task_s(Path(directory)))
        harness.say(f"round {round_ + 1}: {firsts[-1]:.2f} s, stub {stubs[-1]:.2f} s")
    ratios = [first / stub for first, stub in zip(firsts, stubs, strict=True)]
    figures = {
        "first_task_s": harness.median(firsts),
        "stub_s": harness.median(stubs),
        "ratio_to_stub": harness.median(ratios),
    }
    harness.report("startup", figures, arguments.json)


if __name__ == "__main__":
    main()
