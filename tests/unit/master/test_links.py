"""What waits for an agent on its link."""

from __future__ import annotations

from orchestrator.master.adapters.streams import Link
from orchestrator.mesos import codec
from orchestrator.mesos.link import FromMaster, Ping, Refused


def frame(*messages: FromMaster) -> str:
    return codec.encode(list(messages)).decode()


async def test_what_is_queued_together_travels_together() -> None:
    link = Link()
    link.send(Ping())
    link.send(Refused(reason="no"))
    assert await link.take() == frame(Ping(), Refused(reason="no"))


async def test_a_link_ends_after_its_last_words() -> None:
    link = Link()
    link.send(Refused(reason="no"))
    link.close()
    assert await link.take() == frame(Refused(reason="no"))
    assert await link.take() == ""


async def test_nothing_is_said_on_a_link_that_was_closed() -> None:
    link = Link()
    link.close()
    link.send(Ping())
    assert await link.take() == ""


async def test_an_agent_too_far_behind_is_cut_off() -> None:
    link = Link(max_unread_bytes=100)
    for _ in range(20):
        link.send(Ping())
    assert link.is_closing
    assert await link.take() == ""
