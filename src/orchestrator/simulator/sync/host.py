"""The process the engine lives in: its journal, its timer, its death.

Effects wait until the saves before them are durable; several answers become durable together. Death
takes what was not durable, and what was not sent. What was sent may still arrive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from orchestrator.migration.core.effects import (
    Alert,
    Barrier,
    ConflictFound,
    Effect,
    Read,
    Reply,
    Write,
)
from orchestrator.migration.core.engine import Engine
from orchestrator.migration.core.events import (
    Command,
    Event,
    Heard,
    Operated,
    SessionOpened,
    SourceOpened,
)
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.runtime.machine import Save
from orchestrator.simulator.kernel import Appointment, Kernel
from orchestrator.simulator.sync.ensemble import Ensemble
from orchestrator.simulator.sync.feed import Feed
from orchestrator.simulator.sync.link import Link
from orchestrator.zookeeper import source


class Host:
    """One engine at a time; ``records`` outlive it. ``told`` and ``sent`` are for onlookers."""

    def __init__(
        self, kernel: Kernel, settings: Settings, engine: type[Engine], ensembles: list[Ensemble]
    ) -> None:
        self.records: dict[str, bytes] = {}
        self.replies: dict[int, Reply] = {}
        self.engine: Engine | None = None
        self.watchers: list[Callable[[object], None]] = []
        self.feeds: list[Feed] = []
        self.links = [Link(kernel, side, ensembles[side], self.tell) for side in SIDES]
        self._kernel = kernel
        self._settings = settings
        self._kind = engine
        self._ensembles = ensembles
        self._next_session = 100
        self._undone: deque[Sequence[Effect]] = deque()
        self._timer: Appointment | None = None
        self._life = 0
        self._tokens = 0

    def listener(self, side: Side) -> Callable[[source.Event], None]:
        """What a side's feed talks to."""
        return lambda event: self.tell(Heard(side, event))

    def opened(self, side: Side) -> None:
        """A side's feed is another, or begins."""
        feed = self.feeds[side]
        self.tell(SourceOpened(side, not feed.is_watching, feed.reveals))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way to or from the engine."""
        return (
            self.engine is not None
            and not self._undone
            and not any(link.is_busy for link in self.links)
            and all(feed.is_idle for feed in self.feeds)
        )

    # --- life and death --------------------------------------------------------------------------

    def start(self) -> None:
        """A process begins, from what is durable."""
        self._life += 1
        self.engine = self._kind(self._settings, dict(self.records), self._kernel.now)
        for side in SIDES:
            feed = self.feeds[side]
            self.opened(side)
            for role in Role:
                self._open(side, role)
            feed.follow(self.engine.positions()[side])
        self.wake()

    def die(self) -> None:
        """It is killed."""
        self.engine = None
        self._undone.clear()
        self._life += 1
        for side in SIDES:
            self.feeds[side].stop()
            self.links[side].break_(is_told=False)

    def expire(self, side: Side, role: Role) -> None:
        """A session of the engine's ends, and another begins."""
        link = self.links[side]
        link.break_(is_told=self.engine is not None)
        link.forget_ghosts()
        session = link.sessions.pop(role, None)
        if session is not None:
            self._ensembles[side].close(session)
        if self.engine is not None:
            self._open(side, role)

    def _open(self, side: Side, role: Role) -> None:
        link = self.links[side]
        if role not in link.sessions:
            self._next_session += 1
            link.sessions[role] = self._next_session
        self.tell(SessionOpened(side, role, link.sessions[role]))

    # --- events and effects ----------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """The engine is told something."""
        if self.engine is None:
            return
        for watcher in self.watchers:
            watcher(event)
        self._perform(self.engine.handle(event, self._kernel.now))

    def command(self, command: Command) -> int:
        """Somebody commands; the token of the reply."""
        self._tokens += 1
        self.tell(Operated(self._tokens, command))
        return self._tokens

    def wake(self) -> None:
        """The timer went off."""
        if self.engine is None:
            return
        self._perform(self.engine.wake(self._kernel.now))

    def _perform(self, effects: Sequence[Effect]) -> None:
        assert self.engine is not None
        due = self.engine.wake_at()
        if self._timer is not None:
            self._timer.cancel()
        if due is not None:
            least = self._kernel.now + 1e-4
            self._timer = self._kernel.at(max(due, least), self.wake)
        if not effects:
            return
        self._undone.append(effects)
        if len(self._undone) == 1:
            self._commit_later()

    def _commit_later(self) -> None:
        life = self._life
        delay_s = self._kernel.between(0.0005, 0.01)
        self._kernel.after(delay_s, lambda: self._commit() if life == self._life else None)

    def _commit(self) -> None:
        """Some of what waits becomes durable, at once; then what follows it is sent."""
        count = self._kernel.random.randint(1, len(self._undone))
        durable = [self._undone.popleft() for _ in range(count)]
        for effects in durable:
            for effect in effects:
                if isinstance(effect, Save):
                    self._save(effect)
        for effects in durable:
            for effect in effects:
                self._send(effect)
        if self._undone:
            self._commit_later()

    def _save(self, save: Save) -> None:
        if save.value is None:
            self.records.pop(save.key, None)
        else:
            self.records[save.key] = save.value

    def _send(self, effect: Effect) -> None:
        for watcher in self.watchers:
            watcher(effect)
        match effect:
            case Write() | Read() | Barrier():
                self.links[effect.side].send(effect)
            case Reply():
                self.replies[effect.token] = effect
            case Save() | Alert() | ConflictFound():
                pass
