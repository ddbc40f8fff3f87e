"""The agent's part in an overlay: what it asks the master for and what it has heard of its peers.

The subnet is checkpointed, because containers have addresses of it: the agent asks for the same one
whenever it registers. The peers are not; what the machine has been told of them stays in effect
until a master says otherwise.
"""

from __future__ import annotations

from msgspec.structs import replace

from orchestrator.agent.core.messages import Effect, SetOverlay
from orchestrator.mesos import codec
from orchestrator.mesos.link import OverlayMember, OverlayUpdate
from orchestrator.runtime.machine import Save

OVERLAY_KEY = "overlay"


class Overlay:
    """``asked`` is what the agent is configured for, ``kept`` what it had when it ended last."""

    def __init__(self, asked: OverlayMember | None, kept: OverlayMember | None) -> None:
        self.problem: str | None = None
        self.peers: dict[int, str] = {}
        self._kept = kept
        self.member = asked
        if asked is not None and kept is not None and kept.network == asked.network:
            self.member = replace(asked, subnet=kept.subnet)

    def heard(self, news: OverlayUpdate) -> list[Save | Effect]:
        """The master tells of the overlay."""
        if self.member is None:
            return []
        self.problem = news.problem
        if news.problem is not None:
            return [SetOverlay(problem=news.problem)]
        self.peers = {} if news.is_complete else self.peers
        self.peers = self.peers | {peer.subnet: peer.address for peer in news.peers}
        for subnet in news.gone:
            self.peers.pop(subnet, None)
        self.member = replace(self.member, subnet=news.subnet)
        return [*self._keep(), SetOverlay(subnet=news.subnet, peers=dict(self.peers))]

    def _keep(self) -> list[Save | Effect]:
        if self.member == self._kept or self.member is None:
            return []
        self._kept = self.member
        return [Save(OVERLAY_KEY, codec.encode(self.member))]

    def forget(self) -> list[Save]:
        """The agent leaves for good, and its subnet goes to another."""
        return [Save(OVERLAY_KEY, None)] if self._kept is not None else []
