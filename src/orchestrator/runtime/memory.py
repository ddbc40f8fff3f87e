"""What the garbage collector and the allocator are told about a server.

Reference counting frees nearly everything here; cycles come from closed connections and
exceptions only. But the collector looks at every object over and over: with 5,000 agents connected
a full pass takes a second, in which nothing else happens. So it looks at young objects less often
than by default, and at all of them hardly ever.

glibc gives each thread an arena of its own, and what a thread has freed stays in it. Our threads
are few and work one after the other, at times with much memory: with one arena for all of them the
next thread uses what the one before has left.
"""

from __future__ import annotations

import gc

_YOUNG = 10_000  # new objects before the youngest are looked at; a few milliseconds each time
_MIDDLE = 10  # of these, before the next generation is
_OLD = 1_000  # of those, before everything is
_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


def collect_rarely() -> None:
    """Tune the collector of this process for a server with much in memory."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def keep_one_arena() -> None:
    """Have all threads of this process that begin from now on share their memory, under glibc."""
    import ctypes  # noqa: PLC0415 - the probe, which has no use for it, is to be small

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
