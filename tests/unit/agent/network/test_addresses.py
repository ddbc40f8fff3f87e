"""The arithmetic of overlays, and what differs between two states of a device."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.network import builtin
from orchestrator.agent.adapters.network.overlay.addresses import (
    MAX_SUBNETS,
    Overlay,
    OverlayError,
    gateway_of,
    mac_of,
    parse,
)
from orchestrator.agent.adapters.network.overlay.entries import Entries, difference, wanted

OVERLAY = parse("overlay", "9.0.0.0/8", 24, 4789)
HERE = IPv4Address("10.0.0.1")


@st.composite
def overlays(draw: st.DrawFn) -> Overlay:
    prefix = draw(st.integers(2, 30))
    whole = draw(st.integers(max(1, prefix - 20), prefix - 1))
    base = draw(st.integers(0, 2**whole - 1)) << (32 - whole)
    return parse("o", f"{IPv4Address(base)}/{whole}", prefix, 4789)


@given(overlays(), st.data())
def test_subnets_lie_in_the_network_side_by_side(overlay: Overlay, data: st.DataObject) -> None:
    numbers = st.integers(0, overlay.subnets - 1)
    one, other = data.draw(numbers), data.draw(numbers)
    first, second = overlay.subnet(one), overlay.subnet(other)
    assert first.subnet_of(overlay.network) and second.subnet_of(overlay.network)
    assert first.overlaps(second) == (one == other)
    assert gateway_of(first) in first
    assert 2 <= overlay.subnets <= MAX_SUBNETS


@given(overlays())
def test_names_and_ids_fit_the_kernel_and_differ_by_every_setting(overlay: Overlay) -> None:
    assert 0 < overlay.vni < 2**24
    assert len(overlay.device) <= 15
    assert len(builtin.overlay_bridge("o", overlay.subnet(1))) <= 15
    assert overlay._replace(port=4790).device != overlay.device
    assert parse(*overlay[:1], str(overlay.network), overlay.prefix, overlay.port) == overlay


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_macs_are_local_unicast_and_one_for_each_host(one: IPv4Address, other: IPv4Address) -> None:
    first = int(mac_of(one)[:2], 16)
    assert first & 0b11 == 0b10
    assert (mac_of(one) == mac_of(other)) == (one == other)


@pytest.mark.parametrize(
    ("network", "prefix", "complaint"),
    [
        ("nine", 24, "'nine' is not an IPv4 network"),
        ("9.0.0.1/8", 24, "'9.0.0.1/8' is not an IPv4 network"),
        ("fd00::/8", 24, "is not an IPv4 network"),
        ("9.0.0.0/8", 8, "/8 is not"),
        ("9.0.0.0/8", 31, "/31 is not"),
        ("0.0.0.0/0", 24, "more than 1048576 subnets"),
    ],
)
def test_an_overlay_that_cannot_be_is_refused(network: str, prefix: int, complaint: str) -> None:
    with pytest.raises(OverlayError, match=complaint):
        parse("o", network, prefix, 4789)


def test_peers_on_this_host_and_peers_that_cannot_be_need_no_entries() -> None:
    peers = {1: str(HERE), 2: "10.0.0.2", 3: str(HERE), 4: "nonsense", 70_000: "10.0.0.9"}
    entries = wanted(OVERLAY, HERE, peers)
    assert dict(entries.routes) == {IPv4Network("9.0.2.0/24"): IPv4Address("9.0.2.0")}
    assert dict(entries.neighbours) == {IPv4Address("9.0.2.0"): "02:6f:0a:00:00:02"}
    assert dict(entries.forwarding) == {"02:6f:0a:00:00:02": IPv4Address("10.0.0.2")}


peer_maps = st.dictionaries(st.integers(0, 40), st.sampled_from([f"10.0.0.{n}" for n in range(8)]))


@given(peer_maps, peer_maps)
def test_a_difference_leads_from_one_state_to_the_other(
    before: dict[int, str], after: dict[int, str]
) -> None:
    old, new = wanted(OVERLAY, HERE, before), wanted(OVERLAY, HERE, after)
    missing, stale = difference(old, new)

    def applied(kind: str) -> dict[object, object]:
        kept = {k: v for k, v in getattr(old, kind).items() if k not in getattr(stale, kind)}
        return kept | dict(getattr(missing, kind))

    assert Entries(*(applied(kind) for kind in Entries._fields)) == new  # type: ignore[arg-type]
    assert difference(new, new)[0].size == difference(new, new)[1].size == 0
