"""The views: which kinds of node can be looked at, and what is folded into each.

A view shows the nodes of one topology. Containers (or processes) are folded into it along their
lineage, which gives nodes without metrics of their own a sum, and connections between processes
become edges between the view's nodes.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from orchestrator.monitoring.report.model import Topology


class View(NamedTuple):
    """What one view shows."""

    name: str
    """As in the API's paths."""
    title: str
    topology: Topology
    """Of its nodes; search results and details name it."""
    members: Literal["", "process", "container"] = ""
    """What is folded into its nodes and adds up there."""
    key: str = ""
    """What members are folded by, where it is no topology: the name of a process."""
    is_of_members: bool = False
    """Whether nodes without members are left out."""
    is_climbed: bool = False
    """Whether other probes than that of the host report its nodes: pods, tasks and above."""

    @property
    def fold(self) -> str:
        """The key of a lineage that names this view's node."""
        return self.key or self.topology


_ABOVE: Final[tuple[tuple[str, Topology], ...]] = (
    ("pods", "pod"),
    ("services", "service"),
    ("deployments", "deployment"),
    ("replica-sets", "replica_set"),
    ("daemon-sets", "daemon_set"),
    ("stateful-sets", "stateful_set"),
    ("jobs", "job"),
    ("cron-jobs", "cron_job"),
    ("namespaces", "namespace"),
    ("persistent-volumes", "persistent_volume"),
    ("persistent-volume-claims", "persistent_volume_claim"),
    ("mesos-frameworks", "mesos_framework"),
    ("mesos-agents", "mesos_agent"),
    ("mesos-tasks", "mesos_task"),
    ("marathon-apps", "marathon_app"),
)

VIEWS: Final[dict[str, View]] = {
    view.name: view
    for view in (
        View("processes", "Processes", "process"),
        View("processes-by-name", "Processes by name", "process", "process", "name", True),
        View("containers", "Containers", "container"),
        View("containers-by-image", "Containers by image", "image", "container", "", True),
        View("hosts", "Hosts", "host"),
        *(
            View(name, name.replace("-", " ").capitalize(), topology, "container", is_climbed=True)
            for name, topology in _ABOVE
        ),
    )
}

NETWORK_ORDER: Final = ("processes", "containers", "pods", "services", "hosts")
"""From the finest to the coarsest, as people drill down."""


def view_of(topology: str) -> View | None:
    """The view whose nodes are of a topology and are not folded by something else."""
    return next(
        (view for view in VIEWS.values() if view.topology == topology and not view.key), None
    )
