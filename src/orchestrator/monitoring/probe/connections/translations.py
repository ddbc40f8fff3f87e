"""Connections that the machine passes on to another address.

Ports of its own addresses it publishes for others, who know no other address. Of an address that no
machine has (that of a Kubernetes service) each machine makes another one for what connects from it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice

from orchestrator.monitoring.probe.connections.diag import Ends
from orchestrator.monitoring.probe.connections.nat import question, translations
from orchestrator.monitoring.probe.kernel.addresses import is_loopback
from orchestrator.monitoring.probe.kernel.messages import Message, NetlinkError
from orchestrator.monitoring.probe.kernel.netlink import NETFILTER, ask, open_netlink
from orchestrator.monitoring.report import Protocol

Side = tuple[Protocol, Ends]
"""A connection as one of its ends sees it."""
MOST_READ = 5_000
"""At once, which takes 50 ms. Older kernels tell of what was not translated as well."""


class Translations:
    """Those of the machine's own network namespace, as of the last ``refresh``."""

    def __init__(self, proc: str) -> None:
        self.problem = ""
        self._count = f"{proc}/sys/net/netfilter/nf_conntrack_count"
        self._by_opener: dict[Side, Ends] = {}
        self._by_accepter: dict[Side, Ends] = {}
        self._own: frozenset[str] = frozenset()

    def note_own(self, ips: frozenset[str]) -> None:
        """The machine's addresses, by which others know its published ports."""
        self._own = ips

    def refresh(self) -> None:
        """Ask the kernel; why nothing is known is the problem."""
        self._by_opener, self._by_accepter, self.problem = {}, {}, ""
        if not self._tracked():
            return
        try:
            with open_netlink(NETFILTER) as opened:
                self.read(ask(opened, question()))
        except (NetlinkError, OSError) as error:
            self.problem = f"NAT is not seen: {error.strerror or error}"

    def read(self, told: Iterator[Message]) -> None:
        """Take in what the kernel tells, as far as there is room."""
        for found in translations(islice(told, MOST_READ)):
            self._by_opener[found.protocol, found.opener] = found.accepter
            if self._is_own(found.opener.remote_ip):
                self._by_accepter[found.protocol, found.accepter] = found.opener
        if next(told, None) is not None:
            self.problem = f"NAT is seen of the first {MOST_READ} connections only"

    def far_end(self, protocol: Protocol, opener: Ends) -> Ends:
        """What the other end of a socket that opened a connection looks like to itself."""
        found = self._by_opener.get((protocol, opener))
        if found is not None:
            return found
        return Ends(opener.remote_ip, opener.remote_port, opener.ip, opener.port)

    def meant(self, protocol: Protocol, opener: Ends) -> Ends:
        """A socket that opened a connection, with the end that it got if nobody has the one that it
        asked for."""
        found = self._by_opener.get((protocol, opener))
        if found is None or self._is_own(opener.remote_ip):
            return opener
        return Ends(opener.ip, opener.port, found.ip, found.port)

    def asked(self, protocol: Protocol, accepter: Ends) -> Ends | None:
        """What the opener of a connection to a published port sees, which is something else."""
        return self._by_accepter.get((protocol, accepter))

    def __iter__(self) -> Iterator[tuple[Side, Ends]]:
        """Those to published ports: as the one who accepted, and as the one who opened."""
        return iter(self._by_accepter.items())

    def _is_own(self, ip: str) -> bool:
        return ip in self._own or is_loopback(ip)

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
