"""Overlays: agents get subnets, keep them, and hear of each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.master.world import World

from orchestrator.master.core.messages import AgentRegistered, AgentSaid, LinkClosed
from orchestrator.master.core.subnets import Place, Subnets
from orchestrator.mesos import link
from orchestrator.mesos.types import AgentID, AgentInfo

NET = "overlay 9.0.0.0/8 24 4789"


class OverlayAgent:
    """One link of an agent that is part of an overlay, or not."""

    def __init__(
        self,
        world: World,
        address: str | None,
        agent_id: str | None = None,
        subnets: int = 256,
        subnet: int | None = None,
        network: str = NET,
    ) -> None:
        self.world, self.address = world, address
        self.link = world.name("link")
        member = link.OverlayMember(
            network=network, subnets=subnets, address=address or "", subnet=subnet
        )
        info = AgentInfo(
            hostname=f"host-{address}", id=AgentID(value=agent_id) if agent_id else None
        )
        register = link.Register(
            agent=info, version="1", overlay=member if address is not None else None
        )
        world.feed(AgentRegistered(self.link, register, "127.0.0.1"))

    @property
    def id(self) -> str:
        messages = self.world.messages[self.link]
        return next(m.agent_id.value for m in messages if isinstance(m, link.Registered))

    @property
    def news(self) -> list[link.OverlayUpdate]:
        messages = self.world.messages[self.link]
        return [m for m in messages if isinstance(m, link.OverlayUpdate)]

    @property
    def knows(self) -> dict[int, str]:
        """The peers as an agent puts them together from the news."""
        known: dict[int, str] = {}
        for one in self.news:
            known = {} if one.is_complete else known
            known |= {peer.subnet: peer.address for peer in one.peers}
            known = {n: address for n, address in known.items() if n not in one.gone}
        return known

    def leaves(self) -> None:
        self.world.feed(AgentSaid(self.link, link.Leaving()))

    def falls_silent(self, while_heard: OverlayAgent) -> None:
        """It is given up as unreachable, while another goes on answering."""
        self.world.feed(LinkClosed(self.link))
        for _ in range(20):
            self.world.advance(10)
            self.world.feed(AgentSaid(while_heard.link, link.Pong()))
        assert self.id not in self.world.master.cluster.agents


def test_each_agent_gets_a_subnet_and_hears_of_all_others() -> None:
    world = World()
    agents = [OverlayAgent(world, f"10.0.0.{n}") for n in (1, 2, 3)]
    world.advance(1)
    expected = {1: "10.0.0.1", 2: "10.0.0.2", 3: "10.0.0.3"}
    assert [agent.knows for agent in agents] == [expected] * 3
    assert [agent.news[-1].subnet for agent in agents] == [1, 2, 3]


def test_what_happens_at_once_is_told_at_once_and_later_only_the_difference() -> None:
    world = World()
    first = OverlayAgent(world, "10.0.0.1")
    world.advance(1)
    for n in (2, 3):
        OverlayAgent(world, f"10.0.0.{n}")
    world.advance(1)
    assert [len(one.peers) for one in first.news] == [1, 2]
    assert [one.is_complete for one in first.news] == [True, False]
    world.advance(500)
    assert len(first.news) == 2, "nothing has changed"


def test_agents_without_an_overlay_hear_nothing_and_no_timer_runs_for_them() -> None:
    world = World()
    agent = OverlayAgent(world, None)
    world.advance(100)
    assert agent.news == []
    assert world.master.state.overlays == {}


def test_an_agent_that_is_away_keeps_its_place_and_one_that_left_does_not() -> None:
    world = World()
    stays, away, leaves = (OverlayAgent(world, f"10.0.0.{n}") for n in (1, 2, 3))
    world.advance(1)
    leaves.leaves()
    away.falls_silent(while_heard=stays)
    assert stays.knows == {1: "10.0.0.1", 2: "10.0.0.2"}
    assert OverlayAgent(world, "10.0.0.9").knows == {}
    world.advance(1)
    assert stays.knows[3] == "10.0.0.9", "the subnet was given to the next"


def test_an_agent_that_comes_back_from_elsewhere_has_its_old_subnet_there() -> None:
    world = World()
    stays, moves = OverlayAgent(world, "10.0.0.1"), OverlayAgent(world, "10.0.0.2")
    world.advance(1)
    moves.falls_silent(while_heard=stays)
    back = OverlayAgent(world, "10.0.0.7", moves.id)
    world.advance(1)
    assert stays.knows == back.knows == {1: "10.0.0.1", 2: "10.0.0.7"}


def test_the_next_master_knows_who_has_what_before_anybody_is_back() -> None:
    world = World()
    first, second = OverlayAgent(world, "10.0.0.1"), OverlayAgent(world, "10.0.0.2")
    world.advance(1)
    later = world.restarted()
    newcomer = OverlayAgent(later, "10.0.0.3", "other-S1")
    back = OverlayAgent(later, "10.0.0.2", second.id)
    later.advance(1)
    assert newcomer.knows == back.knows == {1: "10.0.0.1", 2: "10.0.0.2", 3: "10.0.0.3"}
    assert first.id in later.master.state.records


def test_a_master_that_has_forgotten_everything_believes_the_agent() -> None:
    world = World()
    agent = OverlayAgent(world, "10.0.0.1", "other-S7", subnet=7)
    world.advance(1)
    assert agent.news[-1].subnet == 7


def test_agents_that_configured_the_overlay_differently_are_strangers() -> None:
    world = World()
    one = OverlayAgent(world, "10.0.0.1")
    other = OverlayAgent(world, "10.0.0.2", network="overlay 9.0.0.0/8 25 4789")
    world.advance(1)
    assert one.knows == {1: "10.0.0.1"}
    assert other.knows == {1: "10.0.0.2"}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"address": "nowhere"}, "'nowhere' is not an IPv4 address"),
        ({"address": "10.0.0.9", "subnets": 0}, "cannot be right"),
        ({"address": "10.0.0.9", "network": "x" * 1000}, "cannot be right"),
        ({"address": "10.0.0.9", "subnets": 2}, "has no subnet left"),
    ],
)
def test_who_cannot_have_a_subnet_hears_why_and_is_an_agent_nonetheless(
    settings: dict[str, object], complaint: str
) -> None:
    world = World()
    OverlayAgent(world, "10.0.0.1")
    agent = OverlayAgent(world, **settings)  # type: ignore[arg-type]
    assert agent.id in world.master.cluster.agents
    (news,) = agent.news
    assert news.problem is not None and complaint in news.problem


def test_an_agent_that_gives_its_overlay_up_is_forgotten_there() -> None:
    world = World()
    stays, other = OverlayAgent(world, "10.0.0.1"), OverlayAgent(world, "10.0.0.2")
    world.advance(1)
    world.feed(LinkClosed(other.link))
    info = AgentInfo(hostname="host-10.0.0.2", id=AgentID(value=other.id))
    again = AgentRegistered("l", link.Register(agent=info, version="1"), "127.0.0.1")
    world.feed(again)
    world.advance(1)
    assert stays.knows == {1: "10.0.0.1"}


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(-1, 9), st.booleans())))
def test_no_two_agents_ever_have_one_subnet(steps: list[tuple[str, int, bool]]) -> None:
    subnets = Subnets()
    for name, wanted, stays in steps:
        if not stays:
            subnets.remove(name)
            continue
        number = subnets.choose(name, 6, [wanted])
        full = len(subnets.places) >= 5
        assert number is not None or (full and name not in subnets.numbers) or full
        if number is not None:
            assert 0 < number < 6
            subnets.settle(number, Place(name, name))
    assert {place.agent_id: n for n, place in subnets.places.items()} == subnets.numbers
