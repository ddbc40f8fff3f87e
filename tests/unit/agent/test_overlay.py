"""The agent's part in an overlay."""

from __future__ import annotations

from orchestrator.agent.core import checkpoint
from orchestrator.agent.core.messages import SetOverlay
from orchestrator.agent.core.overlay import Overlay
from orchestrator.mesos.link import OverlayMember, OverlayPeer, OverlayUpdate
from orchestrator.runtime.machine import Save

ASKED = OverlayMember(network="o 9.0.0.0/8 24 4789", subnets=256, address="10.0.0.1")


def peers(*subnets: int) -> list[OverlayPeer]:
    return [OverlayPeer(subnet=n, address=f"10.0.0.{n}") for n in subnets]


def saved(effects: list[object]) -> dict[str, bytes]:
    return {e.key: e.value for e in effects if isinstance(e, Save) and e.value is not None}


def test_the_subnet_is_kept_before_it_is_used_and_asked_for_again() -> None:
    overlay = Overlay(ASKED, None)
    effects = overlay.heard(OverlayUpdate(subnet=1, peers=peers(1, 2), is_complete=True))
    assert [type(effect) for effect in effects] == [Save, SetOverlay]
    kept = checkpoint.load(saved(list(effects))).overlay
    again = Overlay(ASKED, kept).member
    assert again is not None and again.subnet == 1


def test_differences_are_put_together() -> None:
    overlay = Overlay(ASKED, None)
    overlay.heard(OverlayUpdate(subnet=1, peers=peers(1, 2, 3), is_complete=True))
    effects = overlay.heard(OverlayUpdate(subnet=1, peers=peers(4), gone=[2, 9]))
    expected = {1: "10.0.0.1", 3: "10.0.0.3", 4: "10.0.0.4"}
    assert effects == [SetOverlay(subnet=1, peers=expected)]
    overlay.heard(OverlayUpdate(subnet=1, peers=peers(1), is_complete=True))
    assert overlay.peers == {1: "10.0.0.1"}


def test_a_subnet_of_another_overlay_is_not_asked_for() -> None:
    other = OverlayMember(network="else", subnets=256, address="10.0.0.1", subnet=5)
    assert Overlay(ASKED, other).member == ASKED


def test_a_refusal_is_told_and_changes_nothing() -> None:
    overlay = Overlay(ASKED, None)
    overlay.heard(OverlayUpdate(subnet=1, peers=peers(1, 2), is_complete=True))
    assert overlay.heard(OverlayUpdate(problem="full")) == [SetOverlay(problem="full")]
    assert overlay.peers == {1: "10.0.0.1", 2: "10.0.0.2"}


def test_an_agent_that_is_part_of_none_does_not_listen() -> None:
    overlay = Overlay(None, None)
    assert overlay.heard(OverlayUpdate(subnet=1, peers=peers(1), is_complete=True)) == []
    assert overlay.member is None and overlay.forget() == []


def test_who_leaves_for_good_gives_its_subnet_up() -> None:
    overlay = Overlay(ASKED, None)
    overlay.heard(OverlayUpdate(subnet=1, is_complete=True))
    assert overlay.forget() == [Save("overlay", None)]
