"""Connections that the machine passes on to another address, as it does for published ports."""

from __future__ import annotations

import os
from collections.abc import Iterator

from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.nat import question, translations
from orchestrator.monitoring.probe.kernel.messages import NetlinkError
from orchestrator.monitoring.probe.kernel.netlink import NETFILTER, ask, open_netlink

MOST_TRACKED = 50_000
"""Beyond that, reading them would cost the machine too much."""


class Translations:
    """Those of the machine's own network namespace, as of the last ``refresh``."""

    def __init__(self, proc: str) -> None:
        self.problem = ""
        self._count = f"{proc}/sys/net/netfilter/nf_conntrack_count"
        self._by_opener: dict[Ends, Ends] = {}
        self._by_accepter: dict[Ends, Ends] = {}

    def refresh(self) -> None:
        """Ask the kernel; why nothing is known is the problem."""
        self._by_opener, self._by_accepter, self.problem = {}, {}, ""
        tracked = self._tracked()
        if not tracked:
            return
        if tracked > MOST_TRACKED:
            self.problem = f"NAT is not seen: the kernel tracks {tracked} connections"
            return
        try:
            with open_netlink(NETFILTER) as opened:
                for found in translations(ask(opened, question())):
                    self._by_opener[found.opener] = found.accepter
                    self._by_accepter[found.accepter] = found.opener
        except (NetlinkError, OSError) as error:
            self.problem = f"NAT is not seen: {error.strerror or error}"

    def far_end(self, opener: Ends) -> Ends:
        """What the other end of a socket that opened a connection looks like to itself."""
        found = self._by_opener.get(opener)
        if found is not None:
            return found
        return Ends(opener.remote_ip, opener.remote_port, opener.ip, opener.port)

    def asked(self, accepter: Ends) -> Ends | None:
        """What the opener of a connection that was accepted sees, if that is something else."""
        return self._by_accepter.get(accepter)

    def __iter__(self) -> Iterator[tuple[Ends, Ends]]:
        """All of them: as the one who accepted, and as the one who opened."""
        return iter(self._by_accepter.items())

    def _tracked(self) -> int:
        try:
            descriptor = os.open(self._count, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return 0  # this kernel tracks nothing
        try:
            return int(os.read(descriptor, 20) or b"0")
        except (OSError, ValueError):
            return 0
        finally:
            os.close(descriptor)
