"""The whole cluster in one thread, on a virtual clock: every run is decided by its seed.

The nodes are the real cores of master and agent, and a framework written for this purpose. Around
them is a network that delays, breaks and cuts, disks that lose what was not yet durable, and faults
that strike all of it. ``monitor`` says what must hold after every event; ``cluster`` what must hold
in the end. Start reading at ``cluster.Run``.
"""

from orchestrator.simulator.cluster import Options, Outcome, Run
from orchestrator.simulator.faults import Fault
from orchestrator.simulator.surroundings import Parts

__all__ = ["Fault", "Options", "Outcome", "Parts", "Run"]
