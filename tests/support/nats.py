"""A real NATS server of Debian's package, on a port that it chooses itself and then keeps."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.waiting import eventually


def missing() -> str | None:
    """Why there can be no server here; None if there can."""
    if shutil.which("nats-server") is None:
        return "Debian's package nats-server is not installed"
    return None


class NatsServer:
    """One server."""

    def __init__(self, directory: Path, port: int = -1) -> None:
        self._directory = directory
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    async def start(self) -> None:
        """Start it, and wait until it says where it is."""
        file = self._launch()

        def said() -> str | None:
            try:
                urls: list[str] = json.loads(file.read_text())["nats"]
            except (OSError, ValueError):
                return None
            return urls[0]

        self.url = await eventually(said)
        self._port = int(self.url.rpartition(":")[2])

    def _launch(self) -> Path:
        """Returns the file that will say where it is."""
        self._directory.mkdir(parents=True, exist_ok=True)
        command = ["nats-server", "-a", "127.0.0.1", "-p", str(self._port)]
        command += ["--ports_file_dir", str(self._directory)]
        with (self._directory / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        return self._directory / f"nats-server_{self._process.pid}.ports"

    def kill(self) -> None:
        """As if its machine had gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@asynccontextmanager
async def nats_server(directory: Path, port: int = -1) -> AsyncIterator[NatsServer]:
    """A running server; -1 is any port."""
    server = NatsServer(directory, port)
    await server.start()
    try:
        yield server
    finally:
        server.kill()
