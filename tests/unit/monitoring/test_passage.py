"""What replicas ask on one probe's channel is kept apart by its ids."""

from __future__ import annotations

import pytest

from orchestrator.monitoring.app.bus.passage import Passage
from orchestrator.monitoring.app.control.hub import MAX_STREAMS, NotReachableError, ProbeChannel
from orchestrator.monitoring.report import control
from orchestrator.monitoring.report.control import FromApp, FromProbe


class Probe:
    """A channel, and what has gone over it."""

    def __init__(self) -> None:
        self.asked: list[FromApp] = []
        self.channel = ProbeChannel("first", self._take)

    async def _take(self, frame: bytes) -> None:
        self.asked.append(control.decode_from_app(frame))

    @property
    def ids(self) -> list[int]:
        """Of all requests."""
        return [one.id for one in self.asked if isinstance(one, control.Request)]

    def passage(self) -> tuple[Passage, list[FromProbe]]:
        """Of another replica, and what it is told."""
        told: list[FromProbe] = []
        return Passage(self.channel, told.append), told


def _asks(id: int) -> control.Request:
    return control.Request(id, "container", "c1", "logs")


async def test_two_replicas_may_use_the_same_numbers() -> None:
    probe = Probe()
    passages = [probe.passage(), probe.passage()]
    for passage, _ in passages:
        await passage.receive(_asks(1))
    ours = probe.ids
    assert len(set(ours)) == 2
    for id in ours:
        probe.channel.receive(control.Response(id, streams=True))
        probe.channel.receive(control.Output(id, b"%d" % id))
        probe.channel.receive(control.ProbeCredit(id, 10))
        probe.channel.receive(control.ProbeEnd(id, exit_code=id))
    for (_, told), id in zip(passages, ours, strict=True):
        assert told == [
            control.Response(1, streams=True),
            control.Output(1, b"%d" % id),
            control.ProbeCredit(1, 10),
            control.ProbeEnd(1, exit_code=id),
        ]


async def test_what_is_said_of_a_stream_goes_to_it_and_of_others_nowhere() -> None:
    probe = Probe()
    passage, told = probe.passage()
    await passage.receive(_asks(5))
    [ours] = probe.ids
    probe.asked.clear()
    for stream in (5, 6, ours):
        await passage.receive(control.Input(stream, b"ls"))
        await passage.receive(control.AppCredit(stream, 10))
    assert probe.asked == [control.Input(ours, b"ls"), control.AppCredit(ours, 10)]
    assert told == []


@pytest.mark.parametrize("end", ["by the probe", "by the user", "by a refusal"])
async def test_what_is_over_is_forgotten(end: str) -> None:
    probe = Probe()
    passage, told = probe.passage()
    for id in range(1, 3 * MAX_STREAMS):
        await passage.receive(_asks(id))
        ours = probe.ids[-1]
        if end == "by a refusal":
            probe.channel.receive(control.Response(ours, problem="no such container"))
            continue
        probe.channel.receive(control.Response(ours, streams=True))
        if end == "by the probe":
            probe.channel.receive(control.ProbeEnd(ours))
        else:
            await passage.receive(control.AppEnd(id))
            assert probe.asked[-1] == control.AppEnd(ours)
    told.clear()
    probe.channel.receive(control.Output(ours, b"late"))
    assert told == []


async def test_a_replica_that_is_gone_ends_its_streams_and_no_others() -> None:
    probe = Probe()
    (leaving, _), (staying, told) = probe.passage(), probe.passage()
    for passage in (leaving, staying):
        await passage.receive(_asks(1))
    first, second = probe.ids
    await leaving.close()
    assert probe.asked[2:] == [control.AppEnd(first)]
    probe.channel.receive(control.Output(second, b"on it goes"))
    assert told == [control.Output(1, b"on it goes")]


async def test_replicas_open_no_more_streams_than_a_probe_has() -> None:
    probe = Probe()
    passage, _ = probe.passage()
    for id in range(MAX_STREAMS):
        await passage.receive(_asks(id + 1))
    with pytest.raises(NotReachableError, match="are open already"):
        await passage.receive(_asks(MAX_STREAMS + 1))
    with pytest.raises(NotReachableError, match="are open already"):
        probe.channel.lend(lambda _: None)


async def test_a_replica_that_pings_hears_that_the_way_is_open() -> None:
    passage, told = Probe().passage()
    await passage.receive(control.Ping())
    assert told == [control.Pong()]
