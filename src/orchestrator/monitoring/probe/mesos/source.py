"""The three sources: an agent's containers, a master's tasks, Marathon's apps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec.structs import replace

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.mesos import parsing
from orchestrator.monitoring.probe.mesos.credential import Login, login
from orchestrator.monitoring.probe.mesos.parsing import (
    AgentContainer,
    Apps,
    Info,
    MarathonTasks,
    Nodes,
    State,
)
from orchestrator.monitoring.probe.mesos.polling import Polled
from orchestrator.monitoring.probe.roles import Parts, Setup, Source
from orchestrator.monitoring.report import Node, ids, keys


def agent(setup: Setup) -> Source:
    """The agents of this machine. Raises ConfigError, as the others do."""
    asked = Agents([Agent(setup, url) for url in setup.config.agent])
    return Source("agent", reporter=asked, tagger=asked, ticker=asked, close=asked.close)


def master(setup: Setup) -> Source:
    """The master."""
    asked = Master(setup)
    return Source("mesos", reporter=asked, ticker=asked, close=asked.close)


def marathon(setup: Setup) -> Source:
    """Marathon."""
    asked = Marathon(setup)
    return Source("marathon", reporter=asked, ticker=asked, close=asked.close)


def _mesos_login(config: ProbeConfig) -> Login:
    return login(config.mesos_credential_file, "--mesos-credential-file")


class Agents:
    """Reporter and tagger of all agents; one that is away costs only its own."""

    period_s = Polled.period_s

    def __init__(self, agents: Sequence[Agent]) -> None:
        self._agents = agents

    async def tick(self, now: float) -> None:
        """Ask all of them."""
        await asyncio.gather(*[each.tick(now) for each in self._agents])

    def report(self, now: float) -> Parts:
        """What all of them said last."""
        parts = [each.report(now) for each in self._agents]
        nodes = [node for part in parts for node in part.nodes["container"]]
        problems = [problem for part in parts for problem in part.problems]
        return Parts(nodes={"container": nodes}, problems=problems)

    def tag(self, parts: Parts, now: float) -> None:
        """Name the tasks of Docker containers, whichever agent's they are."""
        for each in self._agents:
            each.tag(parts, now)

    def close(self) -> None:
        """Close all connections."""
        for each in self._agents:
            each.close()


class Agent(Polled):
    """Reporter of an agent's native containers; tells of all of its containers whose they are."""

    def __init__(self, setup: Setup, url: str) -> None:
        address = urlsplit(url).netloc.rpartition("@")[2]
        super().__init__(
            f"the Mesos agent {address}", url, setup.config.ca_file, _mesos_login(setup.config)
        )
        self._setup = setup
        self._containers: dict[str, AgentContainer] = {}

    async def ask(self, now: float) -> None:
        """See Polled."""
        del now
        found = await self.get("/containers", list[AgentContainer])
        self._containers = {one.container_id: one for one in found if one.container_id}

    def forget(self) -> None:
        """See Polled."""
        self._containers = {}

    def report(self, now: float) -> Parts:
        """Containers in which processes of this machine are."""
        del now
        inside = {process.container for process in self._setup.table}
        nodes = [self._native(one) for id, one in self._containers.items() if id in inside]
        problems = [self.problem] if self.problem else []
        return Parts(nodes={"container": nodes}, problems=problems)

    def tag(self, parts: Parts, now: float) -> None:
        """Name the task of the agent's Docker containers, which are called after their id."""
        del now
        nodes = parts.nodes.get("container", [])
        for at, node in enumerate(nodes):
            found = self._containers.get(node.label.removeprefix("mesos-"))
            if found is not None and node.label.startswith("mesos-"):
                parents = {**node.parents, "mesos_task": [parsing.task_of(found)]}
                nodes[at] = replace(node, parents=parents)

    def _native(self, found: AgentContainer) -> Node:
        task = parsing.task_of(found)
        latest = {keys.STATE: "running", keys.ENGINE: "native"}
        label = task.partition(ids.SEPARATOR)[2]
        parents = {"host": [self._setup.host_id], "mesos_task": [task]}
        return Node(found.container_id, label[:512], latest, parents=parents)  # type: ignore[arg-type]


class Master(Polled):
    """Reporter of frameworks, agents and tasks."""

    def __init__(self, setup: Setup) -> None:
        config = setup.config
        super().__init__("the Mesos master", config.mesos, config.ca_file, _mesos_login(config))
        self._nodes: Nodes = {}

    async def ask(self, now: float) -> None:
        """See Polled."""
        del now
        self._nodes = parsing.cluster_nodes(await self.get("/state", State))

    def forget(self) -> None:
        """See Polled."""
        self._nodes = {}

    def report(self, now: float) -> Parts:
        """What the master said last."""
        del now
        problems = [self.problem] if self.problem else []
        return Parts(
            nodes={kind: list(one) for kind, one in self._nodes.items()}, problems=problems
        )


class Marathon(Polled):
    """Reporter of apps, and of the app of each task."""

    def __init__(self, setup: Setup) -> None:
        config = setup.config
        known = login(config.marathon_credential_file, "--marathon-credential-file")
        super().__init__("Marathon", config.marathon, config.ca_file, known)
        self._hiding = setup.hiding
        self._nodes: Nodes = {}

    async def ask(self, now: float) -> None:
        """See Polled."""
        del now
        info = await self.get("/v2/info", Info)
        apps = await self.get("/v2/apps", Apps)
        tasks = await self.get("/v2/tasks", MarathonTasks)
        framework = info.framework_id or ""
        self._nodes = parsing.app_nodes(apps.apps, tasks.tasks, framework, self._hiding)

    def forget(self) -> None:
        """See Polled."""
        self._nodes = {}

    def report(self, now: float) -> Parts:
        """What Marathon said last."""
        del now
        problems = [self.problem] if self.problem else []
        return Parts(
            nodes={kind: list(one) for kind, one in self._nodes.items()}, problems=problems
        )
