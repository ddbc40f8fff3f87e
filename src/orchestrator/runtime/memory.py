"""What the garbage collector is told about a server.

Reference counting frees nearly everything here; cycles come from closed connections and
exceptions only. But the collector looks at every object over and over: with 5,000 agents connected
a full pass takes a second, in which nothing else happens. So it looks at young objects less often
than by default, and at all of them hardly ever.
"""

from __future__ import annotations

import gc

_YOUNG = 10_000  # new objects before the youngest are looked at; a few milliseconds each time
_MIDDLE = 10  # of these, before the next generation is
_OLD = 1_000  # of those, before everything is


def collect_rarely() -> None:
    """Tune the collector of this process for a server with much in memory."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
