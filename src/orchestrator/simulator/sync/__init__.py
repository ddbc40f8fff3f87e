"""Two ensembles that are written by their clients, kept equal by the real engine of the sync.

``ensemble`` is what a ZooKeeper ensemble does to its tree; ``feed`` is how its changes are heard,
``link`` how the engine's writes reach it, with everything that goes wrong on these ways; ``host``
is the process the engine lives in, with its journal. ``clients`` write at random; ``judge`` knows
what each write knew of the others, so that nothing is lost unnoticed; ``run`` plays one seed.
"""

from orchestrator.simulator.sync.options import SyncOptions
from orchestrator.simulator.sync.run import SyncOutcome, SyncRun, play

__all__ = ["SyncOptions", "SyncOutcome", "SyncRun", "play"]
