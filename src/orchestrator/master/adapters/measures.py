"""How long the allocator and the registry take, measured around the core and its store.

The core reads no clock, so both are wrapped for the driver. Figures have Mesos' names: of each kind
the newest ``WINDOW`` durations, in milliseconds, as count, last and percentiles.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

from orchestrator.master.core.master import Master
from orchestrator.master.core.messages import Effect, Input, Send
from orchestrator.runtime.driver import Driver
from orchestrator.runtime.machine import Save
from orchestrator.runtime.store import Store

WINDOW = 1000
_PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "p999": 99.9, "p9999": 99.99}


class Durations:
    """The newest durations of one kind."""

    def __init__(self) -> None:
        self.count = 0
        self._newest: deque[float] = deque(maxlen=WINDOW)

    def add(self, duration_s: float) -> None:
        """Note one."""
        self.count += 1
        self._newest.append(duration_s * 1000)

    def figures(self, name: str) -> dict[str, float]:
        """``name``, ``name/count``, ``name/p99`` and so on; all zero before the first."""
        ordered = sorted(self._newest) or [0.0]
        last = self._newest[-1] if self._newest else 0.0
        figures = {name: last, f"{name}/count": float(self.count)}
        figures |= {f"{name}/min": ordered[0], f"{name}/max": ordered[-1]}
        highest = len(ordered) - 1
        for suffix, percent in _PERCENTILES.items():
            figures[f"{name}/{suffix}"] = ordered[round(highest * percent / 100)]
        return figures


class Measures:
    """Everything that is measured of one master; ``kept`` is what its registry held at first."""

    def __init__(self, kept: Mapping[str, bytes]) -> None:
        self.runs = Durations()
        self.latencies = Durations()  # from a change to the end of the run that offers it
        self.stores = Durations()
        self.registry_bytes = {key: len(value) for key, value in kept.items()}

    def figures(self, driver: Driver[Input, Send]) -> dict[str, float]:
        """By Mesos' names."""
        return {
            **self.runs.figures("allocator/mesos/allocation_run_ms"),
            **self.latencies.figures("allocator/mesos/allocation_run_latency_ms"),
            **self.stores.figures("registrar/state_store_ms"),
            "allocator/mesos/allocation_runs": float(self.runs.count),
            "registrar/registry_size_bytes": float(sum(self.registry_bytes.values())),
            "registrar/queued_operations": float(driver.queued),
            "master/event_queue_dispatches": float(driver.queued),
        }


class MeasuredMaster:
    """The core, with its allocation runs timed (``runtime.machine.Machine``)."""

    def __init__(self, master: Master, measures: Measures) -> None:
        self._master = master
        self._measures = measures
        self._changed_at: float | None = None

    def handle(self, event: Input, now: float) -> Sequence[Effect]:
        """See Machine."""
        effects = self._master.handle(event, now)
        if self._changed_at is None and self._master.state.changed_agents:
            self._changed_at = time.perf_counter()
        return effects

    def wake_at(self) -> float | None:
        """See Machine."""
        return self._master.wake_at()

    def wake(self, now: float) -> Sequence[Effect]:
        """See Machine."""
        earlier, began = self._master.state.allocations, time.perf_counter()
        effects = self._master.wake(now)
        if self._master.state.allocations != earlier:
            ended = time.perf_counter()
            self._measures.runs.add(ended - began)
            self._measures.latencies.add(ended - (self._changed_at or began))
        self._changed_at = None
        return effects


class MeasuredStore:
    """The registry's store, with its commits timed and its size known (``Store``)."""

    def __init__(self, store: Store, measures: Measures) -> None:
        self._store = store
        self._measures = measures

    async def load(self, prefix: str) -> dict[str, bytes]:
        """See Store."""
        return await self._store.load(prefix)

    async def commit(self, saves: Sequence[Save]) -> None:
        """See Store."""
        began = time.perf_counter()
        await self._store.commit(saves)
        self._measures.stores.add(time.perf_counter() - began)
        for save in saves:
            if save.value is None:
                self._measures.registry_bytes.pop(save.key, None)
            else:
                self._measures.registry_bytes[save.key] = len(save.value)

    async def close(self) -> None:
        """See Store."""
        await self._store.close()
