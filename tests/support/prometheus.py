"""A real Prometheus of Debian's package, as a store that takes remote write."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from tests.support.waiting import eventually


def missing() -> str | None:
    """Why there can be no server here; None if there can."""
    if shutil.which("prometheus") is None:
        return "Debian's package prometheus is not installed"
    return None


@asynccontextmanager
async def prometheus(directory: Path) -> AsyncIterator[str]:
    """The URL of a running server."""
    url = f"http://127.0.0.1:{_free_port()}"
    process = _launch(directory, url)
    try:
        async with aiohttp.ClientSession() as session:

            async def is_ready() -> bool:
                try:
                    async with session.get(f"{url}/-/ready") as response:
                        return response.status == 200
                except aiohttp.ClientError:
                    return False

            await eventually(is_ready)
        yield url
    finally:
        process.kill()
        process.wait()


def _launch(directory: Path, url: str) -> subprocess.Popen[bytes]:
    directory.mkdir(parents=True, exist_ok=True)
    settings = directory / "prometheus.yml"
    settings.write_text("global: {}\n")
    command = [
        "prometheus",
        f"--config.file={settings}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--web.enable-remote-write-receiver",
    ]
    with (directory / "prometheus.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
