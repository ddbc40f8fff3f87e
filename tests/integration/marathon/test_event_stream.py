"""Listeners that do not read, and quiet times."""

from orchestrator.marathon.adapters import event_stream
from orchestrator.marathon.adapters.event_stream import EventHub, Listener
from orchestrator.marathon.core.events import AppTerminated

EVENT = AppTerminated(timestamp="2026-01-01T00:00:00.000Z", app_id="/a" * 10_000)


async def test_a_listener_that_falls_behind_is_cut_off_and_others_are_not() -> None:
    hub, slow, other = EventHub(), Listener([]), Listener(["deployment_info"])
    hub.add(slow)
    hub.add(other)
    for _ in range(300):
        hub.publish(EVENT)
    assert slow.stream.is_closed
    assert not other.stream.is_closed
    assert len(hub) == 1


async def test_the_number_of_listeners_is_bounded() -> None:
    hub = EventHub()
    for _ in range(event_stream.MAX_LISTENERS):
        hub.add(Listener([]))
    assert hub.is_full


async def test_listeners_are_let_go_when_the_server_ends() -> None:
    listener = Listener([])
    async with EventHub().running() as hub:
        hub.add(listener)
    assert listener.stream.is_closed
