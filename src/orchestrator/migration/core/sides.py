"""The two ensembles, and the two kinds of session in which the engine writes to each."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Side(IntEnum):
    """One of the two ensembles; indexes pairs."""

    other: Side
    """The ensemble on the other side."""
    A = 0
    B = 1


SIDES = (Side.A, Side.B)
Side.A.other, Side.B.other = Side.B, Side.A


class Role(StrEnum):
    """In which session a batch is written."""

    WRITER = "writer"  # everything that outlives its session
    PROXY = "proxy"  # ephemeral nodes that stand for those of the other side
