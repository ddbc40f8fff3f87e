"""How the engine's writes reach an ensemble: in order, late, and sometimes nobody knows whether.

When a connection breaks, some of what was sent is still applied, and the rest never; all of it is
``Lost`` to the engine. What it writes or asks afterwards comes behind, as on a session that has
moved to another server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from orchestrator.migration.core.effects import Barrier, Read, Write
from orchestrator.migration.core.events import (
    BarrierPassed,
    Event,
    Lost,
    ReadDone,
    Refused,
    Shown,
    Written,
)
from orchestrator.migration.core.sides import Role, Side
from orchestrator.simulator.kernel import Kernel
from orchestrator.simulator.sync.ensemble import Ensemble, Rejected

Request = Write | Read | Barrier


class Link:
    """The engine's way to one side; ``tell`` takes the outcomes."""

    def __init__(
        self, kernel: Kernel, side: Side, ensemble: Ensemble, tell: Callable[[Event], None]
    ) -> None:
        self._kernel = kernel
        self._side = side
        self._ensemble = ensemble
        self._tell = tell
        self.sessions: dict[Role, int] = {}
        self.slowness = 1.0
        self._sent: deque[Request] = deque()
        self._ghosts: deque[Write] = deque()
        self._answers: deque[tuple[Request, Event]] = deque()
        self._term = 0
        self._is_working = False

    def send(self, request: Request) -> None:
        """A request goes out."""
        self._sent.append(request)
        self._work()

    def break_(self, *, is_told: bool = True) -> None:
        """The connection is lost; without ``is_told`` the engine is dead as well."""
        self._term += 1
        asked = [request for request, _ in self._answers]
        unknown = [r for r in asked if isinstance(r, Write)]
        writes = [r for r in self._sent if isinstance(r, Write)]
        rest: deque[Request] = deque(r for r in [*asked, *self._sent] if not isinstance(r, Write))
        kept = self._kernel.random.randint(0, len(writes))
        self._ghosts.extend(writes[:kept])
        self._answers.clear()
        self._sent = rest if is_told else deque[Request]()
        self._is_working = False
        if is_told:
            for write in [*unknown, *writes]:
                self._later(lambda w=write: self._tell(Lost(w.batch)))  # type: ignore[misc]
        self._kernel.after(self._kernel.between(0.02, 0.5), self._lay_ghosts)

    def _lay_ghosts(self) -> None:
        while self._ghosts:
            self._apply(self._ghosts.popleft())
        self._work()

    def forget_ghosts(self) -> None:
        """The session ended: what is still on its way in it is refused."""
        self._ghosts.clear()

    @property
    def is_busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self._sent or self._ghosts or self._answers or self._is_working)

    # --- requests ------------------------------------------------------------------------------

    def _later(self, action: Callable[[], None]) -> None:
        delay_s = self._kernel.between(0.001, 0.02) * self.slowness
        self._kernel.after(delay_s, action)

    def _work(self) -> None:
        if self._is_working or self._ghosts or not self._sent:
            return
        self._is_working = True
        term = self._term
        self._later(lambda: self._serve() if term == self._term else None)

    def _serve(self) -> None:
        request = self._sent.popleft()
        answer = self._answer(request)
        self._answers.append((request, answer))
        term = self._term
        self._later(lambda: self._reply(term))
        self._is_working = False
        self._work()

    def _reply(self, term: int) -> None:
        if term == self._term and self._answers:
            self._tell(self._answers.popleft()[1])

    def _answer(self, request: Request) -> Event:
        match request:
            case Write():
                return self._apply(request)
            case Barrier(side, token):
                return BarrierPassed(side, token, self._ensemble.zxid)
            case Read(side, token, paths, children):
                get, below = self._ensemble.get, self._ensemble.children
                shown = tuple(Shown(p, get(p), below(p) if children else ()) for p in paths)
                return ReadDone(side, token, shown)

    def _apply(self, write: Write) -> Event:
        try:
            done = self._ensemble.submit(self.sessions[write.role], write.ops)
        except Rejected as rejected:
            zxid = self._ensemble.zxid
            return Refused(write.batch, zxid, rejected.op, rejected.refusal)
        return Written(write.batch, done.zxid)
