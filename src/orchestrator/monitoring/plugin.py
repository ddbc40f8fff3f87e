"""Write a plug-in of the probe: a program that knows more of hosts, containers and processes.

    plugin = Plugin("iowait", "IO wait", "How long processors wait for disks")

    @plugin.reporter
    def report(told: Told) -> None:
        told.metric(host(), "iowait_percent", read_iowait())
        told.control(host(), "sync")

    @plugin.control("sync")
    def sync(node: str) -> str:
        os.sync()
        return "written"

    plugin.serve()

The probe asks every few seconds over a unix socket, and waits half a second for a report: what
takes longer belongs into a thread of the plug-in's own. Needs nothing but Python's library. The
protocol is Weave Scope's, so a plug-in serves its probes as well. Source: its "Building Plugins".
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

DIRECTORY = "/var/run/scope/plugins"
_MAX_BODY = 64 * 1024
Control = Callable[[str], str | None]
Node = tuple[str, str]


def host(name: str = "") -> Node:
    """A host, this one if no name is given."""
    return "Host", f"{name or socket.gethostname()};<host>"


def container(id: str) -> Node:
    """A container by its whole id."""
    return "Container", f"{id};<container>"


def process(pid: int, host_name: str = "") -> Node:
    """A process of a host."""
    return "Process", f"{host_name or socket.gethostname()};{pid}"


class Told:
    """What a report says of nodes."""

    def __init__(self) -> None:
        self._now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._nodes: dict[str, dict[str, dict[str, Any]]] = {}

    def metric(self, node: Node, name: str, value: float) -> None:
        """A number that is measured now; its unit last in the name (``iowait_percent``)."""
        sample = {"date": self._now, "value": value}
        self._of(node, "metrics")[name] = {"samples": [sample], "min": value, "max": value}

    def value(self, node: Node, name: str, text: str) -> None:
        """Something that is known of the node."""
        self._of(node, "latest")[name] = {"timestamp": self._now, "value": text}

    def control(self, node: Node, name: str) -> None:
        """A control may be used on the node."""
        self._of(node, "latestControls")[name] = {"timestamp": self._now, "value": {"dead": False}}

    def document(self) -> dict[str, Any]:
        """In Scope's form."""
        return {topology: {"nodes": nodes} for topology, nodes in self._nodes.items()}

    def _of(self, node: Node, kind: str) -> dict[str, Any]:
        topology, id = node
        found = self._nodes.setdefault(topology, {}).setdefault(id, {})
        values: dict[str, Any] = found.setdefault(kind, {})
        return values


class Plugin:
    """A plug-in; ``id`` is the name of its socket: letters, digits and dashes."""

    def __init__(self, id: str, label: str = "", description: str = "") -> None:
        if not id or not id.replace("-", "").isalnum():
            raise ValueError(f"{id!r} is no id: use letters, digits and dashes")
        self.id = id
        self._label = label or id
        self._description = description
        self._report: Callable[[Told], None] | None = None
        self._controls: dict[str, Control] = {}

    def reporter(self, report: Callable[[Told], None]) -> Callable[[Told], None]:
        """Decorates what fills a report."""
        self._report = report
        return report

    def control(self, name: str) -> Callable[[Control], Control]:
        """Decorates what carries out a control; it is given the node's id, and may answer a text.

        What it raises is told to the user as the reason why it was not done.
        """

        def register(control: Control) -> Control:
            self._controls[name] = control
            return control

        return register

    def report(self) -> dict[str, Any]:
        """A report in Scope's form."""
        told = Told()
        if self._report is not None:
            self._report(told)
        interfaces = ["reporter", *(["controller"] if self._controls else [])]
        introduction = {
            "id": self.id,
            "label": self._label,
            "description": self._description,
            "interfaces": interfaces,
            "api_version": "1",
        }
        return {**told.document(), "Plugins": [introduction]}

    def carry_out(self, name: str, node: str) -> dict[str, Any]:
        """Do what is asked; the answer in Scope's form."""
        control = self._controls.get(name)
        if control is None:
            return {"error": f"there is no control {name!r}"}
        try:
            return {"value": control(node) or ""}
        except Exception as error:
            return {"error": str(error) or type(error).__name__}

    def server(self, directory: str = DIRECTORY) -> Server:
        """A server on the plug-in's socket, which replaces one that was left behind."""
        path = Path(directory) / f"{self.id}.sock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            path.unlink()
        return Server(self, str(path))

    def serve(self, directory: str = DIRECTORY) -> None:
        """Answer the probe until Ctrl-C."""
        with self.server(directory) as server, suppress(KeyboardInterrupt):
            server.serve_forever()


class Server(ThreadingMixIn, UnixStreamServer):
    """Answers the probe on a socket that only its owner may use."""

    daemon_threads = True

    def __init__(self, plugin: Plugin, path: str) -> None:
        self.plugin = plugin
        self.path = path
        super().__init__(path, _Handler)
        Path(path).chmod(0o600)

    def server_close(self) -> None:
        """Close the socket and take it away."""
        super().server_close()
        with suppress(FileNotFoundError):
            Path(self.path).unlink()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self.path == "/report":
            self._answer(200, self.server.plugin.report)
        else:
            self._answer(404, lambda: {"error": "there is no such path"})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, _MAX_BODY))
        try:
            asked = json.loads(body)
            name, node = str(asked["Control"]), str(asked["NodeID"])
        except (ValueError, KeyError, TypeError):
            self._answer(400, lambda: {"error": "a control has a NodeID and a Control"})
        else:
            self._answer(200, lambda: self.server.plugin.carry_out(name, node))

    def _answer(self, status: int, make: Callable[[], dict[str, Any]]) -> None:
        try:
            content = make()
        except Exception as error:
            sys.stderr.write(f"the report failed: {error!r}\n")
            status, content = 500, {"error": type(error).__name__}
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        """Unix sockets have no address."""
        return "probe"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of every request."""
