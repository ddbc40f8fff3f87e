"""UPDATE_FRAMEWORK and offer constraints."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator.master.core import constraints
from orchestrator.master.core.commands import ChangeFramework
from orchestrator.master.core.errors import OperatorError
from orchestrator.mesos import link
from orchestrator.mesos.resource_wire import parse_attributes
from orchestrator.mesos.scheduler import EventType, OfferConstraints, UpdateFramework
from orchestrator.mesos.types import (
    AgentInfo,
    DomainInfo,
    FaultDomain,
    FrameworkInfo,
    ZoneOrRegion,
)

from .world import FakeFramework, World


def change(framework: FakeFramework, suppressed: tuple[str, ...] = (), **changes: Any) -> None:
    info: FrameworkInfo = msgspec.structs.replace(framework.info, **changes)
    update = UpdateFramework(framework_info=info, suppressed_roles=list(suppressed))
    framework.world.operate(ChangeFramework(framework.id, update))


def multi_role(world: World, *roles: str) -> FakeFramework:
    return world.framework(roles=list(roles), capabilities=["MULTI_ROLE"])


def test_a_new_role_gets_offers_and_one_that_is_left_loses_them() -> None:
    world = World()
    world.agent()
    framework = multi_role(world, "a")
    change(framework, roles=["b"])
    assert framework.of_type(EventType.RESCIND)
    (offer,) = framework.open_offers
    assert offer.allocation_info and offer.allocation_info.role == "b"


def test_suppressing_by_update_keeps_the_offers_that_are_out() -> None:
    world = World()
    world.agent()
    framework = multi_role(world, "a")
    change(framework, suppressed=("a",))
    assert len(framework.open_offers) == 1
    framework.decline(framework.open_offers[0], refuse_s=0)
    world.advance(10)
    assert framework.open_offers == []


def test_agents_with_its_tasks_hear_of_the_change() -> None:
    world = World()
    agent, framework = world.agent(), world.framework()
    framework.launch("t1")
    change(framework, name="renamed")
    assert agent.messages(link.UpdateFramework)[-1].framework.name == "renamed"


@pytest.mark.parametrize(
    ("suppressed", "changes", "reason"),
    [
        ((), {"user": "other"}, "user"),
        ((), {"principal": "other"}, "principal"),
        ((), {"checkpoint": True}, "checkpoint"),
        ((), {"role": "a b"}, "space"),
        (("elsewhere",), {}, "elsewhere"),
    ],
)
def test_what_cannot_change_changes_nothing(
    suppressed: tuple[str, ...], changes: dict[str, Any], reason: str
) -> None:
    world = World()
    framework = world.framework()
    before = world.master.cluster.frameworks[framework.id].info
    with pytest.raises(OperatorError, match=reason):
        change(framework, suppressed, **changes)
    assert world.master.cluster.frameworks[framework.id].info == before


def test_an_unknown_framework_cannot_change() -> None:
    world = World()
    update = UpdateFramework(framework_info=FrameworkInfo(user="u", name="n"))
    with pytest.raises(OperatorError, match="cannot be found"):
        world.operate(ChangeFramework("nobody", update))


# --- offer constraints ---------------------------------------------------------------------------

AGENT = AgentInfo(
    hostname="web-1",
    attributes=parse_attributes("rack:r1;level:2"),
    domain=DomainInfo(
        fault_domain=FaultDomain(region=ZoneOrRegion(name="eu"), zone=ZoneOrRegion(name="eu-1"))
    ),
)


def constrained(selector: dict[str, Any], predicate: dict[str, Any]) -> OfferConstraints:
    group = {"attribute_constraints": [{"selector": selector, "predicate": predicate}]}
    return msgspec.convert({"role_constraints": {"*": {"groups": [group]}}}, OfferConstraints)


RACK, LEVEL, HOST = (
    {"attribute_name": "rack"},
    {"attribute_name": "level"},
    {"pseudoattribute_type": "HOSTNAME"},
)


@pytest.mark.parametrize(
    ("selector", "predicate", "allowed"),
    [
        (RACK, {"exists": {}}, True),
        (RACK, {"not_exists": {}}, False),
        ({"attribute_name": "none"}, {"exists": {}}, False),
        ({"attribute_name": "none"}, {"not_exists": {}}, True),
        (RACK, {"text_equals": {"value": "r1"}}, True),
        (RACK, {"text_equals": {"value": "r2"}}, False),
        (RACK, {"text_not_equals": {"value": "r1"}}, False),
        (RACK, {"text_matches": {"regex": "r[0-9]"}}, True),
        (RACK, {"text_matches": {"regex": "r"}}, False),
        (RACK, {"text_not_matches": {"regex": "r.*"}}, False),
        (LEVEL, {"text_equals": {"value": "x"}}, True),
        (HOST, {"text_matches": {"regex": "web-.*"}}, True),
        ({"pseudoattribute_type": "REGION"}, {"text_equals": {"value": "eu"}}, True),
        ({"pseudoattribute_type": "ZONE"}, {"text_equals": {"value": "eu-2"}}, False),
    ],
)
def test_predicates(selector: dict[str, Any], predicate: dict[str, Any], allowed: bool) -> None:
    wanted = constrained(selector, predicate)
    assert constraints.problem(wanted) is None
    assert constraints.allow(wanted, "*", AGENT) is allowed


def test_other_roles_are_not_constrained() -> None:
    assert constraints.allow(constrained(RACK, {"not_exists": {}}), "web", AGENT)


@pytest.mark.parametrize(
    ("selector", "predicate", "reason"),
    [
        ({}, {"exists": {}}, "either by name or by type"),
        ({**RACK, **HOST}, {"exists": {}}, "either by name or by type"),
        ({"pseudoattribute_type": "PLANET"}, {"exists": {}}, "PLANET"),
        (RACK, {}, "exactly one predicate"),
        (RACK, {"exists": {}, "not_exists": {}}, "exactly one predicate"),
        (RACK, {"text_matches": {"regex": "("}}, "regular expression"),
        (RACK, {"text_matches": {"regex": "(?=x)"}}, "regular expression"),
        (RACK, {"text_matches": {"regex": "x" * 5000}}, "longer than"),
    ],
)
def test_constraints_that_cannot_be_are_refused_with_a_reason(
    selector: dict[str, Any], predicate: dict[str, Any], reason: str
) -> None:
    assert reason in (constraints.problem(constrained(selector, predicate)) or "")


def test_a_hostile_expression_takes_no_time() -> None:
    wanted = constrained(HOST, {"text_matches": {"regex": "(a*)*b"}})
    agent = AgentInfo(hostname="a" * 5000)
    assert not constraints.allow(wanted, "*", agent)


def test_offers_come_only_of_agents_that_satisfy_the_constraints() -> None:
    world = World()
    world.agent(attributes=parse_attributes("rack:r1"))
    wanted = world.agent(attributes=parse_attributes("rack:r2"))
    framework = world.framework()
    for offer in framework.open_offers:
        framework.decline(offer, refuse_s=0)
    update = UpdateFramework(
        framework_info=framework.info,
        offer_constraints=constrained(RACK, {"text_equals": {"value": "r2"}}),
    )
    world.operate(ChangeFramework(framework.id, update))
    world.advance(10)
    assert [o.agent_id.value for o in framework.open_offers] == [wanted.id]


def test_roles_that_are_left_with_nothing_in_them_are_forgotten() -> None:
    world = World()
    world.agent()
    framework = world.framework(capabilities=["MULTI_ROLE"], roles=["r0"])
    framework.launch("t1")
    for n in range(1, 5):
        change(framework, roles=[f"r{n}"])
        world.advance(1)
    assert list(world.master.cluster.frameworks[framework.id].usage) == ["r0", "r4"]


def test_an_expression_that_would_take_much_memory_is_refused_and_not_logged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    for regex in ("(.*a.{900}){3}", "("):
        wanted = constrained(HOST, {"text_matches": {"regex": regex}})
        assert "too large a one" in (constraints.problem(wanted) or "")
    assert capfd.readouterr() == ("", "")
