"""The request body of ``POST /containers/create`` while it is put together.

A task's fields and its ``docker run`` parameters both end in the same few objects of the Engine's
API; a ``Draft`` holds these, and what has to be known of the task to judge what is asked for.
"""

from __future__ import annotations

from typing import Any

from orchestrator.agent.adapters.policy import Policy
from orchestrator.mesos.resources import Resources

SANDBOX = "/mnt/mesos/sandbox"

JSON = dict[str, Any]  # a part of the Engine's request body, which is JSON and nothing else


class SpecError(ValueError):
    """The task asks for something that this agent does not give a Docker container."""


class Draft:
    """What has been asked for so far. ``sandbox`` is the sandbox's path on the host."""

    def __init__(self, image: str, resources: Resources, sandbox: str, policy: Policy) -> None:
        self.resources = resources
        self.sandbox = sandbox
        self.policy = policy
        self.config: JSON = {"Image": image, "Env": [], "Labels": {}, "ExposedPorts": {}}
        self.host: JSON = {
            "Binds": [f"{sandbox}:{SANDBOX}"],
            "Mounts": [],
            "PortBindings": {},
            "Privileged": False,
        }
        self.endpoint: JSON = {}  # how it joins its own network

    def demand(self, what: str) -> None:
        """Go on only where tasks may have rights over the machine. Raises SpecError."""
        if not self.policy.allow_privileged:
            raise SpecError(
                f"{what} gives a container rights over the machine, which this agent grants only "
                "when it runs with --allow-privileged"
            )

    def publish(self, host_port: int, container_port: int, protocol: str) -> None:
        """Map a port, which has to be the task's. Raises SpecError."""
        if not any(begin <= host_port <= end for begin, end in self.resources.ranges("ports")):
            raise SpecError(f"Host port {host_port} is not among the task's resources")
        port = self.expose(container_port, protocol)
        self.host["PortBindings"].setdefault(port, []).append({"HostPort": str(host_port)})

    def expose(self, container_port: int, protocol: str) -> str:
        """Name a port of the container's. Raises SpecError."""
        kind = protocol.lower()
        if not 0 < container_port < 65536:
            raise SpecError(f"{container_port} cannot be the port of a container")
        if kind not in ("tcp", "udp", "sctp"):
            raise SpecError(f"There is no protocol '{protocol}' to map ports of")
        port = f"{container_port}/{kind}"
        self.config["ExposedPorts"][port] = {}
        return port

    def finished(self) -> JSON:
        """The whole body."""
        mode = self.host["NetworkMode"]
        joined = {"EndpointsConfig": {mode: self.endpoint}} if self.endpoint else {}
        return {**self.config, "HostConfig": self.host, "NetworkingConfig": joined}
