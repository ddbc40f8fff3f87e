"""Recent events: what a listener that comes back is given."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.marathon.adapters import event_ring
from orchestrator.marathon.adapters.event_ring import EventRing


def filled(count: int, size: int = 10) -> EventRing:
    ring = EventRing("p")
    for number in range(count):
        ring.append(f"type-{number}", b"x" * size)
    return ring


@given(count=st.integers(0, 30), seen=st.integers(0, 30))
def test_what_was_seen_and_what_is_given_are_all_events_once(count: int, seen: int) -> None:
    frames = filled(count).after(f"p-{seen}")
    if seen > count:
        assert frames is None
    else:
        assert [frame.number for frame in frames or []] == list(range(seen + 1, count + 1))


def test_a_frame_is_an_event_with_its_id() -> None:
    frame = EventRing("p").append("t", b"{}")
    assert frame.data == b"event: t\r\ndata: {}\r\nid: p-1\r\n\r\n"


def test_the_oldest_events_go_when_there_are_too_many_bytes() -> None:
    size = event_ring.MAX_BYTES // 4
    ring = filled(10, size)
    assert ring.after("p-6") is None
    assert [frame.number for frame in ring.after("p-7") or []] == [8, 9, 10]


def test_the_oldest_events_go_when_there_are_too_many() -> None:
    ring = filled(event_ring.MAX_EVENTS + 5)
    assert ring.after("p-4") is None
    assert len(ring.after("p-5") or []) == event_ring.MAX_EVENTS


def test_the_id_of_another_process_is_unknown() -> None:
    assert filled(3).after("q-2") is None


def test_text_that_is_no_id_is_unknown() -> None:
    for text in ("", "p", "p-", "p--1", "p-x", "p-²", "p-" + "9" * 50, "-2"):
        assert filled(3).after(text) is None
