"""What every node of a simulated cluster has around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.agent.core.agent import Agent
from orchestrator.marathon.core.marathon import Marathon
from orchestrator.master.core.master import Master
from orchestrator.simulator.kernel import Kernel
from orchestrator.simulator.monitor import Monitor
from orchestrator.simulator.network import Network
from orchestrator.simulator.process import Process
from orchestrator.simulator.trace import Trace

MASTER = "master"


@dataclass
class Parts:
    """What nodes are made of; a test puts a defective part in to see that it is found."""

    master: type[Master] = Master
    agent: type[Agent] = Agent
    marathon: type[Marathon] = Marathon
    process: Callable[..., Process[Any, Any]] = Process


@dataclass
class Surroundings:
    """Time and chance, the network, and those who watch."""

    kernel: Kernel
    network: Network
    monitor: Monitor
    trace: Trace
    parts: Parts = field(default_factory=Parts)
