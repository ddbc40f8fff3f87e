"""What fits on an offer, and what is said when it does not."""

import pytest

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import (
    Network,
    NetworkMode,
    PortDefinition,
)
from orchestrator.marathon.core.placement.constraints import ALONE
from orchestrator.marathon.core.placement.matching import Match, OpenOffer, Reason
from orchestrator.mesos.resource_wire import parse, parse_attributes, to_wire
from orchestrator.mesos.types import AgentID, FrameworkID, Offer, OfferID

HOST = [Network(mode=NetworkMode.HOST)]


def offer(resources: str = "cpus:4;mem:1024;disk:100;ports:[31000-31002]") -> OpenOffer:
    return OpenOffer(
        Offer(
            id=OfferID(value="o"),
            framework_id=FrameworkID(value="f"),
            agent_id=AgentID(value="agent"),
            hostname="host",
            resources=to_wire(parse(resources)),
            attributes=parse_attributes("rack:r1;level:3"),
        )
    )


def app(ports: int = 0, fixed: list[int] | None = None, **fields: object) -> App:
    numbers = fixed or [0] * ports
    definitions = [PortDefinition(port=port) for port in numbers]
    given = {"cpus": 1.0, "mem": 10.0} | fields
    return App(
        id="/a",
        cmd="x",
        port_definitions=definitions,
        require_ports=fixed is not None,
        **given,  # type: ignore[arg-type]
    )


def matched(open_offer: OpenOffer, wanted: App, seed: str = "seed") -> Match:
    match = open_offer.match(wanted, ALONE, seed)
    assert isinstance(match, Match)
    return match


def test_an_instance_takes_what_it_asks_for() -> None:
    match = matched(offer(), app(cpus=0.5, mem=64))
    assert match.resources.scalar("cpus") == 0.5
    assert match.resources.scalar("mem") == 64


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (app(cpus=5.0), Reason.INSUFFICIENT_CPUS),
        (app(mem=2000.0), Reason.INSUFFICIENT_MEMORY),
        (app(disk=200.0), Reason.INSUFFICIENT_DISK),
        (app(ports=4), Reason.INSUFFICIENT_PORTS),
        (app(fixed=[80]), Reason.INSUFFICIENT_PORTS),
        (app(constraints=[["rack", "LIKE", "r2"]]), Reason.UNFULFILLED_CONSTRAINT),
    ],
)
def test_the_first_thing_that_is_missing_is_the_reason(wanted: App, reason: Reason) -> None:
    assert offer().match(wanted, ALONE, "seed") is reason


def test_ports_are_different_and_from_the_offer() -> None:
    ports = matched(offer(), app(ports=3)).host_ports
    assert sorted(port for port in ports if port) == [31000, 31001, 31002]


def test_required_ports_are_the_ports() -> None:
    assert matched(offer(), app(fixed=[31001])).host_ports == [31001]


def test_the_seed_decides_where_the_choice_of_ports_begins() -> None:
    wide = offer("cpus:4;mem:1024;ports:[31000-31999]")
    chosen = {tuple(matched(wide, app(ports=1), f"seed {n}").host_ports) for n in range(20)}
    assert len(chosen) > 10


def test_what_is_taken_is_gone() -> None:
    open_offer = offer()
    open_offer.take(matched(open_offer, app(cpus=3.0)))
    assert open_offer.match(app(cpus=2.0), ALONE, "seed") is Reason.INSUFFICIENT_CPUS


def test_reserved_resources_go_first_and_are_joined_by_unreserved_ones() -> None:
    open_offer = offer("cpus(web):1;cpus:2;mem:100")
    match = matched(open_offer, app(cpus=2.0, role="web"))
    taken = {kind.role: amount for kind, amount in match.resources.amounts.items()
             if kind.name == "cpus"}  # fmt: skip
    assert taken == {"web": 1000, "*": 1000}


def test_an_app_can_do_without_the_resources_of_a_role() -> None:
    open_offer = offer("cpus(web):4;mem(web):100")
    wanted = app(role="web", accepted_resource_roles=["*"])
    assert open_offer.match(wanted, ALONE, "seed") is Reason.UNFULFILLED_ROLE


def test_constraints_see_attributes_and_the_host() -> None:
    wanted = app(constraints=[["rack", "CLUSTER", "r1"], ["level", "IS", "3.0"],
                              ["hostname", "LIKE", "h.*"]])  # fmt: skip
    assert matched(offer(), wanted)
