"""Known bugs, to be put into the engine of the sync: the simulated ensembles have to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.migration.core.effects import Effect
from orchestrator.migration.core.engine import Engine
from orchestrator.migration.core.events import Event, SessionOpened
from orchestrator.migration.core.settings import Settings
from orchestrator.migration.core.sides import SIDES
from orchestrator.runtime.machine import Save


class TakesEchoesForChanges(Engine):
    """Forgets which sessions are its own."""

    def handle(self, event: Event, now: float) -> Sequence[Effect]:
        effects = super().handle(event, now)
        if isinstance(event, SessionOpened):
            self.state.sides[event.side].sessions.clear()
        return effects


class ForgetsIntents(Engine):
    """Sends batches without saying so before, so that a restart knows nothing of them."""

    def handle(self, event: Event, now: float) -> Sequence[Effect]:
        return _without_intents(super().handle(event, now))

    def wake(self, now: float) -> Sequence[Effect]:
        return _without_intents(super().wake(now))


class GoesOnTooFar(Engine):
    """After a restart, skips a little of what it has not heard yet."""

    def __init__(self, settings: Settings, records: Mapping[str, bytes], now: float) -> None:
        super().__init__(settings, records, now)
        for side in SIDES:
            reached = self.state.sides[side].reached
            if reached is not None:
                self.state.sides[side].reached = reached + 3


class TearsTransactions(Engine):
    """Writes every path for itself."""

    def handle(self, event: Event, now: float) -> Sequence[Effect]:
        units = self.state.units
        for unit in units:
            for path in list(unit.paths)[1:]:
                units.drop(unit, path)
                units.add(unit.side, [path], now)
        return super().handle(event, now)


def _without_intents(effects: Sequence[Effect]) -> list[Effect]:
    return [e for e in effects if not (isinstance(e, Save) and e.key.startswith("intent/"))]
