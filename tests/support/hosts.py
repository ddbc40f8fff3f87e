"""Network namespaces that stand for hosts: what an agent would do on a machine is done in one.

``host`` is a namespace with nothing in it; its ``plugins`` are the CNI plug-ins of this machine,
each entered into the namespace. ``Inside`` runs programs in any namespace.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.agent.adapters.network import namespaces

PLUGINS = Path("/usr/lib/cni")

_SERVE = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    connection, peer = server.accept()
    connection.sendall(peer[0].encode())
    connection.close()
"""
_ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])) as connection:
    connection.settimeout(float(sys.argv[3]))
    print(connection.recv(100).decode())
"""


def missing() -> str | None:
    """Why there can be no container networks here; None if there can."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    if not (PLUGINS / "bridge").exists():
        return "there are no CNI plug-ins (containernetworking-plugins)"
    lacking = [name for name in ("ip", "iptables", "nsenter") if shutil.which(name) is None]
    return f"there is no {lacking[0]}" if lacking else None


class Inside:
    """A network namespace, by its path, and what runs there."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._processes: list[subprocess.Popen[bytes]] = []

    def run(self, *command: str) -> str:
        """Run a program to its end; give what it prints. Raises CalledProcessError."""
        done = subprocess.run(self.entered(*command), check=True, capture_output=True, text=True)
        return done.stdout

    def serve(self, port: int) -> None:
        """Listen on a port and tell everybody under which address they are seen."""
        self.start("ready", sys.executable, "-c", _SERVE, str(port))

    def start(self, ready: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a program and wait for the line it prints first."""
        process = subprocess.Popen(self.entered(*command), stdout=subprocess.PIPE)
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().decode().strip() == ready
        return process

    def ask(self, address: str, port: int, patience_s: float = 2.0) -> str | None:
        """What ``serve`` at that address answers; None when nobody can be reached."""
        try:
            words = (sys.executable, "-S", "-c", _ASK, address, str(port), str(patience_s))
            return self.run(*words).strip() or None
        except subprocess.CalledProcessError:
            return None

    def end(self) -> None:
        """End all that was started."""
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        self._processes.clear()

    def entered(self, *command: str) -> list[str]:
        """A command as it has to be called from outside."""
        return ["nsenter", f"--net={self.path}", *command]


class Host(Inside):
    """A namespace for a host, and the directory with its plug-ins."""

    def __init__(self, path: Path, plugins: Path) -> None:
        super().__init__(path)
        self.plugins = plugins
        plugins.mkdir(exist_ok=True)
        for program in PLUGINS.iterdir():
            self.add_plugin(program.name, self.entered(str(program)))

    def add_plugin(self, name: str, command: list[str]) -> None:
        """Have a command called as a plug-in."""
        wrapper = self.plugins / name
        wrapper.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
        wrapper.chmod(0o755)

    def devices(self) -> list[str]:
        """The names of its devices, without the kernel's own."""
        lines = self.run("ip", "-o", "link").splitlines()
        names = [line.split(": ")[1].partition("@")[0] for line in lines]
        return [name for name in names if name not in ("lo", "ifb0", "ifb1")]

    def rules(self) -> list[str]:
        """The rules of iptables that send somewhere."""
        tables = [self.run("iptables", "-t", table, "-S") for table in ("nat", "filter")]
        return [line for table in tables for line in table.splitlines() if line.startswith("-A")]


@contextmanager
def host(directory: Path) -> Iterator[Host]:
    """A host that is gone afterwards, with all that runs there."""
    path = directory / "host"
    namespaces.make(path)
    made = Host(path, directory / "plugins")
    try:
        yield made
    finally:
        made.end()
        namespaces.remove(path)
