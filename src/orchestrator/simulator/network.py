"""The network: connections that are ordered and reliable until they break, and requests.

A connection is TCP as its users see it. What is sent arrives, in order, after a delay of its own;
if the way is cut, it waits and arrives when the cut heals. A connection that is *reset* loses what
is under way, and each end hears of it by itself. One that goes *dead* loses everything and nobody
hears: only pings find out. Between different connections there is no order.

A request is one HTTP POST on a connection of its own: it may be lost on the way there or back,
which looks the same to the one who asks, and (seldom) arrive twice, as from a proxy that tries
again.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.simulator.connection import End, Fin, ignore
from orchestrator.simulator.kernel import Kernel

DELAY_S = (0.0002, 0.01)
OPEN_TIMEOUT_S = 5.0
REQUEST_TIMEOUT_S = 10.0


class Network:
    """All connections; nodes are known by name."""

    def __init__(self, kernel: Kernel) -> None:
        self.slowness = 1.0
        self.loss = 0.0  # of requests
        self.repetition = 0.0  # of requests
        self.cuts: set[tuple[str, str]] = set()  # ordered pairs between which nothing passes
        self.is_down: set[str] = set()  # nodes that are switched off, so nobody even says no
        self._kernel = kernel
        self._listeners: dict[str, Callable[[End], None]] = {}
        self._ends: dict[str, dict[int, End]] = {}
        self._count = 0

    # --- who is there --------------------------------------------------------------------------

    def listen(self, node: str, accept: Callable[[End], None]) -> None:
        """Take connections on a node."""
        self._listeners[node] = accept

    def stop(self, node: str, *, power: bool) -> None:
        """End all that a node has open: closed by its kernel, or gone with its power."""
        self._listeners.pop(node, None)
        for end in self.ends(node):
            if power:
                end.vanish()
            else:
                end.close()

    def ends(self, node: str) -> list[End]:
        """The open ends on a node."""
        return list(self._ends.get(node, {}).values())

    # --- connections ---------------------------------------------------------------------------

    def connect(
        self, client: str, server: str, opened: Callable[[], None], lose: Callable[[str], None]
    ) -> End:
        """Open a connection; ends in ``opened`` or in ``lose``."""
        end = self._new_end(client)
        end.lose = lose
        give_up_at = self._kernel.now + OPEN_TIMEOUT_S

        def arrive() -> None:
            if not end.is_open:
                return
            if self._is_cut(client, server) or server in self.is_down:
                if self._kernel.now < give_up_at:
                    self._kernel.after(1.0, arrive)
                else:
                    end.break_off("no answer")
            elif server not in self._listeners:
                end.break_off("connection refused")
            else:
                self._accept(end, server, opened)

        self._kernel.after(self._delay_s(), arrive)
        return end

    def _accept(self, end: End, server: str, opened: Callable[[], None]) -> None:
        peer = self._new_end(server)
        end.peer, peer.peer = peer, end
        self._listeners[server](peer)
        self.transmit(peer, opened)

    def _new_end(self, node: str) -> End:
        self._count += 1
        end = End(self, node, self._count)
        end.peer = end  # until somebody answers
        self._ends.setdefault(node, {})[end.number] = end
        return end

    def forget(self, end: End) -> None:
        """No longer count an end as open."""
        self._ends[end.node].pop(end.number, None)

    def transmit(self, sender: End, message: object) -> None:
        """Put a message on its way, behind those sent before it."""
        if sender.is_dead or sender.peer is sender:
            return
        sender.outbox.append(message)
        sender.clear_at = max(sender.clear_at, self._kernel.now + self._delay_s())
        self._kernel.at(sender.clear_at, lambda: self._arrive(sender))

    def _arrive(self, sender: End) -> None:
        if not sender.outbox or sender.is_dead:
            return
        receiver = sender.peer
        if (sender.node, receiver.node) in self.cuts or sender.stuck:
            sender.stuck += 1
            return
        message = sender.outbox.popleft()
        if receiver.is_open:
            self._hand_over(receiver, message)
        elif sender.is_open and receiver.node not in self.is_down:
            sender.outbox.clear()
            self._kernel.after(self._delay_s(), lambda: sender.break_off("connection reset"))

    def _hand_over(self, receiver: End, message: object) -> None:
        if isinstance(message, Fin):
            receiver.break_off("closed by the other side")
        elif callable(message):  # that the connection stands
            message()
        else:
            receiver.hear(message)

    # --- requests ------------------------------------------------------------------------------

    def request(
        self,
        client: str,
        server: str,
        handle: Callable[[], str | None],
        answered: Callable[[str | None], None],
    ) -> None:
        """Have ``handle`` happen on the server; ``answered`` with why it did not succeed."""
        times = 2 if self._kernel.chance(self.repetition) else 1
        is_lost = self._kernel.chance(self.loss)
        for turn in range(times):
            is_last = turn == times - 1
            self._ask(client, server, handle, answered if is_last else ignore, is_lost=is_lost)

    def _ask(
        self,
        client: str,
        server: str,
        handle: Callable[[], str | None],
        answered: Callable[[str | None], None],
        *,
        is_lost: bool,
    ) -> None:
        def time_out() -> None:
            self._kernel.after(REQUEST_TIMEOUT_S, lambda: answered("no answer"))

        def arrive() -> None:
            if (client, server) in self.cuts or server in self.is_down:
                time_out()
            elif server not in self._listeners:
                answered("connection refused")
            elif is_lost and self._kernel.chance(0.5):
                self._kernel.after(self._delay_s(), lambda: answered("connection reset"))
            else:
                come_back(handle())

        def come_back(problem: str | None) -> None:
            if (server, client) in self.cuts or is_lost:
                time_out()
            else:
                self._kernel.after(self._delay_s(), lambda: answered(problem))

        self._kernel.after(self._delay_s(), arrive)

    # --- what goes wrong -----------------------------------------------------------------------

    def reset(self, end: End) -> None:
        """Break a connection: what is under way is lost, each side hears of it by itself."""
        self.deaden(end)
        for one in (end, end.peer):
            self._kernel.after(
                self._delay_s(),
                lambda one=one: one.break_off("connection reset"),  # type: ignore[misc]
            )

    def deaden(self, end: End) -> None:
        """Let a connection swallow everything, so that only silence tells."""
        for one in (end, end.peer):
            one.is_dead = True
            one.outbox.clear()

    def cut(self, sender: str, receiver: str) -> None:
        """Let nothing pass from one node to another."""
        self.cuts.add((sender, receiver))

    def heal(self, sender: str, receiver: str) -> None:
        """Let pass again, first what has waited."""
        self.cuts.discard((sender, receiver))
        for end in self._waiting(sender, receiver):
            waiting, end.stuck = end.stuck, 0
            for _ in range(waiting):
                end.clear_at = max(end.clear_at, self._kernel.now + self._delay_s())
                self._kernel.at(end.clear_at, lambda end=end: self._arrive(end))  # type: ignore[misc]

    def _waiting(self, sender: str, receiver: str) -> list[End]:
        """Ends on one node with something stuck on its way to the other, closed ones among them."""
        found = {end.number: end for end in self.ends(sender)}
        found |= {end.peer.number: end.peer for end in self.ends(receiver)}
        return [
            end
            for end in found.values()
            if end.stuck and end.node == sender and end.peer.node == receiver
        ]

    def _is_cut(self, a: str, b: str) -> bool:
        return (a, b) in self.cuts or (b, a) in self.cuts

    def _delay_s(self) -> float:
        return self._kernel.between(*DELAY_S) * self.slowness
