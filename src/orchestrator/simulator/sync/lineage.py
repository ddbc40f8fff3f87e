"""What each value of a node knew of others when it was written.

Whoever writes through a side knows what that side shows, and all that this knew. A value that
replaces one it did not know of has won a conflict; where no conflict is on record, one was lost.
"""

from __future__ import annotations

from orchestrator.migration.core.sides import Side

Shown = bytes | str | None
"""What is compared of a part of a node: data, or a list in words; `ABSENT` for no node."""
ABSENT = "absent"


class Value:
    """A value of a part (data, or access list) of a node; ``known`` are numbers of other values.
    ``transaction`` is that of its writer, ``time_ms`` as his side's clock said."""

    __slots__ = ("alike", "known", "number", "shown", "side", "time_ms", "transaction")

    def __init__(self, number: int, shown: Shown, side: Side, time_ms: int) -> None:
        self.number = number
        self.shown = shown
        self.side = side
        self.time_ms = time_ms
        self.known: set[int] = set()
        self.alike: set[int] = set()
        self.transaction: tuple[Side, int] = (side, 0)

    def knows(self, other: Value) -> bool:
        """Whether it was written by somebody who could see ``other``, or what came of it."""
        return other is self or other.number in self.known or other.number in self.alike

    @property
    def seen(self) -> set[int]:
        """All that its writer may have known of."""
        return self.known | self.alike

    def learn(self, *others: Value) -> None:
        """Its writer saw these."""
        for other in others:
            if other is not self:
                self.known.add(other.number)
                self.known |= other.known
                self.alike |= other.alike

    def liken(self, other: Value) -> None:
        """Its writer saw the same as the other side showed, so one is as good as the other; whether
        the engine ever knew that is another question."""
        self.alike |= {other.number} | other.known | other.alike


class Part:
    """Data or list of one path, on both sides: what was shown there, the newest last."""

    def __init__(self) -> None:
        nothing = Value(0, ABSENT, Side.A, 0)
        self.shown: tuple[list[Value], list[Value]] = ([nothing], [nothing])

    def now(self, side: Side) -> Value:
        """What a side shows."""
        return self.shown[side][-1]

    def show(self, side: Side, value: Value) -> None:
        """A side shows something else."""
        if value is not self.now(side):
            self.shown[side].append(value)

    def since(self, value: Value, side: Side) -> list[Value]:
        """What a side showed since it had ``value``, and that itself."""
        return [v for v in self.shown[side] if v.knows(value)]

    def find(self, side: Side, shown: Shown) -> Value | None:
        """The value of a side's that looks like this and may have come to the other: the first
        that knew of what is there, else the newest."""
        alike = [value for value in self.shown[side] if value.shown == shown]
        was = self.now(side.other)
        return next((v for v in alike if v.knows(was)), alike[-1] if alike else None)
