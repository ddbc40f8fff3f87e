"""A real Kubernetes API server and the etcd below it, without anything that would act on objects.

Nothing runs a pod or makes those of a deployment: a test says itself what there is and how it does,
as somebody who may do everything. Both are processes of ours and are stopped by their pids.
"""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.certificates import Tls
from tests.support.ports import free_ports
from tests.support.waiting import eventually

_PLACE = Path("/usr/local/lib/kubernetes-tests")
"""Where ``install-kube-apiserver`` puts the programs."""
_ADMIN = "admin"
_MERGE_PATCH = "application/merge-patch+json"


def missing() -> str | None:
    """Why there can be no server here; None if there can."""
    if not (_PLACE / "kube-apiserver").exists():
        return "there is no API server (tests/support/install-kube-apiserver)"
    return None


class ApiServer:
    """One server; ``url`` is where, ``ca`` the file of who signed its certificate."""

    def __init__(self, directory: Path, session: aiohttp.ClientSession) -> None:
        self._directory = directory
        self._session = session
        self._tls = Tls(directory)
        self.ca = self._tls.ca
        self._port = free_ports(3)
        """The next two are etcd's."""
        self.url = f"https://127.0.0.1:{self._port}"
        self._trust = ssl.create_default_context(cafile=self.ca)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    async def start(self) -> None:
        """Start what does not run, and wait until it serves."""
        if "etcd" not in self._running:
            self._launch("etcd", self._etcd())
        self._launch("kube-apiserver", self._server())

        async def serves() -> bool:
            try:
                return (await self.ask("GET", "/readyz?verbose"))[0] == 200
            except aiohttp.ClientError:
                return False

        await eventually(serves, interval_s=0.2)

    def kill(self, name: str = "kube-apiserver") -> None:
        """Kill -9 one of the two, and wait for its end."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Of a test that is over."""
        for name in list(self._running):
            self.kill(name)

    async def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """One request, as admin: its status and its JSON, or text."""
        headers = {"Authorization": f"Bearer {_ADMIN}", "Content-Type": kind}
        async with self._session.request(
            method, f"{self.url}{path}", json=body, headers=headers, ssl=self._trust
        ) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if is_json else answer.text())

    async def make(self, path: str, body: Any) -> Any:
        """One more object, as the server has it."""
        status, said = await self.ask("POST", path, body)
        assert status == 201, said
        return said

    async def say(self, path: str, **status: Any) -> Any:
        """How an object does, which is for whoever runs it to say."""
        change = {"status": status}
        code, said = await self.ask("PATCH", f"{path}/status", change, _MERGE_PATCH)
        assert code == 200, said
        return said

    def _launch(self, name: str, options: list[str]) -> None:
        with (self._directory / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(_PLACE / name), *options], stdout=log, stderr=log
            )

    def _etcd(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{self._port + more}" for more in (1, 2))
        return [
            "--data-dir", str(self._directory / "etcd"),
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"default={peer}",
        ]  # fmt: skip

    def _server(self) -> list[str]:
        tokens = self._directory / "tokens.csv"
        tokens.write_text(f'{_ADMIN},admin,admin,"system:masters"\n')
        key = self._tls.file("server.key")
        return [
            f"--etcd-servers=http://127.0.0.1:{self._port + 1}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none", f"--secure-port={self._port}",
            f"--tls-cert-file={self._tls.file('server.crt')}", f"--tls-private-key-file={key}",
            f"--token-auth-file={tokens}", "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={key}", f"--service-account-key-file={key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged",
            "--disable-admission-plugins=ServiceAccount",  # no controller makes accounts
        ]  # fmt: skip


@asynccontextmanager
async def api_server(directory: Path) -> AsyncIterator[ApiServer]:
    """One that serves, and is gone afterwards."""
    async with aiohttp.ClientSession() as session:
        server = ApiServer(directory, session)
        try:
            await server.start()
            yield server
        finally:
            server.stop()
