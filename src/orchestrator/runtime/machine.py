"""The contract between a pure state machine and the shell that runs it.

A machine is told what happened and answers with effects, in the order in which they must happen. It
never waits, reads no clock and performs nothing itself, so a test, a simulator and a server run the
same code. Timers need no effect: after every event the shell asks ``wake_at`` (as aioquic's
``get_timer``) and calls ``wake`` when that moment has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

Event_contra = TypeVar("Event_contra", contravariant=True)
Effect_co = TypeVar("Effect_co", covariant=True)


class Save(msgspec.Struct, frozen=True, gc=False):
    """An effect: keep ``value`` under ``key``, or forget the key when the value is None.

    Keys are path-like ("agents/<id>"), so that one prefix names all objects of a kind. Every
    effect that follows a save, in this list or a later one, happens only when the save is durable.
    """

    key: str
    value: bytes | None


class Machine(Protocol[Event_contra, Effect_co]):
    """Events in, effects out; ``now`` is Unix seconds and never goes back.

    ``Effect_co`` is the union of what the machine sends; saves may stand anywhere between.
    """

    def handle(self, event: Event_contra, now: float) -> Sequence[Save | Effect_co]:
        """Take in one event; return what has to be done, saves before the sends they cover."""
        ...

    def wake_at(self) -> float | None:
        """When ``wake`` wants to be called next (Unix seconds), None for not at all.

        Asked after every event, so it has to be cheap.
        """
        ...

    def wake(self, now: float) -> Sequence[Save | Effect_co]:
        """Do what is due at ``now``; ``wake_at`` must then lie later, or be None."""
        ...
