"""One socket, from one report to the next.

The kernel counts what was sent with what had to be sent again, so payload is the difference of
both. Of what was received it counts the FIN as a byte, which is taken off where a FIN has come.
"""

from __future__ import annotations

from orchestrator.monitoring.probe.connections import diag
from orchestrator.monitoring.probe.connections.diag import Ends, Seen
from orchestrator.monitoring.probe.connections.grouping import Group
from orchestrator.monitoring.report import Protocol

_FIN_HAS_COME = (8, 9, 11)  # CLOSE_WAIT, LAST_ACK, CLOSING


class Known:
    """One socket: who has it, and what it carried when it was seen last."""

    __slots__ = (
        "descriptor", "ends", "far", "generation", "group", "inode", "is_closed", "is_opener",
        "namespace", "owner", "peer", "protocol", "received", "retransmits", "rtt_us", "sent",
        "tries",
    )  # fmt: skip

    def __init__(self, seen: Seen, namespace: int, protocol: Protocol) -> None:
        self.protocol: Protocol = protocol
        self.ends: Ends = diag.endpoints(seen)
        self.inode = seen.inode
        self.namespace = namespace
        self.generation = 0
        self.is_closed = False
        self.owner = 0
        """The pid that holds it; 0 as long as it is not known."""
        self.descriptor = -1
        """Of its owner; -1 if that has none of it, or is not known."""
        self.tries = 0
        """How often its owner was looked for."""
        self.is_opener = True
        self.peer: Known | None = None
        """The other end, if it is on this machine, too."""
        self.far: Known | None = None
        """Of UDP: who is not connected and has the other end's port on this machine."""
        self.group: Group | None = None
        self.update(seen)

    def update(self, seen: Seen) -> None:
        """It was seen again."""
        self.sent, self.received = seen.sent - seen.resent, seen.received
        self.retransmits, self.rtt_us = seen.retransmits, seen.rtt_us
        if seen.state in _FIN_HAS_COME and seen.received:
            self.received -= 1
        if seen.inode:
            self.inode = seen.inode  # it may not have been accepted before
        else:
            self.descriptor = -1  # its owner has closed it
